//! Making commits without touching a branch, a checkout or an editor.
use super::error::GitError;
use super::oid::Oid;
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
