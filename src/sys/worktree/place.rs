//! Where worktrees lie: beside the repository, never in it.
use crate::sys::files::tidy;
use crate::sys::git::{Git, GitError};
use std::path::{Path, PathBuf};

/// The place for a spec's worktree: `template` with `{repo}` and `{spec}` filled in, relative to the main
/// checkout (to the folder of a bare repository).
///
/// # Errors
/// [`GitError::InsideRepository`].
pub fn place(git: &Git, template: &str, spec: &str) -> Result<PathBuf, GitError> {
    let top = git.main_work_tree().unwrap_or(git.common_dir());
    let path = settled(&place_as_written(git, template, spec));
    let inside = |folder: &Path| path.starts_with(settled(folder));
    if inside(top) || inside(git.common_dir()) {
        return Err(GitError::InsideRepository { path });
    }
    Ok(path)
}

/// The place for a spec's worktree with links on its way not resolved.
pub fn place_as_written(git: &Git, template: &str, spec: &str) -> PathBuf {
    let filled = template.replace("{repo}", &git.name()).replace("{spec}", spec);
    tidy(&git.main_work_tree().unwrap_or(git.common_dir()).join(filled))
}

/// The path with the links on its way resolved as far as it exists.
pub(super) fn settled(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    #[test]
    fn places_are_beside_the_repository() {
        let world = World::new(&[]);
        let git = world.open();
        let good = place(&git, "../{repo}.worktrees/{spec}", "051-retry").unwrap();
        assert_eq!(good, world.root().join("repo.worktrees/051-retry"));
        std::os::unix::fs::symlink(world.top(), world.root().join("link")).unwrap();
        for bad in ["trees/{spec}", ".", "../repo/x", "../link/{spec}", ".git/{spec}", "../other/../repo/x"] {
            assert!(matches!(place(&git, bad, "a"), Err(GitError::InsideRepository { .. })), "{bad}");
        }
        assert!(place(&git, "../repository/{spec}", "a").is_ok());
    }
}
