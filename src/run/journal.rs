//! The history behind a commit, read from git once; the store keeps what was read, and any of that may be lost.
use super::contents::file_id;
use crate::base::Oid;
use crate::rebuild::packed::{Stretch, VERSION};
use crate::rebuild::{Change, Commit};
use crate::store::Store;
use crate::sys;
use crate::sys::git::{Git, GitError, LogEntry};

/// So many stretches are kept beside each other before they are made one.
const MOST_STRETCHES: usize = 16;

/// Every commit behind `tip`, ancestors first.
///
/// # Errors
/// git fails. Trouble with the store costs time and nothing else.
pub fn behind(git: &Git, store: &mut Store, tip: Oid) -> Result<Vec<Commit>, GitError> {
    let mut kept = kept(store);
    // The commit may be gone altogether, which git calls an error.
    let leads_on = |to: Oid| to == tip || git.is_ancestor(to, tip).unwrap_or(false);
    while kept.last().is_some_and(|stretch| !leads_on(stretch.to)) {
        kept.pop();
    }
    let from = kept.last().map(|stretch| stretch.to);
    if from == Some(tip) {
        return Ok(all(kept));
    }
    let commits = commits(git.log(&[tip], from.as_slice())?);
    kept.push(Stretch { from, to: tip, commits });
    if kept.len() > MOST_STRETCHES {
        kept = vec![Stretch { from: None, to: tip, commits: all(kept) }];
    }
    if let (false, Some(last)) = (store.is_to_look_at(), kept.last()) {
        // Whatever stands under later keys belongs to no chain any more, or is true of these commits as well.
        let _ = store.put_blob(&key(kept.len() - 1), VERSION, &last.pack());
    }
    Ok(all(kept))
}

/// The stretches that hang together, from the beginning of history on.
fn kept(store: &Store) -> Vec<Stretch> {
    let mut kept: Vec<Stretch> = Vec::new();
    while let Ok(Some(bytes)) = store.blob(&key(kept.len()), VERSION) {
        let end = kept.last().map(|stretch| stretch.to);
        match Stretch::unpack(&bytes).filter(|stretch| stretch.from == end) {
            Some(stretch) => kept.push(stretch),
            None => break,
        }
    }
    kept
}

fn key(number: usize) -> String {
    format!("history {number}")
}

fn all(stretches: Vec<Stretch>) -> Vec<Commit> {
    stretches.into_iter().flat_map(|stretch| stretch.commits).collect()
}

/// What a commit wrote, as the journal reads it.
pub(super) fn changed(change: sys::git::Change) -> Change {
    Change { path: change.path.into(), new: change.new.map(file_id) }
}

/// Commits as the journal reads them.
pub fn commits(entries: Vec<LogEntry>) -> Vec<Commit> {
    entries
        .into_iter()
        .map(|entry| {
            let changes = entry.changes.into_iter().map(changed).collect();
            Commit::new(entry.oid, entry.parents, &entry.body, changes)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    fn store(world: &World) -> Store {
        Store::open(&world.root().join("state")).unwrap().store
    }

    #[track_caller]
    fn check(world: &World, store: &mut Store, tip: Oid) {
        let git = world.open();
        let anew = commits(git.log(&[tip], &[]).unwrap());
        let oids = |commits: &[Commit]| commits.iter().map(|commit| commit.oid).collect::<Vec<_>>();
        let told = behind(&git, store, tip).unwrap();
        let (mut told_oids, mut anew_oids) = (oids(&told), oids(&anew));
        told_oids.sort_unstable();
        anew_oids.sort_unstable();
        assert_eq!(told_oids, anew_oids);
        for (at, commit) in told.iter().enumerate() {
            assert!(anew.contains(commit), "{} as it was kept", commit.oid.short());
            assert!(
                commit.parents.iter().all(|parent| oids(&told[..at]).contains(parent)),
                "ancestors first"
            );
        }
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let world = World::new(&[("a", "1\n")]);
        let first = world.oid("HEAD");
        check(&world, &mut store(&world), first);
        // Had it been read again, the lie would not be believed.
        let mut store = store(&world);
        let mut lie = Stretch::unpack(&store.blob("history 0", VERSION).unwrap().unwrap()).unwrap();
        lie.commits[0].changes.clear();
        store.put_blob("history 0", VERSION, &lie.pack()).unwrap();
        world.write("b", "2\n");
        let second = world.commit("Specmake-Trace: v1 b plan how=touched");
        let told = behind(&world.open(), &mut store, second).unwrap();
        assert_eq!(told.iter().map(|commit| commit.changes.len()).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(told[1].marks.len(), 1);
    }

    #[test]
    fn a_base_may_move_as_it_likes() {
        let world = World::new(&[("a", "1\n")]);
        let mut store = store(&world);
        let mut tips = vec![world.oid("HEAD")];
        for at in 0..MOST_STRETCHES + 3 {
            world.write("a", format!("{at}\n"));
            tips.push(world.commit("on"));
            check(&world, &mut store, *tips.last().unwrap());
        }
        world.git(&["reset", "-q", "--hard", &tips[2].to_string()]);
        let other = world.commit("elsewhere");
        for tip in [tips[5], other, tips[19], tips[1], other] {
            check(&world, &mut store, tip);
        }
    }

    #[test]
    fn what_is_damaged_is_read_again() {
        let world = World::new(&[("a", "1\n")]);
        let mut store = store(&world);
        for message in ["two", "three", "four"] {
            check(&world, &mut store, world.commit(message));
        }
        let mut bytes = store.blob("history 1", VERSION).unwrap().unwrap();
        bytes[20] ^= 1;
        store.put_blob("history 1", VERSION, &bytes).unwrap();
        check(&world, &mut store, world.oid("HEAD"));
        check(&world, &mut store, world.oid("HEAD"));
    }

    #[test]
    fn who_only_looks_keeps_nothing() {
        let world = World::new(&[("a", "1\n")]);
        drop(store(&world));
        let mut looking = Store::to_look_at(&world.root().join("state")).unwrap();
        check(&world, &mut looking, world.oid("HEAD"));
        assert_eq!(looking.blob("history 0", VERSION).unwrap(), None);
    }
}
