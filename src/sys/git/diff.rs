//! What differs between two trees, as data and as text.
use super::error::GitError;
use super::oid::{Change, Content, Mode, Oid};
use super::path;
use super::repo::Git;

/// The switches that make a diff the same for every user, whatever is configured.
pub(super) const STEADY: [&str; 5] =
    ["--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none"];

impl Git {
    /// The paths that differ between two trees or commits, renames as a removal and an addition.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn diff_tree(&self, old: Oid, new: Oid) -> Result<Vec<Change>, GitError> {
        // Of commits git would take the second for a parent of the first.
        let (old, new) = (self.tree_of(old)?, self.tree_of(new)?);
        if old == new {
            return Ok(Vec::new());
        }
        if let Some(changes) = self.differ().changes(&self.main(), old, new) {
            return changes;
        }
        let command = self.command(["diff-tree", "-r", "--raw", "--no-abbrev", "-z"]);
        let command = command.args(STEADY).args([old.to_string(), new.to_string()]);
        changes(&self.run(&command)?.stdout)
    }

    /// The difference as a patch for people and agents, over all paths or only these.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn diff_text(&self, old: Oid, new: Oid, paths: &[String]) -> Result<String, GitError> {
        let command = self
            .command(["--literal-pathspecs", "diff", "--patch", "--no-relative"])
            .args(STEADY)
            .args(["--src-prefix=a/", "--dst-prefix=b/"])
            .args([old.to_string(), new.to_string()])
            .arg("--")
            .args(paths.iter().map(|path| path::to_os(path)));
        let captured = self.run(&command)?;
        Ok(String::from_utf8_lossy(&captured.stdout).into_owned())
    }
}

/// Reads the output of `--raw -z`.
pub(crate) fn changes(output: &[u8]) -> Result<Vec<Change>, GitError> {
    let mut tokens = output.split(|byte| *byte == 0).filter(|token| !token.is_empty());
    let mut changes = Vec::new();
    while let Some(head) = tokens.next() {
        changes.push(change(head, tokens.next())?);
    }
    Ok(changes)
}

/// Reads one entry: `:100644 100644 OID OID M` and its path.
pub(super) fn change(head: &[u8], path: Option<&[u8]>) -> Result<Change, GitError> {
    let odd = || GitError::Unreadable { what: format!("a diff with `{}`", String::from_utf8_lossy(head)) };
    let text = std::str::from_utf8(head).map_err(|_| odd())?;
    let mut fields = text.strip_prefix(':').ok_or_else(odd)?.split(' ');
    let mut field = || fields.next().ok_or_else(odd);
    let (old_mode, new_mode) = (Mode::parse(field()?)?, Mode::parse(field()?)?);
    let (old, new) = (field()?.parse()?, field()?.parse()?);
    let side = |mode: Mode, oid: Oid| (mode.0 != 0).then_some(Content { mode, oid });
    Ok(Change {
        path: path::to_text(path.ok_or_else(odd)?),
        old: side(old_mode, old),
        new: side(new_mode, new),
    })
}
