//! Trees and blobs.
use super::error::GitError;
use super::index::TempIndex;
use super::oid::{Content, Entry, Mode, Oid};
use super::path;
use super::repo::Git;

impl Git {
    /// The tree of a commit.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn tree_of(&self, commit: Oid) -> Result<Oid, GitError> {
        self.object(&format!("{commit}^{{tree}}"))?
            .ok_or_else(|| GitError::NoSuchRevision { name: commit.to_string() })
    }

    /// Every file of a tree or commit, in git's order.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn ls_tree(&self, treeish: Oid) -> Result<Vec<Entry>, GitError> {
        let command = self.command(["ls-tree", "-r", "-z", "--full-tree", &treeish.to_string()]);
        let captured = self.run(&command)?;
        let lines = captured.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        lines.map(entry).collect()
    }

    /// Keeps these bytes as a blob, as they are.
    ///
    /// # Errors
    /// git fails, for want of space above all.
    pub fn hash_blob(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        let command = self.command(["hash-object", "-w", "--stdin", "--no-filters"]);
        Ok(self.run(&command.stdin(bytes))?.text().parse()?)
    }

    /// The tree that `base` becomes with these paths replaced; `None` removes one. A path that becomes a
    /// folder's name must be removed too.
    ///
    /// # Errors
    /// git fails.
    pub fn write_tree(&self, base: Oid, edits: &[(String, Option<Content>)]) -> Result<Oid, GitError> {
        let index = TempIndex::of_tree(self, base)?;
        index.replace(edits)?;
        index.write_tree()
    }
}

/// `100644 blob OID\tPATH`
fn entry(line: &[u8]) -> Result<Entry, GitError> {
    let odd = || GitError::Unreadable { what: format!("a tree with `{}`", String::from_utf8_lossy(line)) };
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(odd)?;
    let head = std::str::from_utf8(&line[..tab]).map_err(|_| odd())?;
    let mut fields = head.split(' ');
    let (Some(mode), Some(_kind), Some(oid)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(odd());
    };
    let content = Content { mode: Mode::parse(mode)?, oid: oid.parse()? };
    Ok(Entry { content, path: path::to_text(&line[tab + 1..]) })
}
