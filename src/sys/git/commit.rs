//! Making commits without touching a branch, a checkout or an editor.
use super::error::GitError;
use super::object::write_object;
use super::oid::Oid;
use super::people::Signed;
use super::repo::{Git, failed};

/// Who and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Seconds since the Unix epoch.
    pub time: i64,
}

/// A commit to make.
#[derive(Debug, Clone)]
pub struct NewCommit<'a> {
    /// Its tree.
    pub tree: Oid,
    /// Its parents in order.
    pub parents: &'a [Oid],
    /// Its whole message.
    pub message: &'a str,
    /// Who wrote and committed it; the user, now, if not said.
    pub signature: Option<Signature>,
}

impl Signature {
    /// For commits that must come out the same whenever they are made.
    pub fn timeless() -> Self {
        Self { name: "specmake".into(), email: "specmake@localhost".into(), time: 0 }
    }
}

impl Git {
    /// Makes a commit; no ref moves.
    ///
    /// # Errors
    /// [`GitError::NoIdentity`] if git does not know who the user is.
    pub fn commit_tree(&self, commit: &NewCommit<'_>) -> Result<Oid, GitError> {
        match self.commit_without_git(commit) {
            Some(oid) => Ok(oid),
            None => self.commit_by_git(commit),
        }
    }

    /// `None`: git must make it, or say why it cannot be made.
    fn commit_without_git(&self, commit: &NewCommit<'_>) -> Option<Oid> {
        let signed = match &commit.signature {
            _ if !self.is_plain() => None,
            Some(who) => Signed::by(who),
            None => self.people()?.sign(),
        };
        write_object(self.common_dir(), "commit", content(commit, &signed?)?.as_bytes()).ok()
    }

    fn commit_by_git(&self, commit: &NewCommit<'_>) -> Result<Oid, GitError> {
        let mut command = self.command(["commit-tree", "--no-gpg-sign", &commit.tree.to_string()]);
        for parent in commit.parents {
            command = command.args(["-p", &parent.to_string()]);
        }
        if let Some(who) = &commit.signature {
            let date = format!("@{} +0000", who.time);
            for role in ["AUTHOR", "COMMITTER"] {
                command = command
                    .env(format!("GIT_{role}_NAME"), &who.name)
                    .env(format!("GIT_{role}_EMAIL"), &who.email)
                    .env(format!("GIT_{role}_DATE"), &date);
            }
        }
        let command = command.args(["-F", "-"]).stdin(commit.message);
        let captured = self.ask(&command)?;
        if captured.success() {
            return Ok(captured.text().parse()?);
        }
        self.require_identity()?;
        Err(failed(&command, &captured))
    }

    /// Makes sure that git knows who commits.
    ///
    /// # Errors
    /// [`GitError::NoIdentity`].
    pub fn require_identity(&self) -> Result<(), GitError> {
        for name in ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"] {
            if !self.ask(&self.command(["var", name]))?.success() {
                return Err(GitError::NoIdentity);
            }
        }
        Ok(())
    }
}

/// A commit as git keeps it. `None`: git would not write it in this way.
fn content(commit: &NewCommit<'_>, signed: &Signed) -> Option<String> {
    let twice = |(at, parent): (usize, &Oid)| commit.parents[..at].contains(parent);
    if commit.message.contains('\0') || commit.parents.iter().enumerate().any(twice) {
        return None;
    }
    let mut text = format!("tree {}\n", commit.tree);
    for parent in commit.parents {
        text += &format!("parent {parent}\n");
    }
    text += &format!("author {}\ncommitter {}\n\n", signed.author, signed.committer);
    Some(text + commit.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn raw(world: &World, oid: Oid) -> String {
        world.git(&["cat-file", "commit", &oid.to_string()])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn a_commit_is_what_git_makes_of_it(
            message in "([ -~é]{0,40}\n?){0,4}",
            name in "[a-zé.<' ]{0,5}",
            parents in vec(0..2_usize, 0..3),
            time in 0..2_000_000_000_i64,
        ) {
            let world = World::new(&[("a", "1")]);
            let git = world.open();
            let first = world.oid("HEAD");
            world.git(&["commit", "-q", "--allow-empty", "-m", "second"]);
            let tips = [first, world.oid("HEAD")];
            let parents: Vec<Oid> = parents.into_iter().map(|at| tips[at]).collect();
            let signature = Some(Signature { name, email: "ada@example.org".into(), time });
            let tree = git.tree_of(first).unwrap();
            let commit = NewCommit { tree, parents: &parents, message: &message, signature };
            let ours = git.commit_without_git(&commit);
            prop_assert_eq!(git.commit_tree(&commit).ok(), git.commit_by_git(&commit).ok());
            if let Some(oid) = ours {
                prop_assert_eq!(git.commit_by_git(&commit).unwrap(), oid);
                world.git(&["fsck", "--strict", "--no-dangling"]);
            }
        }
    }

    #[test]
    fn who_commits_is_whom_git_names() {
        let world = World::new(&[("a", "1")]);
        world.git(&["config", "user.name", " Ada, L. "]);
        world.git(&["config", "user.email", "ada@example.org"]);
        let named = |git: &Git, make: &dyn Fn(&Git, &NewCommit<'_>) -> Option<Oid>| {
            let tree = git.tree_of(world.oid("HEAD")).unwrap();
            let commit = NewCommit { tree, parents: &[], message: "x\n", signature: None };
            let text = raw(&world, make(git, &commit).unwrap());
            text.replace(|c: char| c.is_ascii_digit(), "0")
        };
        let without = |git: &Git, commit: &NewCommit<'_>| git.commit_without_git(commit);
        let by_git = |git: &Git, commit: &NewCommit<'_>| git.commit_by_git(commit).ok();
        let undated = world.open_unsigned();
        assert_eq!(named(&undated, &without), named(&undated, &by_git));
        // What is said for each commit is not remembered.
        let tree = undated.tree_of(world.oid("HEAD")).unwrap();
        let commit = NewCommit { tree, parents: &[], message: "x\n", signature: None };
        assert_eq!(world.open().commit_without_git(&commit), None);
        assert_eq!(undated.with_env("GIT_COMMITTER_DATE", "@1 +0000").commit_without_git(&commit), None);
    }

    #[test]
    fn a_repository_of_another_kind_is_left_to_git() {
        let world = World::new(&[("a", "1")]);
        world.git(&["init", "-q", "--object-format=sha256", "../other"]);
        let other = world.open_at(&world.root().join("other"));
        let tree: Oid =
            other.line(["hash-object", "-t", "tree", "-w", "/dev/null"]).unwrap().parse().unwrap();
        let signature = Some(Signature::timeless());
        let commit = NewCommit { tree, parents: &[], message: "x\n", signature };
        assert_eq!(other.commit_without_git(&commit), None);
        assert!(other.commit_tree(&commit).is_ok());
    }
}
