//! The user's checkout: what is edited there and not yet committed, the commit that those edits would
//! make, and making it. Nothing but the files named is ever touched, staged ones of the user's included.
use super::git::{Git, GitError, Keeping, NewCommit, Oid, Operation, Signature, TempIndex, path};
use super::landing::{Busy, Move, Moved, move_entries};
use super::lock::RefsLock;
use std::collections::{BTreeMap, HashSet};

/// All that is edited in a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// The branch checked out; `None` if HEAD is detached.
    pub branch: Option<String>,
    /// The merge, rebase or such that is under way.
    pub operation: Option<Operation>,
    /// One for each path, sorted by path.
    pub files: Vec<Edit>,
}

/// One path that is not as in the commit checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub path: String,
    /// How.
    pub kind: EditKind,
    /// The index holds it with a content that is neither the commit's nor the file's.
    pub staged_otherwise: bool,
}

/// How a file differs from the commit checked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditKind {
    /// It is tracked and changed.
    Modified,
    /// It is tracked and gone.
    Deleted,
    /// It is new and in the index.
    Added,
    /// It is new and not in the index. A path that ends in `/` is a repository within this one.
    Untracked,
    /// It has conflicts that nobody resolved.
    Conflicted,
}

/// What came of a commit of some files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is made, and the branch is there.
    Done(Oid),
    /// The files are as in the base already.
    Nothing,
    /// These cannot be committed: staged with another content, or in conflict.
    Staged {
        /// The paths.
        paths: Vec<String>,
    },
    /// Not now.
    Busy(Busy),
    /// The base has moved meanwhile.
    BaseMoved {
        /// Where to.
        now: Option<Oid>,
    },
}

/// Lists what is edited in a checkout, untracked files in untracked folders too; ignored ones are not.
///
/// # Errors
/// There is no checkout, or git fails.
pub fn edits(git: &Git) -> Result<Edits, GitError> {
    git.require_work_tree()?;
    let command = git.command([
        "status",
        "--porcelain=v2",
        "-z",
        "--branch",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=none",
    ]);
    let captured = git.run(&command)?;
    let mut edits = Edits { operation: Operation::under_way(git.git_dir()), ..Edits::default() };
    let mut files: BTreeMap<String, Edit> = BTreeMap::new();
    for line in captured.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let line = path::to_text(line);
        if let Some(branch) = line.strip_prefix("# branch.head ") {
            edits.branch = (branch != "(detached)").then(|| branch.to_owned());
        } else if let Some(edit) = edit(&line)? {
            files
                .entry(edit.path.clone())
                // Removed from the index and there all the same: two lines, one file.
                .and_modify(|there| {
                    there.kind = EditKind::Modified;
                    there.staged_otherwise = true;
                })
                .or_insert(edit);
        }
    }
    edits.files = files.into_values().collect();
    Ok(edits)
}

/// The commit that would hold exactly these files as they lie, on top of `base`. No ref moves, no index
/// changes, and the same content makes the same commit. It is `base` itself if nothing differs.
///
/// # Errors
/// A path leads through a symlink or names a folder, or git fails.
pub fn virtual_commit(git: &Git, base: Oid, paths: &[String]) -> Result<Oid, GitError> {
    let signature = Some(Signature::timeless());
    Ok(commit_of(git, base, paths, "not committed yet\n", signature)?.unwrap_or(base))
}

/// Commits exactly these files as they lie and moves `branch` from `base` to that commit. Whatever else is
/// staged, edited, removed or new stays as it is, byte for byte. No hook runs and nothing is signed.
///
/// # Errors
/// A path leads through a symlink or names a folder, git does not know the user, or git fails.
pub fn commit_paths(
    git: &Git,
    branch: &str,
    base: Oid,
    paths: &[String],
    message: &str,
) -> Result<Committed, GitError> {
    let lock = RefsLock::take(git)?;
    let edits = edits(git)?;
    if let Some(operation) = edits.operation {
        return Ok(Committed::Busy(Busy::Operation(operation)));
    }
    if edits.branch.as_deref() != Some(branch) {
        return Ok(Committed::Busy(Busy::Switched));
    }
    let unfit = |edit: &&Edit| edit.staged_otherwise || edit.kind == EditKind::Conflicted;
    let named: HashSet<&String> = paths.iter().collect();
    let staged: Vec<String> = edits
        .files
        .iter()
        .filter(|edit| named.contains(&edit.path))
        .filter(unfit)
        .map(|edit| edit.path.clone())
        .collect();
    if !staged.is_empty() {
        return Ok(Committed::Staged { paths: staged });
    }
    let Some(new) = commit_of(git, base, paths, message, None)? else { return Ok(Committed::Nothing) };
    let step = Move { branch: branch.to_owned(), old: base, new, reason: "specmake: inputs".into() };
    Ok(match move_entries(git, &step, &lock)? {
        Moved::Done => Committed::Done(new),
        Moved::Collision { paths } => Committed::Staged { paths },
        Moved::Busy(busy) => Committed::Busy(busy),
        Moved::BaseMoved { now } => Committed::BaseMoved { now },
    })
}

fn commit_of(
    git: &Git,
    base: Oid,
    paths: &[String],
    message: &str,
    signature: Option<Signature>,
) -> Result<Option<Oid>, GitError> {
    let index = TempIndex::of_tree(git, base)?;
    // Nothing leads to a commit that always comes out the same: it is only looked at.
    let keeping = if signature.is_some() { Keeping::Quick } else { Keeping::Safe };
    index.add(paths.iter().map(String::as_str), keeping)?;
    let tree = index.write_tree()?;
    if tree == git.tree_of(base)? {
        return Ok(None);
    }
    git.commit_tree(&NewCommit { tree, parents: &[base], message, signature }).map(Some)
}

/// One line of `status --porcelain=v2`; `None` for headers.
fn edit(line: &str) -> Result<Option<Edit>, GitError> {
    let odd = || GitError::Unreadable { what: format!("`git status` said `{line}`") };
    let (kind, rest) = line.split_once(' ').ok_or_else(odd)?;
    let found =
        |path: &str, kind, staged_otherwise| Ok(Some(Edit { path: path.to_owned(), kind, staged_otherwise }));
    match kind {
        "?" => found(rest, EditKind::Untracked, false),
        "u" => found(rest.splitn(10, ' ').nth(9).ok_or_else(odd)?, EditKind::Conflicted, true),
        "1" => {
            let fields: Vec<&str> = rest.splitn(8, ' ').collect();
            let [letters, _, head, _, disk, _, _, path] = fields[..] else { return Err(odd()) };
            let mut letters = letters.chars();
            let (staged, unstaged) = (letters.next(), letters.next());
            let kind = match (head, disk) {
                (_, "000000") => EditKind::Deleted,
                ("000000", _) => EditKind::Added,
                _ => EditKind::Modified,
            };
            found(path, kind, staged != Some('.') && unstaged != Some('.'))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    fn day(world: &World) {
        for (name, text) in [("spec", "2"), ("staged", "2"), ("half", "2"), ("back", "2"), ("new/file", "n")]
        {
            world.write(name, text);
        }
        world.git(&["add", "staged", "half", "back"]);
        world.write("half", "3");
        world.write("back", "1");
        std::fs::remove_file(world.top().join("gone")).unwrap();
        world.git(&["rm", "-q", "--cached", "kept"]);
        world.write("intended", "i");
        world.git(&["add", "-N", "intended"]);
        world.write("ignored", "i");
    }

    fn world() -> World {
        let files = ["spec", "staged", "half", "back", "gone", "kept"].map(|name| (name, "1"));
        let world = World::new(&[&files[..], &[(".gitignore", "ignored\n")]].concat());
        day(&world);
        world
    }

    #[test]
    fn edits_are_told_apart() {
        let world = world();
        let edits = edits(&world.open()).unwrap();
        let told: Vec<_> =
            edits.files.iter().map(|edit| (edit.path.as_str(), edit.kind, edit.staged_otherwise)).collect();
        let expected = [
            ("back", EditKind::Modified, true),
            ("gone", EditKind::Deleted, false),
            ("half", EditKind::Modified, true),
            ("intended", EditKind::Added, false),
            ("kept", EditKind::Modified, true),
            ("new/file", EditKind::Untracked, false),
            ("spec", EditKind::Modified, false),
            ("staged", EditKind::Modified, false),
        ];
        assert_eq!(told, expected);
        assert_eq!((edits.branch.as_deref(), edits.operation), (Some("main"), None));
        std::fs::write(world.top().join(".git/CHERRY_PICK_HEAD"), "x").unwrap();
        assert_eq!(super::edits(&world.open()).unwrap().operation, Some(Operation::CherryPick));
    }

    #[test]
    fn a_commit_that_would_be_is_the_same_each_time_and_moves_nothing() {
        let world = world();
        let (git, status) = (world.open(), world.status());
        let head = git.head().unwrap();
        let paths = ["spec", "new/file", "gone", "ignored"].map(str::to_owned);
        let would = virtual_commit(&git, head, &paths).unwrap();
        assert_eq!(virtual_commit(&git, head, &paths).unwrap(), would);
        let changed: Vec<_> = git.diff_tree(head, would).unwrap().into_iter().map(|c| c.path).collect();
        assert_eq!(changed, ["gone", "ignored", "new/file", "spec"]);
        assert_eq!((world.status(), git.head().unwrap()), (status, head));
        assert_eq!(virtual_commit(&git, head, &[".gitignore".into()]).unwrap(), head);
    }

    #[test]
    fn exactly_the_named_files_are_committed() {
        let world = world();
        let git = world.open();
        let head = git.head().unwrap();
        let paths = ["spec", "new/file", "gone", "intended", "staged"].map(str::to_owned);
        let Committed::Done(new) = commit_paths(&git, "main", head, &paths, "inputs\n").unwrap() else {
            panic!("it can be committed")
        };
        assert_eq!(
            (git.head().unwrap(), world.git(&["log", "-1", "--format=%an %s"])),
            (new, "Ada inputs".into())
        );
        let changed: Vec<_> = git.diff_tree(head, new).unwrap().into_iter().map(|c| c.path).collect();
        assert_eq!(changed, ["gone", "intended", "new/file", "spec", "staged"]);
        assert_eq!(world.status(), "MM back\nMM half\nD  kept\n?? kept");
        assert_eq!(
            (world.read("half"), world.read("back"), world.read("kept")),
            ("3".into(), "1".into(), "1".into())
        );
        assert_eq!(world.git(&["show", ":half"]), "2");
        assert_eq!(commit_paths(&git, "main", new, &paths, "again\n").unwrap(), Committed::Nothing);
    }

    #[test]
    fn what_is_staged_with_other_content_or_elsewhere_is_refused() {
        let world = world();
        let git = world.open();
        let (head, status) = (git.head().unwrap(), world.status());
        let refused = commit_paths(&git, "main", head, &["spec".into(), "half".into()], "no\n").unwrap();
        assert_eq!(refused, Committed::Staged { paths: vec!["half".into()] });
        let other = commit_paths(&git, "other", head, &["spec".into()], "no\n").unwrap();
        assert_eq!(other, Committed::Busy(Busy::Switched));
        let lock = world.top().join(".git/index.lock");
        std::fs::write(&lock, "").unwrap();
        let locked = commit_paths(&git, "main", head, &["spec".into()], "no\n").unwrap();
        assert_eq!(locked, Committed::Busy(Busy::IndexLocked));
        std::fs::remove_file(lock).unwrap();
        let outside = world.root().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("x"), "secret").unwrap();
        std::os::unix::fs::symlink(&outside, world.top().join("link")).unwrap();
        assert!(commit_paths(&git, "main", head, &["link/x".into()], "no\n").is_err());
        std::fs::remove_file(world.top().join("link")).unwrap();
        assert_eq!((world.status(), git.head().unwrap()), (status, head));
    }
}
