//! What the model remembers: whole trees, who wrote what and when. It knows of no commits, trailers or stamps.
use crate::shape::Shape;
use std::collections::{BTreeMap, BTreeSet};

/// A tree: what stands at each path.
pub type Files = BTreeMap<String, String>;
/// Paths and what is to stand there, nothing to remove what does.
pub type Edits = Vec<(String, Option<String>)>;

/// Why the last success of a stage counts, or does not.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    Done,
    /// Done by hand before anybody ran; whether the journal, and not only the index, knows.
    Adopted {
        recorded: bool,
    },
    Void(String),
}

/// The last success of a stage.
#[derive(Debug, Clone)]
pub struct Memory {
    pub at: u32,
    pub tree: Files,
    pub texts: BTreeMap<String, String>,
    /// What specs were called then.
    pub names: Vec<String>,
    /// What it handed on, if it has no outputs.
    pub change: Option<String>,
    pub standing: Standing,
}

/// A path that was written.
#[derive(Debug, Clone)]
pub struct Write {
    pub at: u32,
    pub path: String,
    /// Spec and stage; a person's without.
    pub by: Option<(usize, usize)>,
    pub landed: Option<u32>,
}

/// A spec in progress: the tree that it began on, or last took from the base, and its own.
#[derive(Debug, Clone)]
pub struct Branch {
    pub fork: Files,
    pub tree: Files,
    pub ran: BTreeSet<usize>,
}

/// A spec that landed.
#[derive(Debug, Clone)]
pub struct Landing {
    pub spec: usize,
    pub at: u32,
    pub before: Files,
    pub after: Files,
    pub ran: BTreeSet<usize>,
    pub result: String,
    pub reverted: bool,
    /// What it is called where it is told of; nothing if that is not known.
    pub rev: String,
}

/// What the base's last commit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tip {
    Landing,
    Revert,
    Other,
}

/// All that there is.
#[derive(Debug, Clone)]
pub struct Model {
    pub shape: Shape,
    pub now: u32,
    /// When builds began.
    pub builds: Vec<u32>,
    pub base: Files,
    /// What a person wrote in the checkout and did not commit.
    pub dirty: BTreeMap<String, Option<String>>,
    pub memories: BTreeMap<(usize, usize), Memory>,
    pub writes: Vec<Write>,
    pub landings: Vec<Landing>,
    pub branches: BTreeMap<usize, Branch>,
    /// Specs of which something was ever done by hand, and whether the journal knows.
    pub by_hand: BTreeMap<usize, bool>,
    /// Specs of which the base says that a stage was taken as done as it was.
    pub taken: BTreeSet<usize>,
    /// The stage that a spec is held at, and what it was made from then.
    pub held: BTreeMap<usize, (usize, Memory)>,
    pub tip: Tip,
    /// When it was made.
    pub tip_at: u32,
}

impl Model {
    pub fn new(shape: Shape, base: Files) -> Self {
        Self {
            shape,
            now: 1,
            builds: Vec::new(),
            base,
            dirty: BTreeMap::new(),
            memories: BTreeMap::new(),
            writes: Vec::new(),
            landings: Vec::new(),
            branches: BTreeMap::new(),
            by_hand: BTreeMap::new(),
            taken: BTreeSet::new(),
            held: BTreeMap::new(),
            tip: Tip::Other,
            tip_at: 0,
        }
    }

    /// The base has another commit.
    pub fn arrive(&mut self, tip: Tip) {
        (self.tip, self.tip_at) = (tip, self.now);
    }

    /// What specs are called.
    pub fn names(&self) -> Vec<String> {
        self.shape.specs.iter().map(|spec| spec.name.clone()).collect()
    }

    /// The tree that a spec's next stage would see.
    pub fn tree(&self, spec: usize) -> Files {
        let Some(branch) = self.branches.get(&spec) else { return self.base.clone() };
        let mut tree = self.base.clone();
        for path in branch.tree.keys().chain(branch.fork.keys()) {
            if branch.tree.get(path) == branch.fork.get(path) {
                continue;
            }
            match branch.tree.get(path) {
                Some(text) => tree.insert(path.clone(), text.clone()),
                None => tree.remove(path),
            };
        }
        tree
    }

    /// Whether a person may write this without a conflict with a spec in progress.
    pub fn fits(&self, edits: &Edits) -> bool {
        let touches = |branch: &Branch| edits.iter().any(|(p, _)| branch.tree.get(p) != branch.fork.get(p));
        !self.branches.values().any(touches)
    }

    /// A person commits.
    pub fn commit(&mut self, edits: &Edits) {
        self.now += 1;
        for (path, text) in edits {
            if self.base.get(path) == text.as_ref() {
                continue;
            }
            self.writes.push(Write { at: self.now, path: path.clone(), by: None, landed: None });
            match text {
                Some(text) => self.base.insert(path.clone(), text.clone()),
                None => self.base.remove(path),
            };
        }
        self.arrive(Tip::Other);
    }

    /// Whether a spec ran or was held in a build in which another one landed, before it or after it as it happened.
    pub fn ran_beside(&self, spec: usize, other: usize) -> bool {
        let build = |at: u32| self.builds.partition_point(|began| *began <= at);
        let stages = (0..self.shape.stages(spec).len()).filter_map(|stage| self.memories.get(&(spec, stage)));
        let held = self.held.get(&spec).map(|(_, then)| then);
        let ran: BTreeSet<usize> = stages.chain(held).map(|memory| build(memory.at)).collect();
        self.landings.iter().any(|landing| landing.spec == other && ran.contains(&build(landing.at)))
    }

    /// The result of a spec, as its last landing that stands left it.
    pub fn result(&self, spec: usize) -> Option<String> {
        let standing = self.landings.iter().rev().find(|landing| landing.spec == spec && !landing.reverted);
        let by_hand = || self.by_hand.contains_key(&spec).then(|| "by hand".to_owned());
        // Of what it exports, it changed nothing.
        let as_it_was = if self.shape.specs[spec].exports { "None" } else { "as it was" };
        let taken = || self.taken.contains(&spec).then(|| as_it_was.to_owned());
        standing.map(|landing| landing.result.clone()).or_else(by_hand).or_else(taken)
    }

    /// A spec lands, if it is in progress.
    pub fn land(&mut self, spec: usize) -> bool {
        let after = self.tree(spec);
        let Some(branch) = self.branches.remove(&spec) else { return false };
        self.now += 1;
        let before = std::mem::replace(&mut self.base, after.clone());
        let exported = self.shape.path(spec, "shared/{}.txt");
        let counts = |path: &&String| {
            before.get(*path) != after.get(*path)
                && if self.shape.specs[spec].exports {
                    **path == exported
                } else {
                    !path.starts_with(&self.shape.path(spec, "specs/{}/"))
                }
        };
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).filter(counts).collect();
        let changed: Vec<_> = paths.into_iter().map(|path| (path, after.get(path))).collect();
        let result = match self.result(spec) {
            Some(former) if changed.is_empty() => former,
            _ if self.shape.specs[spec].exports => format!("{:?}", after.get(&exported)),
            former => format!("{former:?} {changed:?}"),
        };
        for write in &mut self.writes {
            if write.by.is_some_and(|(by, _)| by == spec) && write.landed.is_none() {
                write.landed = Some(self.now);
            }
        }
        let landing = Landing {
            spec,
            at: self.now,
            before,
            after,
            ran: branch.ran,
            result,
            reverted: false,
            rev: String::new(),
        };
        self.landings.push(landing);
        self.record_adoptions();
        self.arrive(Tip::Landing);
        true
    }

    /// What only the index knew goes into the journal.
    pub fn record_adoptions(&mut self) {
        self.by_hand.values_mut().for_each(|recorded| *recorded = true);
        for memory in self.memories.values_mut() {
            if let Standing::Adopted { recorded } = &mut memory.standing {
                *recorded = true;
            }
        }
    }

    /// The index is lost.
    pub fn forget(&mut self) {
        self.by_hand.retain(|_, recorded| *recorded);
        self.memories.retain(|_, memory| memory.standing != Standing::Adopted { recorded: false });
    }

    /// Takes back a landing, or takes that back; false if the files have changed since.
    pub fn revert(&mut self, at: usize) -> bool {
        self.landings[at].reverted = !self.landings[at].reverted;
        let landing = self.landings[at].clone();
        let (from, to) = match landing.reverted {
            true => (&landing.after, &landing.before),
            false => (&landing.before, &landing.after),
        };
        let all: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let changed: Vec<&String> = all.into_iter().filter(|path| from.get(*path) != to.get(*path)).collect();
        if changed.iter().any(|path| self.base.get(*path) != from.get(*path)) {
            return false;
        }
        let edits = changed.into_iter().map(|path| (path.clone(), to.get(path).cloned())).collect();
        let is_last = at + 1 == self.landings.len();
        self.commit(&edits);
        self.arrive(if is_last { Tip::Revert } else { Tip::Other });
        for stage in landing.ran {
            let Some(memory) = self.memories.get_mut(&(landing.spec, stage)) else { continue };
            if memory.at > landing.at {
                continue;
            }
            let reverted = Standing::Void("reverted".into());
            // What was voided for another reason since stays so.
            match (landing.reverted, memory.standing == reverted) {
                (true, _) if !matches!(memory.standing, Standing::Void(_)) => memory.standing = reverted,
                (false, true) => memory.standing = Standing::Done,
                _ => {}
            }
        }
        true
    }

    /// A spec gets another name, and its files with it.
    pub fn rename(&mut self, spec: usize, to: &str) -> Vec<(String, String)> {
        let own = &mut self.shape.specs[spec];
        let was = std::mem::replace(&mut own.name, to.to_owned());
        own.was = Some(was.clone());
        let moved = |path: &String| {
            for (from, to) in [
                (format!("specs/{was}/"), format!("specs/{to}/")),
                (format!("notes/{was}.md"), format!("notes/{to}.md")),
                (format!("docs/{was}.md"), format!("docs/{to}.md")),
                (format!("out/{was}.txt"), format!("out/{to}.txt")),
            ] {
                if let Some(rest) = path.strip_prefix(&from) {
                    return format!("{to}{rest}");
                }
            }
            path.clone()
        };
        let moves: Vec<(String, String)> = self.base.keys().map(|path| (path.clone(), moved(path))).collect();
        let all = |files: &mut Files| *files = files.iter().map(|(p, t)| (moved(p), t.clone())).collect();
        all(&mut self.base);
        self.memories.values_mut().for_each(|memory| all(&mut memory.tree));
        self.held.values_mut().for_each(|(_, memory)| all(&mut memory.tree));
        for landing in &mut self.landings {
            all(&mut landing.before);
            all(&mut landing.after);
        }
        for write in &mut self.writes {
            write.path = moved(&write.path);
        }
        self.arrive(Tip::Other);
        moves.into_iter().filter(|(from, to)| from != to).collect()
    }
}
