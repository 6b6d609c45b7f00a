//! `specmake worktree list`: the worktrees of specs in progress, and what is in them.
use super::exit::Exit;
use crate::sys::git::{Git, GitError, Listed};
use crate::sys::worktree::{Stays, Worktree};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// A worktree of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The spec, as the branch's mark says.
    pub spec: String,
    /// Its branch.
    pub branch: String,
    /// The worktree's folder; `None` if the branch has none.
    pub path: Option<PathBuf>,
    /// What is in it.
    pub state: State,
}

/// What is in a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing that is not committed.
    Clean,
    /// Something that would be lost, or somebody.
    Held(Stays),
    /// Its folder is gone.
    Lost,
    /// There is a branch and no worktree.
    BranchOnly,
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Held(Stays::Dirty(_)) => "dirty",
            Self::Held(_) => "held",
            Self::Lost => "lost",
            Self::BranchOnly => "branch only",
        }
    }

    fn why(&self) -> Option<String> {
        match self {
            Self::Held(stays) => Some(stays.to_string()),
            _ => None,
        }
    }
}

/// The branches that carry our mark, each with its worktree, by spec.
///
/// # Errors
/// git fails.
pub fn rows(git: &Git) -> Result<Vec<Row>, GitError> {
    let listed = git.worktrees()?;
    let refs = git.refs(&["refs/heads/"])?;
    let mut rows = Vec::new();
    for (branch, spec) in git.marked_branches()? {
        if !refs.contains_key(&crate::sys::git::branch_ref(&branch)) {
            continue;
        }
        let place = listed.iter().find(|one| !one.bare && one.branch.as_deref() == Some(branch.as_str()));
        rows.push(Row {
            state: state(git, &branch, place)?,
            path: place.map(|one| one.path.clone()),
            spec,
            branch,
        });
    }
    rows.sort_by(|a, b| (&a.spec, &a.branch).cmp(&(&b.spec, &b.branch)));
    Ok(rows)
}

fn state(git: &Git, branch: &str, place: Option<&Listed>) -> Result<State, GitError> {
    match place {
        None => Ok(State::BranchOnly),
        Some(one) if one.lost => Ok(State::Lost),
        Some(one) => {
            let stays = Worktree::open(git, &one.path)?.stays(Some(branch))?;
            Ok(stays.map_or(State::Clean, State::Held))
        }
    }
}

/// Writes the list, for people or as JSON.
///
/// # Errors
/// git fails, or the answer cannot be written.
pub fn list(git: &Git, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, GitError> {
    let rows = rows(git)?;
    if rows.is_empty() && !json {
        writeln!(err, "specmake: no spec is in progress").map_err(GitError::io("write the answer"))?;
    }
    let text = if json { document(&rows) } else { table(&rows) };
    out.write_all(text.as_bytes()).map_err(GitError::io("write the answer"))?;
    Ok(Exit::Done)
}

fn document(rows: &[Row]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "spec": row.spec,
                "branch": row.branch,
                "path": row.path.as_ref().map(|path| path.display().to_string()),
                "state": row.state.word(),
                "why": row.state.why(),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "worktrees": rows }))
}

fn table(rows: &[Row]) -> String {
    let width = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
    let (specs, branches) = (width(|row| &row.spec), width(|row| &row.branch));
    let mut text = String::new();
    for row in rows {
        let path = row.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let state = row.state.why().unwrap_or_else(|| row.state.word().to_owned());
        let line = format!("{:specs$}  {:branches$}  {state}  {path}", row.spec, row.branch);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
