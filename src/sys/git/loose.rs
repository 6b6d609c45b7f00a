//! Reading refs without a process: files below `refs/`, and `packed-refs` for the others. What is not as
//! `gitrepository-layout(5)` describes it (another ref storage, a link to another ref, half a file) is left to git.
use super::oid::Oid;
use super::path;
use super::repo::Git;
use super::seen::Seen;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Bound;
use std::path::Path;

impl Git {
    /// Refs whose full name begins with one of the prefixes, as `git for-each-ref` understands them. `None`: better
    /// ask git.
    pub(super) fn loose_refs(&self, prefixes: &[&str]) -> Option<BTreeMap<String, Oid>> {
        // Each checkout has some of its own.
        let shared = |prefix: &&str| {
            ["refs/heads/", "refs/tags/", "refs/specmake/"].iter().any(|top| prefix.starts_with(top))
                || *prefix == "refs/stash"
        };
        if prefixes.is_empty() || !prefixes.iter().all(shared) || !self.is_plain() {
            return None;
        }
        let mut looking = Looking { seen: self.seen(), refs: BTreeMap::new() };
        for prefix in prefixes {
            looking.collect(&self.common_dir().join(path::to_os(prefix)), prefix.trim_end_matches('/'))?;
        }
        let mut refs = looking.refs;
        // After those: a ref that is packed meanwhile is in one of the two, or in both.
        let packed = self.seen().packed(&self.common_dir().join("packed-refs")).ok()??;
        for prefix in prefixes {
            // What stands behind the prefix in the order of names begins with it.
            let below = packed.range::<str, _>((Bound::Included(*prefix), Bound::Unbounded));
            for (name, oid) in below.take_while(|(name, _)| name.starts_with(prefix)) {
                if is_below(name, prefix) && !refs.contains_key(name) {
                    refs.insert(name.clone(), *oid);
                }
            }
        }
        Some(refs)
    }
}

fn is_below(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.starts_with('/') || rest.is_empty() && !prefix.ends_with('/'))
}

/// What is found on the way.
struct Looking<'a> {
    seen: &'a Seen,
    refs: BTreeMap<String, Oid>,
}

impl Looking<'_> {
    /// The refs in a file or below a folder.
    fn collect(&mut self, place: &Path, name: &str) -> Option<()> {
        let entries = match std::fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => return self.one(place, name),
            Err(_) => return None,
        };
        for entry in entries {
            let entry = entry.ok()?;
            let part = path::from_os(Path::new(&entry.file_name()));
            // No ref has such a name.
            if part.starts_with('.') || part.ends_with(".lock") {
                continue;
            }
            let name = format!("{name}/{part}");
            match entry.file_type().ok()? {
                kind if kind.is_dir() => self.collect(&entry.path(), &name)?,
                kind if kind.is_file() => self.one(&entry.path(), &name)?,
                _ => return None,
            }
        }
        Some(())
    }

    fn one(&mut self, file: &Path, name: &str) -> Option<()> {
        match self.seen.loose(file) {
            Ok(oid) => {
                self.refs.insert(name.to_owned(), oid?);
                Some(())
            }
            // It went, or is packed by now.
            Err(error) if error.kind() == ErrorKind::NotFound => Some(()),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sys::testing::World;

    const PREFIXES: [&str; 4] = ["refs/heads/", "refs/tags/", "refs/stash", "refs/specmake/start/a/plan"];

    #[track_caller]
    fn check(world: &World) -> usize {
        let git = world.open();
        let read = git.loose_refs(&PREFIXES).unwrap();
        assert_eq!(read, git.listed_refs(&PREFIXES).unwrap());
        read.len()
    }

    #[test]
    fn refs_are_read_as_git_lists_them() {
        let world = World::new(&[("a", "1")]);
        assert_eq!(check(&world), 1);
        for name in
            ["refs/heads/x/y", "refs/tags/t", "refs/specmake/start/a/plan", "refs/specmake/start/a/plan2"]
        {
            world.git(&["update-ref", name, "HEAD"]);
        }
        world.git(&["tag", "-a", "-m", "annotated", "v1"]);
        world.write("a", "2");
        world.git(&["stash", "-q"]);
        assert_eq!(check(&world), 6);
        world.git(&["pack-refs", "--all"]);
        assert_eq!(check(&world), 6);
        world.write("a", "3");
        world.commit("on");
        world.git(&["update-ref", "-d", "refs/tags/t"]);
        std::fs::write(world.top().join(".git/refs/heads/main.lock"), "").unwrap();
        assert_eq!(check(&world), 5);
    }

    #[test]
    fn what_is_no_plain_ref_is_left_to_git() {
        let world = World::new(&[("a", "1")]);
        let git = world.open();
        assert!(git.loose_refs(&["refs/heads/"]).is_some());
        assert!(git.loose_refs(&[]).is_none() && git.loose_refs(&["refs/bisect/"]).is_none());
        world.git(&["symbolic-ref", "refs/heads/link", "refs/heads/main"]);
        assert!(git.loose_refs(&["refs/heads/"]).is_none());
        world.git(&["symbolic-ref", "-d", "refs/heads/link"]);
        std::fs::write(world.top().join(".git/refs/heads/half"), "0123").unwrap();
        assert!(git.loose_refs(&["refs/heads/"]).is_none());
    }
}
