//! The places in a checkout that a verdict may rest on: ingredient files, and folders in which a new one would count.
use crate::model::{Project, Spec};
use crate::sys::git::{Git, Mode, path};
use crate::sys::glance::Sights;
use crate::sys::glance::stat::Depth;
use std::collections::HashSet;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::thread;

/// The places of all specs of a project. `None`: there are some that a stat tells too little of, as of a submodule, or
/// an index that only git can read.
pub fn sights(git: &Git, project: &Project) -> Option<Sights> {
    let top = git.main_work_tree()?;
    let mut sights = Sights::default();
    let mut roots: HashSet<&str> = HashSet::new();
    let specs: Vec<&Spec> = project.specs.values().collect();
    sights.extend(folders_of(top, &specs)?);
    for spec in specs {
        roots.insert(&spec.folder);
        for pattern in read_by(spec) {
            roots.insert(pattern.root());
            if !pattern.is_glob() {
                sights.add(&path::to_os(pattern.resolved()), Depth::Whole);
            }
        }
    }
    for entry in git.read_index()?.entries {
        if !lies_below(&entry.path, &roots) {
            continue;
        }
        if entry.content.mode == Mode::GITLINK {
            return None;
        }
        sights.add(&path::to_os(&entry.path), Depth::Whole);
    }
    Some(sights)
}

/// The folders of specs, looked through on all cores. `None`: one of them cannot be.
fn folders_of(top: &Path, specs: &[&Spec]) -> Option<Sights> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let look = |specs: &[&Spec]| {
        let mut sights = Sights::default();
        specs.iter().try_for_each(|spec| add_folder(top, Path::new(&spec.folder), &mut sights)).ok()?;
        Some(sights)
    };
    thread::scope(|scope| {
        let parts = specs.chunks(specs.len().div_ceil(cores).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
        let mut all = Sights::default();
        for part in parts {
            all.extend(part.join().ok()??);
        }
        Some(all)
    })
}

/// What uncommitted edits of a spec's ingredients are told by.
fn read_by(spec: &Spec) -> impl Iterator<Item = &crate::model::Pattern> {
    spec.stages.iter().flat_map(|stage| {
        stage.inputs.iter().chain(&stage.outputs).chain(stage.tasks.iter().map(|tasks| &tasks.file))
    })
}

/// Adds a folder and all below it, ignored ones too: what is ignored may cease to be.
fn add_folder(top: &Path, folder: &Path, sights: &mut Sights) -> io::Result<()> {
    sights.add(folder, Depth::Whole);
    let full = top.join(folder);
    if !full.symlink_metadata().is_ok_and(|stat| stat.is_dir()) {
        return Ok(());
    }
    for entry in std::fs::read_dir(full)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == ".git" {
            return Err(io::Error::other("a repository within this one"));
        }
        if entry.file_type()?.is_dir() {
            add_folder(top, &folder.join(name), sights)?;
        } else if name == ".gitignore" || name == ".gitattributes" {
            sights.add(&folder.join(name), Depth::Whole);
        }
    }
    Ok(())
}

/// Whether a path is one of these or lies below one; below the empty one lies everything.
fn lies_below(path: &str, roots: &HashSet<&str>) -> bool {
    let mut ways = path.match_indices('/').map(|(at, _)| &path[..at]);
    roots.contains("") || roots.contains(path) || ways.any(|way| roots.contains(way))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_a_whole_part_of_a_path() {
        let roots = HashSet::from(["specs/a", "src/a.txt"]);
        for (path, below) in [
            ("specs/a/x", true),
            ("specs/a/x/y", true),
            ("specs/ab", false),
            ("src/a.txt", true),
            ("a", false),
        ] {
            assert_eq!(lies_below(path, &roots), below, "{path}");
        }
        assert!(lies_below("a", &HashSet::from([""])));
    }
}
