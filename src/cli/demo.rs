//! `specmake demo`: a throwaway repository in which there is something to build, and an agent that needs no key.
use crate::sys::child::GIT_FAMILY;
use crate::sys::process::Invocation;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of the repository.
const FILES: [(&str, &str); 3] = [
    ("Specfile", include_str!("demo/Specfile")),
    ("README.md", include_str!("demo/README.md")),
    ("demo.kdl", include_str!("demo/demo.kdl")),
];

/// A new folder for temporary files that stays when the program ends.
///
/// # Errors
/// It could not be made.
pub fn place() -> io::Result<PathBuf> {
    tempfile::Builder::new().prefix("specmake-demo-").tempdir().map(tempfile::TempDir::keep)
}

/// Makes the repository in `folder`, with its first commit, and says where it is: a folder of its own, so
/// that its worktrees have a place beside it.
///
/// # Errors
/// A file could not be written, there is already one in the way, or git refused; in git's own words.
pub fn prepare(folder: &Path) -> io::Result<PathBuf> {
    let repo = folder.join("shop");
    fs::create_dir_all(folder)?;
    fs::create_dir(&repo).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let what = format!("there is already `{}`; name another folder", repo.display());
            io::Error::new(io::ErrorKind::AlreadyExists, what)
        }
        _ => error,
    })?;
    for (path, text) in FILES {
        fs::write(repo.join(path), text)?;
    }
    git(&repo, ["init", "--quiet", "--initial-branch=main", "--template="])?;
    // The repository's own name and address: there may be none on this machine, and landings need one too.
    git(&repo, ["config", "user.name", "specmake demo"])?;
    git(&repo, ["config", "user.email", "demo@example.invalid"])?;
    git(&repo, ["config", "commit.gpgSign", "false"])?;
    git(&repo, ["add", "--all"])?;
    git(&repo, ["commit", "--quiet", "--no-verify", "--message=A shop that is still to be built"])?;
    Ok(repo)
}

fn git<A: AsRef<OsStr>>(repo: &Path, args: impl IntoIterator<Item = A>) -> io::Result<()> {
    let invocation = GIT_FAMILY.into_iter().fold(Invocation::new("git"), Invocation::without_env);
    let invocation = invocation.args(args).cwd(repo);
    let captured = invocation.capture()?;
    if captured.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&captured.stderr).trim().to_owned();
    Err(io::Error::other(format!("`{}` failed: {words}", invocation.line())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::demo::script::Script;
    use crate::syntax::format;

    #[test]
    fn the_repository_has_one_commit_and_nothing_left_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = prepare(folder.path()).expect("a repository");
        let said = |args: &[&str]| {
            let captured = Invocation::new("git").args(args).cwd(&repo).capture().expect("git");
            String::from_utf8(captured.stdout).expect("text")
        };
        assert_eq!(said(&["rev-list", "--count", "main"]), "1\n");
        assert_eq!(said(&["status", "--porcelain"]), "");
        let refused = prepare(folder.path()).expect_err("what is there is never written over");
        assert!(refused.to_string().contains("name another folder"), "{refused}");
    }

    #[test]
    fn its_specfile_is_well_formed() {
        for (_, text) in FILES.iter().filter(|(path, _)| *path == "Specfile") {
            assert_eq!(format(text).as_deref(), Ok(*text));
        }
    }

    #[test]
    fn its_script_is_one() {
        for (path, text) in FILES.iter().filter(|(path, _)| path.ends_with(".kdl")) {
            assert!(Script::read(path, text).is_ok_and(|script| script.pause.is_some()));
        }
    }
}
