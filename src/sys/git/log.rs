//! History in one pass: commits with their messages and what each changed.
use super::diff::{STEADY, change};
use super::error::GitError;
use super::oid::{Change, Oid};
use super::repo::Git;

/// One commit of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its name.
    pub oid: Oid,
    /// Its parents in order.
    pub parents: Vec<Oid>,
    /// Who wrote it: `Name <address>`.
    pub author: String,
    /// When it was written, in seconds since the Unix epoch.
    pub author_time: i64,
    /// Its whole message.
    pub body: String,
    /// What it changed against its parent; nothing for a merge.
    pub changes: Vec<Change>,
}

const FORMAT: &str = "--format=%H%x00%P%x00%at%x00%an <%ae>%x00%B%x00";

impl Git {
    /// The commits that `include` reach and `exclude` do not, parents before children, in one process.
    ///
    /// # Errors
    /// One of the commits is not there.
    pub fn log(&self, include: &[Oid], exclude: &[Oid]) -> Result<Vec<LogEntry>, GitError> {
        self.log_of(include, exclude, true)
    }

    /// The same without what each changed, which is cheaper.
    ///
    /// # Errors
    /// One of the commits is not there.
    pub fn messages(&self, include: &[Oid], exclude: &[Oid]) -> Result<Vec<LogEntry>, GitError> {
        self.log_of(include, exclude, false)
    }

    /// Who wrote a path on a branch since a commit: the newest few subjects of its first parents, with their names.
    ///
    /// # Errors
    /// One of the commits is not there.
    pub fn mainline_subjects(&self, since: Oid, tip: Oid, path: &str) -> Result<Vec<String>, GitError> {
        let range = format!("{since}..{tip}");
        let command =
            self.command(["log", "--first-parent", "--max-count=3", "--format=%s (%h)", &range, "--"]);
        let captured = self.run(&command.arg(format!(":(top,literal){path}")))?;
        Ok(captured.text().lines().map(str::to_owned).collect())
    }

    fn log_of(&self, include: &[Oid], exclude: &[Oid], changes: bool) -> Result<Vec<LogEntry>, GitError> {
        if include.is_empty() {
            return Ok(Vec::new());
        }
        let mut revisions = String::new();
        for oid in include {
            revisions.push_str(&format!("{oid}\n"));
        }
        for oid in exclude {
            revisions.push_str(&format!("^{oid}\n"));
        }
        let mut command = self.command(["log", "-z", "--topo-order", "--reverse", "--no-show-signature"]);
        command = command.args([FORMAT, "--no-mailmap"]);
        if changes {
            command =
                command.args(["--raw", "--no-abbrev", "--no-diff-merges", "--no-relative"]).args(STEADY);
        } else {
            command = command.arg("--no-patch");
        }
        let captured = self.run(&command.arg("--stdin").stdin(revisions))?;
        entries(&captured.stdout)
    }
}

/// Reads what [`FORMAT`] and `--raw -z` write. No field can hold a NUL, and a field's place tells what it
/// is, so neither a message nor a path can pretend to be something else.
fn entries(output: &[u8]) -> Result<Vec<LogEntry>, GitError> {
    let mut tokens = output.split(|byte| *byte == 0).peekable();
    let mut entries = Vec::new();
    loop {
        while tokens.next_if(|token| token.is_empty()).is_some() {}
        let Some(oid) = tokens.next() else { return Ok(entries) };
        let mut field =
            || tokens.next().ok_or_else(|| GitError::Unreadable { what: "history that breaks off".into() });
        let (parents, time, author, body) = (field()?, field()?, field()?, field()?);
        let mut entry = LogEntry {
            oid: text(oid).parse()?,
            parents: text(parents).split_whitespace().map(str::parse).collect::<Result<_, _>>()?,
            author: text(author),
            author_time: text(time).parse().unwrap_or(0),
            body: text(body),
            changes: Vec::new(),
        };
        // The end of the commit, then a line break before the first change.
        while tokens.next_if(|token| token.is_empty()).is_some() {}
        while let Some(head) =
            tokens.next_if(|token| token.strip_prefix(b"\n").unwrap_or(token).starts_with(b":"))
        {
            let head = head.strip_prefix(b"\n").unwrap_or(head);
            entry.changes.push(change(head, tokens.next())?);
        }
        entries.push(entry);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
