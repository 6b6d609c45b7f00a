//! Mistakes that no spec shows by itself: two that write the same file, take the same branch, or read what
//! another writes without needing it.
use super::notes::Notes;
use super::order;
use crate::base::{Diagnostic, Span, SpecName};
use crate::model::{Pattern, Project, Spec, Target};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Globs and literals of one folder are compared one by one up to this many.
const MOST_PAIRS: usize = 200;

/// All of them.
pub(crate) fn check(notes: &mut Notes, project: &Project) {
    branches(notes, project);
    cases(notes, project);
    let mut outputs = Outputs::new(notes, project);
    reads(notes, project, &mut outputs);
}

/// No branch twice, and none where another one needs a folder.
fn branches(notes: &mut Notes, project: &Project) {
    // Whose it is; nobody's is the one that results land on.
    let mut taken: HashMap<&str, Option<&Spec>> = HashMap::with_capacity(project.specs.len() + 2);
    taken.extend(project.settings.base.iter().chain(&project.land.into).map(|base| (base.as_str(), None)));
    let who = |owner: &Option<&Spec>| match owner {
        Some(spec) => format!("spec `{}`", spec.name),
        None => "the branch that results land on".to_owned(),
    };
    for spec in project.specs.values() {
        match taken.entry(spec.branch.as_str()) {
            Entry::Vacant(place) => drop(place.insert(Some(spec))),
            Entry::Occupied(place) => {
                let owner = place.get();
                let what = format!("branch `{}` is that of {} too", spec.branch, who(owner));
                let found = Diagnostic::error(spec.span, what);
                let found = match owner {
                    Some(owner) => found.related(owner.span, "that one"),
                    None => found,
                };
                notes.push(found.help("give one of them another `branch=`"));
            }
        }
    }
    for spec in project.specs.values() {
        for (slash, _) in spec.branch.match_indices('/') {
            let Some(owner) = taken.get(&spec.branch[..slash]) else { continue };
            let what = format!(
                "branch `{}` cannot be: `{}` is a branch already, of {}",
                spec.branch,
                &spec.branch[..slash],
                who(owner)
            );
            notes.error(spec.span, what, "git keeps branches as files in folders; rename one of them");
        }
    }
}

/// Names that only differ in case share folder and branch on many machines.
fn cases(notes: &mut Notes, project: &Project) {
    let mut seen: HashMap<String, &Spec> = HashMap::with_capacity(project.specs.len());
    for spec in project.specs.values() {
        if let Some(first) = seen.insert(spec.name.as_str().to_ascii_lowercase(), spec) {
            let what = format!("`{}` and `{}` differ in case alone", first.name, spec.name);
            let found = Diagnostic::warning(spec.span, what).related(first.span, "the other one");
            notes.push(found.help("on many machines they are the same file; rename one of them"));
        }
    }
}

/// Who writes what.
struct Outputs<'p> {
    /// Spelled out, by the whole path.
    spelled: HashMap<&'p str, (&'p Spec, &'p Pattern)>,
    /// The same sorted, so that what lies in a folder stands together; made when somebody asks for a folder or a glob.
    sorted: Option<BTreeMap<&'p str, (&'p Spec, &'p Pattern)>>,
    /// The folders in which one of them lies.
    folders: HashSet<&'p str>,
    /// Globs, by the folder that all they match lies in.
    globs: HashMap<&'p str, Vec<(&'p Spec, &'p Pattern)>>,
}

impl<'p> Outputs<'p> {
    fn new(notes: &mut Notes, project: &'p Project) -> Self {
        let stages = || project.specs.values().flat_map(|spec| &spec.stages);
        let with_tasks = stages().filter(|stage| stage.tasks.is_some()).count();
        let made = stages().map(|stage| stage.outputs.len()).sum::<usize>() + with_tasks;
        let mut outputs = Self {
            spelled: HashMap::with_capacity(made),
            sorted: None,
            folders: HashSet::with_capacity(project.specs.len()),
            globs: HashMap::new(),
        };
        let mut tasks: HashMap<&str, (&Spec, &str)> = HashMap::with_capacity(with_tasks);
        for spec in project.specs.values() {
            for stage in &spec.stages {
                for output in &stage.outputs {
                    if let Some(other) = outputs.writers(output).into_iter().next() {
                        twice(notes, "output", output, (spec, stage.span), other);
                    }
                    outputs.insert(spec, output);
                }
                let Some(file) = stage.tasks.as_ref().map(|tasks| &tasks.file) else { continue };
                if let Some((other, _)) = tasks.insert(file.resolved(), (spec, stage.name.as_str())) {
                    twice(notes, "tasks file", file, (spec, stage.span), other);
                }
            }
        }
        // A tasks file is written by the spec that works through it, whoever cut it.
        for spec in project.specs.values() {
            for file in spec.stages.iter().filter_map(|stage| Some(&stage.tasks.as_ref()?.file)) {
                if let Some(other) = outputs.writers(file).into_iter().find(|other| other.name != spec.name) {
                    twice(notes, "tasks file", file, (spec, spec.span), other);
                }
                outputs.insert_literal(spec, file);
            }
        }
        outputs
    }

    fn insert(&mut self, spec: &'p Spec, output: &'p Pattern) {
        if output.is_glob() {
            self.globs.entry(output.root()).or_default().push((spec, output));
        } else {
            self.insert_literal(spec, output);
        }
    }

    fn insert_literal(&mut self, spec: &'p Spec, output: &'p Pattern) {
        let path = output.resolved();
        let Entry::Vacant(place) = self.spelled.entry(path) else { return };
        place.insert((spec, output));
        if let Some(sorted) = &mut self.sorted {
            sorted.insert(path, (spec, output));
        }
        let mut folders = path.match_indices('/').map(|(slash, _)| &path[..slash]).rev();
        // Those above a folder that is known are known.
        while folders.next().is_some_and(|folder| self.folders.insert(folder)) {}
    }

    /// The specs one of whose outputs may be one of the pattern's files.
    fn writers(&mut self, pattern: &Pattern) -> Vec<&'p Spec> {
        let mut found = Vec::new();
        let root = pattern.root();
        let overlaps = |(_, output): &&(&Spec, &Pattern)| order::overlap(pattern, output);
        if pattern.is_glob() || self.folders.contains(root) {
            // What lies below, or is, the pattern.
            let spelled = &self.spelled;
            let sorted = self
                .sorted
                .get_or_insert_with(|| spelled.iter().map(|(path, output)| (*path, *output)).collect());
            let below = sorted.range(root..).take_while(|(path, _)| path.starts_with(root)).take(MOST_PAIRS);
            found.extend(below.map(|(_, output)| output).filter(overlaps).map(|(spec, _)| *spec));
        } else {
            found.extend(self.spelled.get(root).filter(overlaps).map(|(spec, _)| *spec));
        }
        // A folder above it that is an output as a whole, and globs that begin above it.
        let above =
            std::iter::once("").chain(root.match_indices('/').map(|(slash, _)| &root[..slash])).chain([root]);
        for folder in above {
            found.extend(self.spelled.get(folder).filter(overlaps).map(|(spec, _)| *spec));
            if !self.globs.is_empty() {
                let globs = self.globs.get(folder).into_iter().flatten().take(MOST_PAIRS);
                found.extend(globs.filter(overlaps).map(|(spec, _)| *spec));
            }
        }
        found
    }
}

fn twice(notes: &mut Notes, what: &str, pattern: &Pattern, (spec, span): (&Spec, Span), other: &Spec) {
    let found = if spec.name == other.name {
        Diagnostic::error(span, format!("two stages declare the {what} `{}`", pattern.symbolic()))
    } else if pattern.names_spec() {
        let message = format!("`{pattern}` is an {what} of `{}` and of `{}`", other.name, spec.name);
        Diagnostic::error(spec.span, message).related(other.span, "the other one")
    } else {
        // One diagnostic for the pipeline, not one for each of its specs.
        let message = format!("specs share the {what} `{}`", pattern.symbolic());
        Diagnostic::error(span, message).help("put `{spec}` into its path")
    };
    notes.push(found);
}

/// A spec that reads what another one writes needs it, directly or through others.
fn reads(notes: &mut Notes, project: &Project, outputs: &mut Outputs<'_>) {
    let mut needs = None;
    let mut shared: HashMap<&str, Vec<&Spec>> = HashMap::with_capacity(project.specs.len());
    for spec in project.specs.values() {
        let mut told: HashSet<&SpecName> = HashSet::new();
        for input in spec.stages.iter().flat_map(|stage| &stage.inputs) {
            let writers = shared.entry(input.resolved()).or_insert_with(|| outputs.writers(input));
            for writer in writers.iter().filter(|writer| writer.name != spec.name) {
                let needs = needs.get_or_insert_with(|| Needs::new(project));
                if !told.insert(&writer.name) || needs.has(spec, writer) {
                    continue;
                }
                let what = format!("`{}` reads `{input}`, which `{}` writes", spec.name, writer.name);
                let found = Diagnostic::warning(spec.span, what).related(writer.span, "written by this one");
                notes.push(found.help(format!("say so: `needs \"{}\"`", writer.name)));
                if told.len() >= 3 {
                    break;
                }
            }
        }
    }
}

/// Everything that a spec needs. Places are the specs by position, then for each layer what all of it needs, then
/// for each layer all that is in it: so the graph has as many edges as the Specfile says, not specs times specs.
struct Needs<'p> {
    project: &'p Project,
    edges: Vec<Vec<usize>>,
    /// The number of the search that came by a place last.
    seen: Vec<usize>,
    searched: Option<usize>,
    search: usize,
}

impl<'p> Needs<'p> {
    fn new(project: &'p Project) -> Self {
        let (specs, layers) = (project.specs.len(), project.layers.len());
        let place = |target: &Target| match target {
            Target::Spec(name) => project.specs.get_index_of(name),
            Target::Layer(name) => project.layers.get_index_of(name).map(|at| specs + layers + at),
        };
        let mut edges: Vec<Vec<usize>> = Vec::with_capacity(specs + 2 * layers);
        for spec in project.specs.values() {
            let entry = spec.layer.as_ref().and_then(|layer| project.layers.get_index_of(layer));
            let own = spec.needs.iter().filter_map(|need| place(&need.target));
            edges.push(own.chain(entry.map(|at| specs + at)).collect());
        }
        for layer in project.layers.values() {
            edges.push(layer.needs.iter().filter_map(|(target, _)| place(target)).collect());
        }
        for layer in project.layers.values() {
            edges.push(layer.specs.iter().filter_map(|spec| project.specs.get_index_of(spec)).collect());
        }
        Self { project, seen: vec![0; edges.len()], edges, searched: None, search: 0 }
    }

    fn has(&mut self, spec: &Spec, other: &Spec) -> bool {
        let index = |spec: &Spec| self.project.specs.get_index_of(&spec.name);
        let (Some(from), Some(to)) = (index(spec), index(other)) else { return false };
        if self.searched != Some(from) {
            (self.searched, self.search) = (Some(from), self.search + 1);
            let mut left = vec![from];
            while let Some(at) = left.pop() {
                for next in &self.edges[at] {
                    if std::mem::replace(&mut self.seen[*next], self.search) != self.search {
                        left.push(*next);
                    }
                }
            }
        }
        self.seen[to] == self.search
    }
}
