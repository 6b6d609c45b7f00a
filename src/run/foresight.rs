//! What specs are likely to change, before they do: from what they say, what is written of them, what is on their
//! branches, and what landings changed.
use super::site::Site;
use super::standing::{Standing, names};
use crate::base::{Oid, SpecName};
use crate::graph::Wanted;
use crate::model::Spec;
use crate::plan::collision::{Clash, Footprint, Prediction, Share, Source, predict};
use crate::rebuild::{FileId, How, Mark, Tree, is_own};
use crate::sys::git::{GitError, Merge};
use crate::tasks::{parse, paths::named_in};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The longest text in which paths are looked for, in bytes.
const LONGEST: usize = 512 * 1024;

/// The most texts of one spec that are looked at.
const TEXTS: usize = 32;

/// A symlink, a submodule: no texts.
const REGULAR: [u32; 2] = [0o100_644, 0o100_755];

/// The paths that landings of a spec changed.
type Landed = HashMap<SpecName, BTreeSet<Arc<str>>>;

/// A spec in progress: its position, the tip of its branch, what it changed there.
type Begun = (usize, Oid, BTreeSet<Arc<str>>);

impl Site {
    /// What collides among the wanted specs that `run`.
    ///
    /// # Errors
    /// git fails.
    pub fn collisions(&self, wanted: &Wanted, run: &dyn Fn(usize) -> bool) -> Result<Prediction, GitError> {
        let specs = (0..self.project.specs.len()).filter(|spec| run(*spec));
        let specs: Vec<usize> = specs.collect();
        if specs.len() < 2 {
            return Ok(Prediction::default());
        }
        let ground = Ground::of(self)?;
        let landed = self.landed();
        let (mut footprints, mut begun) = (Vec::new(), Vec::new());
        for position in specs {
            let spec = self.spec(position);
            let standing = self.standing(spec)?;
            let mut footprint = self.footprint(position, &standing, &ground)?;
            for path in names(spec).into_iter().filter_map(|name| landed.get(name)).flatten() {
                ground.add(spec, &mut footprint, path, Source::Landed);
            }
            if let Some(branch) = &standing.branch {
                begun.push((position, branch.tip, changed(&standing)));
            }
            footprints.push(footprint);
        }
        self.add_kin(&mut footprints, &landed, &ground);
        let clashes = self.clashes(&begun)?;
        Ok(predict(&self.graph, wanted, &footprints, &clashes))
    }

    /// What is known of the work of a spec in progress, for `conflicts "serialize"`: what its branch changed, and
    /// what its plan and its open tasks name.
    ///
    /// # Errors
    /// git fails.
    pub fn work_of(&self, position: usize) -> Result<Option<Footprint>, GitError> {
        let standing = self.standing(self.spec(position))?;
        let mut footprint = self.footprint(position, &standing, &Ground::of(self)?)?;
        footprint.paths.retain(|_, source| source.is_of_its_work());
        Ok(Some(footprint))
    }

    fn footprint(
        &self,
        position: usize,
        standing: &Standing,
        ground: &Ground,
    ) -> Result<Footprint, GitError> {
        let spec = self.spec(position);
        let mut footprint =
            Footprint { spec: position, touches: spec.touches.clone(), ..Footprint::default() };
        for path in changed(standing) {
            if !spec.makes(&path) && !is_own(spec, &path) {
                footprint.add(path, Source::Changed);
            }
        }
        for path in spec.description.iter().flat_map(|text| named_in(text)) {
            ground.add(spec, &mut footprint, &path.into(), Source::Prose("Specfile".to_owned()));
        }
        let texts = standing.tree.below(&spec.folder).filter(|(path, file)| is_text(path, *file));
        for (path, file) in texts.take(TEXTS) {
            let content = self.contents.content(*file)?;
            if content.len() > LONGEST {
                continue;
            }
            let text = String::from_utf8_lossy(&content);
            let (named, source) = named_by(spec, path, &text);
            for path in named {
                ground.add(spec, &mut footprint, &path.into(), source.clone());
            }
        }
        Ok(footprint)
    }

    /// The paths that commits with a trace of a spec wrote, as far as they are on the base.
    fn landed(&self) -> Landed {
        let mut landed = Landed::new();
        for commit in self.base().history.commits().iter().filter(|commit| !commit.changes.is_empty()) {
            let traced = commit.marks.iter().filter_map(|mark| match mark {
                Mark::Trace(trace) if trace.how == How::Ran => Some(&trace.spec),
                _ => None,
            });
            for spec in traced {
                let paths = landed.entry(spec.clone()).or_default();
                paths.extend(commit.changes.iter().map(|change| change.path.clone()));
            }
        }
        landed
    }

    /// What several specs of a layer, or from a template, changed when they landed, the next one may change too.
    fn add_kin(&self, footprints: &mut [Footprint], landed: &Landed, ground: &Ground) {
        let mut templates: HashMap<&str, Kin> = HashMap::new();
        let mut layers: HashMap<&str, Kin> = HashMap::new();
        for spec in self.project.specs.values() {
            let Some(paths) = landed.get(&spec.name) else { continue };
            let counted = || paths.iter().filter(|path| !is_own(spec, path) && !spec.makes(path));
            if let Some(template) = &spec.template {
                templates.entry(template).or_default().add(counted());
            }
            if let Some(layer) = &spec.layer {
                layers.entry(layer.as_str()).or_default().add(counted());
            }
        }
        for footprint in footprints {
            let spec = self.spec(footprint.spec);
            let of_template = spec.template.as_deref().and_then(|name| templates.get(name));
            for (path, share) in of_template.into_iter().flat_map(Kin::usual) {
                ground.add(spec, footprint, path, Source::Template(share));
            }
            let of_layer = spec.layer.as_ref().and_then(|name| layers.get(name.as_str()));
            for (path, share) in of_layer.into_iter().flat_map(Kin::usual) {
                ground.add(spec, footprint, path, Source::Layer(share));
            }
        }
    }

    /// The specs in progress whose branches do not merge with each other.
    fn clashes(&self, begun: &[Begun]) -> Result<Vec<Clash>, GitError> {
        let mut by_path: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, (_, _, paths)) in begun.iter().enumerate() {
            paths.iter().for_each(|path| by_path.entry(path).or_default().push(at));
        }
        let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
        for specs in by_path.values() {
            let two =
                specs.iter().enumerate().flat_map(|(at, one)| specs[at + 1..].iter().map(|b| (*one, *b)));
            pairs.extend(two);
        }
        let mut clashes = Vec::new();
        for (one, other) in pairs {
            let (one, first, mine) = &begun[one];
            let (other, second, theirs) = &begun[other];
            if let Merge::Conflict { paths, .. } = self.git.merge_tree(*first, *second)? {
                // Where only one of them changed a file, it is at odds with the base.
                let both = |path: &String| mine.contains(path.as_str()) && theirs.contains(path.as_str());
                let paths: Vec<String> = paths.into_iter().filter(both).collect();
                if !paths.is_empty() {
                    clashes.push(Clash { specs: (*one, *other), paths });
                }
            }
        }
        Ok(clashes)
    }
}

/// What commits of a spec's branch wrote.
fn changed(standing: &Standing) -> BTreeSet<Arc<str>> {
    let commits = standing.branch.iter().flat_map(|branch| &branch.commits);
    commits.flat_map(|commit| &commit.changes).map(|change| change.path.clone()).collect()
}

fn is_text(path: &str, file: FileId) -> bool {
    let kind = path.rsplit_once('.').map(|(_, kind)| kind);
    REGULAR.contains(&file.mode) && matches!(kind, Some("md" | "txt" | "yaml" | "yml"))
}

/// The paths that a text of a spec names, and what kind of text it is.
fn named_by(spec: &Spec, path: &str, text: &str) -> (Vec<String>, Source) {
    let is_tasks = |stage: &crate::model::Stage| stage.tasks.as_ref().is_some_and(|t| t.file.matches(path));
    if spec.stages.iter().any(is_tasks) {
        let named = match parse(path, text) {
            // What is ticked was done: the branch tells what came of it.
            Ok(tasks) => tasks.unticked().into_iter().flat_map(|line| line.paths.clone()).collect(),
            Err(_) => named_in(text),
        };
        return (named, Source::Task(path.to_owned()));
    }
    let made_by = spec.stages.iter().position(|stage| stage.outputs.iter().any(|o| o.matches(path)));
    let source = match made_by {
        // The first of several documents says what is wanted, not yet how.
        Some(stage) if stage > 0 || spec.implementing() <= Some(1) => Source::Plan(path.to_owned()),
        _ => Source::Prose(path.to_owned()),
    };
    (named_in(text), source)
}

/// What there is to be changed: files and folders of the base, and whose folder a spec's is.
struct Ground {
    base: Arc<Tree>,
    folders: HashSet<String>,
}

impl Ground {
    fn of(site: &Site) -> Result<Self, GitError> {
        let base = site.contents.tree(site.base().tip)?;
        Ok(Self { base, folders: site.project.specs.values().map(|spec| spec.folder.clone()).collect() })
    }

    /// Takes note of a path that a spec may change: a file that is there, or one that may come into a folder that is.
    fn add(&self, spec: &Spec, footprint: &mut Footprint, path: &Arc<str>, source: Source) {
        if self.may_be(path) && !self.is_a_specs(path) && !is_own(spec, path) && !spec.makes(path) {
            footprint.add(path.clone(), source);
        }
    }

    fn may_be(&self, path: &str) -> bool {
        if self.base.file(path).is_some() {
            return true;
        }
        let Some((folder, name)) = path.rsplit_once('/') else { return false };
        let is_folder = |path: &str| self.base.below(path).next().is_some();
        !name.is_empty() && !path.contains(['*', '[', ']']) && is_folder(folder) && !is_folder(path)
    }

    /// Whether it lies in the folder of any spec.
    fn is_a_specs(&self, path: &str) -> bool {
        path.match_indices('/').any(|(at, _)| self.folders.contains(&path[..at]))
    }
}

/// Specs that have something in common and have landed.
#[derive(Default)]
struct Kin {
    of: u32,
    paths: BTreeMap<Arc<str>, u32>,
}

impl Kin {
    fn add<'p>(&mut self, paths: impl Iterator<Item = &'p Arc<str>>) {
        self.of += 1;
        paths.for_each(|path| *self.paths.entry(path.clone()).or_default() += 1);
    }

    /// What at least two of them changed, and at least every other one.
    fn usual(&self) -> impl Iterator<Item = (&Arc<str>, Share)> {
        let of = self.of;
        let usual = self.paths.iter().filter(move |(_, some)| **some >= 2 && **some * 2 >= of);
        usual.map(move |(path, some)| (path, Share { some: *some, of }))
    }
}
