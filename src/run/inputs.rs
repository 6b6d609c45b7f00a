//! Edits in the user's checkout that belong to what a build reads, and have to be commits first.
use crate::model::{Pattern, Project, Spec};
use crate::sys::checkout::{Edit, EditKind, Edits, edits};
use crate::sys::git::{Git, GitError};
use std::collections::{BTreeSet, HashMap};
use std::thread::JoinHandle;

/// Ingredient files with edits that no commit has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uncommitted {
    /// Those that can be committed.
    pub take: Vec<String>,
    /// Those that cannot, each with why.
    pub left_out: Vec<(String, String)>,
}

/// A look at the edits of a checkout that goes on while something else is done.
#[derive(Debug)]
pub struct Looking(Option<JoinHandle<Result<Edits, GitError>>>);

impl Looking {
    /// Begins to look.
    pub fn begin(git: &Git) -> Self {
        let git = git.clone();
        Self(Some(std::thread::spawn(move || all_edits(&git))))
    }

    /// What was seen.
    ///
    /// # Errors
    /// git fails.
    pub fn end(mut self) -> Result<Edits, GitError> {
        let seen = self.0.take().and_then(|thread| thread.join().ok());
        seen.unwrap_or_else(|| {
            Err(GitError::Unreadable { what: "edits, since a look at them broke off".into() })
        })
    }
}

/// No process of ours outlives us, not even one that nobody waits for any more.
impl Drop for Looking {
    fn drop(&mut self) {
        drop(self.0.take().map(JoinHandle::join));
    }
}

fn all_edits(git: &Git) -> Result<Edits, GitError> {
    if git.work_tree().is_some() { edits(git) } else { Ok(Edits::default()) }
}

/// Those of all edits that these specs would read.
pub fn uncommitted_of(all: Edits, base: &str, specs: &[&Spec]) -> Uncommitted {
    let mut found = Uncommitted::default();
    let concerned = concerned(&all.files, specs);
    for (edit, _) in all.files.into_iter().zip(concerned).filter(|(_, is_concerned)| *is_concerned) {
        let why_not = if all.branch.as_deref() != Some(base) {
            Some(format!("`{base}` is not checked out"))
        } else if let Some(operation) = &all.operation {
            Some(format!("a {operation} is under way"))
        } else if edit.staged_otherwise {
            Some("it is staged with another content".to_owned())
        } else if edit.kind == EditKind::Conflicted {
            Some("it is in conflict".to_owned())
        } else {
            None
        };
        match why_not {
            Some(why) => found.left_out.push((edit.path, why)),
            None => found.take.push(edit.path),
        }
    }
    found
}

/// Whether any stage has a file among its ingredients: an input, its tasks, or what a stage before hands on.
pub fn is_ingredient(project: &Project, file: &str) -> bool {
    let reads = |spec: &Spec| {
        let hands_on = |position: usize| spec.stages.iter().any(|stage| stage.waits_for.contains(&position));
        spec.stages.iter().enumerate().any(|(position, stage)| {
            let read = stage.inputs.iter().chain(stage.tasks.iter().map(|tasks| &tasks.file));
            let handed_on = stage.outputs.iter().filter(|_| hands_on(position));
            read.chain(handed_on).any(|pattern| pattern.matches(file))
        })
    };
    project.specs.values().any(reads)
}

/// The files and globs that a spec's stages name.
fn named_by(spec: &Spec) -> impl Iterator<Item = &Pattern> {
    spec.stages.iter().flat_map(|stage| {
        stage.inputs.iter().chain(&stage.outputs).chain(stage.tasks.iter().map(|tasks| &tasks.file))
    })
}

/// Among so many words one is found sooner by a look at each.
const FEW: usize = 16;

/// Paths, each under itself and every folder that it lies in.
struct Ways<'p>(HashMap<&'p str, Vec<usize>>);

impl<'p> Ways<'p> {
    fn of(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut ways: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, path) in paths.enumerate() {
            let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            for way in folders.chain(["", path]) {
                ways.entry(way).or_default().push(number);
            }
        }
        Self(ways)
    }

    /// The numbers of the paths that are this one or lie in it.
    fn at(&self, path: &str) -> &[usize] {
        let found = if self.0.len() <= FEW {
            self.0.iter().find(|(way, _)| **way == path).map(|(_, paths)| paths)
        } else {
            self.0.get(path)
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }
}

/// Of each edit, whether some spec reads that file: one of its ingredients if git tracks it; if not, one that is named,
/// or lies in the spec's folder.
fn concerned(edits: &[Edit], specs: &[&Spec]) -> Vec<bool> {
    let mut concerned = vec![false; edits.len()];
    if edits.is_empty() {
        return concerned;
    }
    let ways = Ways::of(edits.iter().map(|edit| edit.path.as_str()));
    // Ten thousand specs may share a glob.
    let mut globs: BTreeSet<&str> = BTreeSet::new();
    for spec in specs {
        if !spec.folder.is_empty() {
            ways.at(&spec.folder).iter().for_each(|edit| concerned[*edit] = true);
        }
        for pattern in named_by(spec) {
            if pattern.is_glob() && !globs.insert(pattern.resolved()) {
                continue;
            }
            for number in ways.at(pattern.root()) {
                let edit = &edits[*number];
                let is_read = match edit.kind {
                    EditKind::Untracked => pattern.resolved() == edit.path,
                    _ => pattern.matches(&edit.path),
                };
                concerned[*number] |= is_read;
            }
        }
    }
    for (edit, concerned) in edits.iter().zip(&mut concerned) {
        // A repository within this one.
        *concerned &= !edit.path.ends_with('/');
    }
    concerned
}

/// The specs, by position, that one of these files may say something of: it lies in their folder, or they name it.
pub fn that_may_read<'s>(paths: &[String], specs: impl Iterator<Item = (usize, &'s Spec)>) -> Vec<usize> {
    let ways = Ways::of(paths.iter().map(String::as_str));
    let may_read = |spec: &Spec| {
        let mut roots = std::iter::once(spec.folder.as_str()).chain(named_by(spec).map(Pattern::root));
        // One that had another name has files in other places too.
        spec.was.is_some() || roots.any(|root| !ways.at(root).is_empty())
    };
    specs.filter(|(_, spec)| may_read(spec)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::result::lies_in;
    use proptest::prelude::{Just, Strategy, prop_assert_eq, prop_oneof, proptest};
    use proptest::{collection::vec, sample::select};

    fn edit(path: &str, is_new: bool) -> Edit {
        let kind = if is_new { EditKind::Untracked } else { EditKind::Modified };
        Edit { path: path.to_owned(), kind, staged_otherwise: false }
    }

    /// The plain meaning.
    fn concerns(edit: &Edit, spec: &Spec) -> bool {
        let path = edit.path.as_str();
        if path.ends_with('/') {
            return false;
        }
        let is_new = edit.kind == EditKind::Untracked;
        let reads =
            |pattern: &Pattern| if is_new { pattern.resolved() == path } else { pattern.matches(path) };
        lies_in(path, &spec.folder) || named_by(spec).any(reads)
    }

    fn pattern() -> impl Strategy<Value = &'static str> {
        select(vec!["a", "a/b", "a/b/c.md", "*", "a/*.md", "a/**", "**/c.md", "a/b?", "{a,b}/c.md", "b"])
    }

    fn path() -> impl Strategy<Value = &'static str> {
        select(vec![
            "a",
            "a/b",
            "a/b/",
            "a/b/c.md",
            "a/c.md",
            "ab",
            "b/c.md",
            "c.md",
            "a/*.md",
            "specs/s/x",
            "specs/s",
        ])
    }

    proptest! {
        #[test]
        fn one_look_at_all_tells_what_one_at_each_tells(
            named in vec(vec(pattern(), 0..3), 1..4),
            edits in vec((path(), prop_oneof![Just(true), Just(false)]), 0..6),
        ) {
            let mut sample = crate::graph::sample::Sample::new();
            for (at, patterns) in named.iter().enumerate() {
                let spec = sample.spec(if at == 0 { "s" } else { ["t", "u", "v"][at - 1] }, "", &["plan"], &[]);
                let patterns = patterns.iter().map(|text| Pattern::new(text, text).unwrap());
                spec.stages[0].inputs = patterns.collect();
            }
            let specs: Vec<&Spec> = sample.project.specs.values().collect();
            let edits: Vec<Edit> = edits.iter().map(|(path, is_new)| edit(path, *is_new)).collect();
            let told = concerned(&edits, &specs);
            let plain: Vec<bool> =
                edits.iter().map(|edit| specs.iter().any(|spec| concerns(edit, spec))).collect();
            prop_assert_eq!(&told, &plain);
            for (edit, _) in edits.iter().zip(plain).filter(|(_, concerned)| *concerned) {
                let readers = that_may_read(std::slice::from_ref(&edit.path), specs.iter().copied().enumerate());
                for (at, spec) in specs.iter().enumerate() {
                    assert!(!concerns(edit, spec) || readers.contains(&at), "{} of {}", edit.path, spec.name);
                }
            }
        }
    }
}
