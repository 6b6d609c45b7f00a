//! Pairs of specs that may run at once and are likely to change the same files. A guess from what is known of each:
//! it serves warnings and the order of things, never what is out of date.
use super::touches::overlap;
use crate::graph::{Place, StageGraph, Wanted};
use crate::model::Pattern;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// A path that more specs than this have to do with tells nothing of two of them: it is told of by itself.
pub const CROWD: usize = 48;

/// Evidence below this share of 100 is none.
const FLOOR: u32 = 5;

/// From this share of 100 on a collision is likely.
const LIKELY: u32 = 40;

/// What connects a spec with a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Commits of its branch changed it.
    Changed,
    /// Its `touches` has this pattern.
    Touches(String),
    /// A task that is not ticked names it, in this file.
    Task(String),
    /// It changed that when it landed before.
    Landed,
    /// What an earlier stage left names it: a plan.
    Plan(String),
    /// What people wrote of it names it: this file, or the Specfile.
    Prose(String),
    /// So many of the specs from the same template that have landed changed it.
    Template(Share),
    /// So many of the specs of the same layer that have landed changed it.
    Layer(Share),
}

/// So many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// How many did.
    pub some: u32,
    /// Of how many.
    pub of: u32,
}

impl Source {
    /// How much it tells, as a share of 100.
    fn weight(&self) -> u32 {
        let part = |most: u32, share: &Share| most * share.some / share.of.max(1);
        match self {
            Self::Changed => 100,
            Self::Touches(_) => 80,
            Self::Task(_) => 70,
            Self::Landed => 60,
            Self::Plan(_) => 50,
            Self::Prose(_) => 30,
            Self::Template(share) => part(50, share),
            Self::Layer(share) => part(20, share),
        }
    }

    /// Whether it is known of this very spec's work, and so may keep another one waiting.
    pub fn is_of_its_work(&self) -> bool {
        matches!(self, Self::Changed | Self::Touches(_) | Self::Task(_) | Self::Plan(_))
    }
}

/// What is known of the files that a spec changes. Its own folder and what its stages make are not among them.
#[derive(Debug, Clone, Default)]
pub struct Footprint {
    /// Its position in the project.
    pub spec: usize,
    /// Its `touches`.
    pub touches: Vec<Pattern>,
    /// Paths, each with what tells the most.
    pub paths: BTreeMap<Arc<str>, Source>,
}

impl Footprint {
    /// Takes note of a path, if nothing that tells more is known of it.
    pub fn add(&mut self, path: impl Into<Arc<str>>, source: Source) {
        let known = self.paths.entry(path.into()).or_insert_with(|| source.clone());
        if known.weight() < source.weight() {
            *known = source;
        }
    }
}

/// Two specs whose branches do not merge with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Their positions.
    pub specs: (usize, usize),
    /// Where they do not.
    pub paths: Vec<String>,
}

/// How sure a collision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likelihood {
    /// The branches do not merge as they are.
    Certain,
    /// It would be a surprise if they did.
    Likely,
    /// There are signs.
    Possible,
}

/// Why two specs are thought to collide, at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The path; a pattern where both have only such.
    pub path: String,
    /// What connects the first with it.
    pub one: Source,
    /// What connects the other with it.
    pub other: Source,
}

impl Evidence {
    fn weight(&self) -> u32 {
        self.one.weight() * self.other.weight() / 100
    }

    /// What tells more comes first.
    fn key(&self) -> (Reverse<u32>, &Source, &Source) {
        (Reverse(self.weight()), &self.one, &self.other)
    }
}

/// Two specs that may collide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The position of the one declared first.
    pub one: usize,
    /// The position of the other.
    pub other: usize,
    /// How sure it is.
    pub likelihood: Likelihood,
    /// Their `touches` overlap, so the one does not begin before the other has landed.
    pub kept_apart: bool,
    /// Why, what tells the most first.
    pub evidence: Vec<Evidence>,
}

/// All that is foreseen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Pairs, the surest first, those that are kept apart last.
    pub pairs: Vec<Pair>,
    /// Paths that many specs have to do with, and how many.
    pub crowds: Vec<(String, usize)>,
}

/// What collides among these specs, as far as they may run at once: a need or an `after` of what is wanted, however
/// long the way, puts a pair in order.
pub fn predict(
    graph: &StageGraph,
    wanted: &Wanted,
    footprints: &[Footprint],
    clashes: &[Clash],
) -> Prediction {
    let index = Index::new(footprints);
    let mut meetings = index.meetings();
    let mut certain = BTreeMap::new();
    for Clash { specs: (one, other), paths } in clashes {
        let pair = (*one.min(other), *one.max(other));
        certain.insert(pair, paths);
        meetings.entry(pair).or_default();
    }
    let mut order = Order::new(graph, wanted);
    let mut pairs = Vec::new();
    for ((one, other), evidence) in meetings {
        if order.is_ordered(one, other) {
            continue;
        }
        let clash = certain.get(&(one, other)).map(|paths| paths.as_slice());
        pairs.extend(index.pair((one, other), evidence, clash));
    }
    pairs.sort_by_cached_key(|pair| {
        (pair.kept_apart, pair.likelihood, Reverse(score(&pair.evidence)), pair.one, pair.other)
    });
    Prediction { pairs, crowds: index.crowds() }
}

/// The chance in a hundred that at least one of them is right.
fn score(evidence: &[Evidence]) -> u32 {
    let none = evidence.iter().fold(10_000_u32, |left, one| left * (100 - one.weight().min(100)) / 100);
    100 - none / 100
}

type Meetings = BTreeMap<(usize, usize), Vec<Evidence>>;

/// Which specs have to do with which path.
struct Index<'a> {
    footprints: HashMap<usize, &'a Footprint>,
    paths: BTreeMap<&'a str, Vec<(usize, &'a Source)>>,
    /// By root, parts ended by `/` so that a folder is a range.
    patterns: BTreeMap<String, Vec<(usize, &'a Pattern)>>,
}

impl<'a> Index<'a> {
    fn new(footprints: &'a [Footprint]) -> Self {
        let mut index =
            Self { footprints: HashMap::new(), paths: BTreeMap::new(), patterns: BTreeMap::new() };
        for footprint in footprints {
            index.footprints.insert(footprint.spec, footprint);
            for (path, source) in &footprint.paths {
                index.paths.entry(path).or_default().push((footprint.spec, source));
            }
            for pattern in &footprint.touches {
                index.patterns.entry(folder(pattern.root())).or_default().push((footprint.spec, pattern));
            }
        }
        index
    }

    fn crowds(&self) -> Vec<(String, usize)> {
        let crowded = self.paths.iter().filter(|(_, specs)| specs.len() > CROWD);
        crowded.map(|(path, specs)| ((*path).to_owned(), specs.len())).collect()
    }

    fn meetings(&self) -> Meetings {
        let mut meetings = Meetings::new();
        let mut meet = |path: &str, (one, first): (usize, &Source), (other, second): (usize, &Source)| {
            if one == other {
                return;
            }
            let (path, swap) = (path.to_owned(), one > other);
            let (first, second) = if swap { (second, first) } else { (first, second) };
            let evidence = Evidence { path, one: first.clone(), other: second.clone() };
            if evidence.weight() >= FLOOR {
                meetings.entry((one.min(other), one.max(other))).or_default().push(evidence);
            }
        };
        for (path, specs) in self.paths.iter().filter(|(_, specs)| specs.len() <= CROWD) {
            for (at, (one, first)) in specs.iter().enumerate() {
                for (other, second) in &specs[at + 1..] {
                    meet(path, (*one, first), (*other, second));
                }
            }
        }
        for (spec, pattern) in self.patterns.values().flatten().copied() {
            let source = Source::Touches(pattern.resolved().to_owned());
            let below = self.paths.range(pattern.root()..);
            let below = below.take_while(|(path, _)| path.starts_with(pattern.root()));
            for (path, specs) in below.filter(|(path, _)| pattern.matches(path)) {
                for (other, second) in specs.iter().filter(|_| specs.len() <= CROWD) {
                    meet(path, (spec, &source), (*other, second));
                }
            }
            // Each two meet twice, from either side: once is enough.
            for (other, theirs) in self.near(pattern).filter(|(other, _)| spec < *other) {
                let second = Source::Touches(theirs.resolved().to_owned());
                meet(narrower(pattern, theirs), (spec, &source), (other, &second));
            }
        }
        meetings
    }

    /// The patterns that overlap one.
    fn near(&self, pattern: &'a Pattern) -> impl Iterator<Item = (usize, &'a Pattern)> {
        let root = folder(pattern.root());
        let mut keys: BTreeSet<&str> = BTreeSet::new();
        keys.extend(
            self.patterns
                .range(root.clone()..)
                .map(|(key, _)| key.as_str())
                .take_while(|key| key.starts_with(&root)),
        );
        let around = root.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &root[..=at]);
        let around = std::iter::once("").chain(around);
        keys.extend(around.filter_map(|key| Some(self.patterns.get_key_value(key)?.0.as_str())));
        let found: Vec<_> = keys.into_iter().flat_map(|key| &self.patterns[key]).copied().collect();
        found.into_iter().filter(|(_, theirs)| overlap(pattern, theirs))
    }

    fn pair(
        &self,
        (one, other): (usize, usize),
        evidence: Vec<Evidence>,
        clash: Option<&[String]>,
    ) -> Option<Pair> {
        let touches = |spec: usize| self.footprints.get(&spec).map_or(&[][..], |f| &f.touches);
        let kept_apart = clash.is_none()
            && touches(one).iter().any(|first| touches(other).iter().any(|second| overlap(first, second)));
        let mut by_path: BTreeMap<String, Evidence> = BTreeMap::new();
        for evidence in evidence {
            let known = by_path.entry(evidence.path.clone()).or_insert_with(|| evidence.clone());
            // Of two that tell as much, always the same one.
            if known.key() > evidence.key() {
                *known = evidence;
            }
        }
        let mut evidence: Vec<Evidence> = match clash {
            // What does not merge says it all.
            Some(paths) => {
                let changed = |path: &String| Evidence {
                    path: path.clone(),
                    one: Source::Changed,
                    other: Source::Changed,
                };
                paths.iter().map(changed).collect()
            }
            None => by_path.into_values().collect(),
        };
        evidence.sort_by_key(|evidence| Reverse(evidence.weight()));
        let likelihood = match clash {
            Some(_) => Likelihood::Certain,
            None if score(&evidence) >= LIKELY => Likelihood::Likely,
            None => Likelihood::Possible,
        };
        (!evidence.is_empty()).then_some(Pair { one, other, likelihood, kept_apart, evidence })
    }
}

/// The one of two patterns that says more.
fn narrower<'p>(one: &'p Pattern, other: &'p Pattern) -> &'p str {
    let key = |pattern: &Pattern| {
        (!pattern.is_glob(), pattern.root().len(), Reverse(pattern.resolved().to_owned()))
    };
    if key(one) >= key(other) { one.resolved() } else { other.resolved() }
}

fn folder(root: &str) -> String {
    if root.is_empty() { String::new() } else { format!("{root}/") }
}

/// Which specs wait for which, along whatever way.
struct Order<'a> {
    graph: &'a StageGraph,
    wanted: &'a Wanted,
    waves: Vec<u32>,
    behind: HashMap<usize, HashSet<usize>>,
}

impl<'a> Order<'a> {
    fn new(graph: &'a StageGraph, wanted: &'a Wanted) -> Self {
        let waves = graph.waves(|place| wanted.contains(place));
        Self { graph, wanted, waves, behind: HashMap::new() }
    }

    fn is_ordered(&mut self, one: usize, other: usize) -> bool {
        let wave = |spec: usize| self.waves.get(spec).copied().unwrap_or_default();
        let (first, then) = if wave(one) <= wave(other) { (one, other) } else { (other, one) };
        // A way from one to the other would put them into different waves.
        if wave(first) == wave(then) {
            return false;
        }
        let (graph, wanted) = (self.graph, self.wanted);
        self.behind.entry(first).or_insert_with(|| behind(graph, wanted, first)).contains(&then)
    }
}

/// The specs of which a place comes after the landing of this one.
fn behind(graph: &StageGraph, wanted: &Wanted, spec: usize) -> HashSet<usize> {
    let mut seen: HashSet<Place> = HashSet::new();
    let mut open = vec![graph.landing_of(spec)];
    while let Some(place) = open.pop() {
        let next = graph.successors(place).map(|(next, _)| next);
        open.extend(next.filter(|next| wanted.contains(*next) && seen.insert(*next)));
    }
    seen.into_iter().filter_map(|place| graph.spec_of(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::resolve;
    use crate::graph::sample::{Sample, pattern};
    use proptest::prelude::*;

    fn task() -> Source {
        Source::Task("tasks.md".into())
    }

    fn footprint(spec: usize, touches: &[&str], paths: &[(&str, Source)]) -> Footprint {
        let mut made =
            Footprint { spec, touches: touches.iter().map(|t| pattern(t)).collect(), ..Footprint::default() };
        for (path, source) in paths {
            made.add(*path, source.clone());
        }
        made
    }

    /// Specs `0`, `1` ... with these edges, all wanted.
    fn graph(edges: &[&[&str]]) -> (StageGraph, Wanted) {
        let mut sample = Sample::new();
        for (at, edges) in edges.iter().enumerate() {
            sample.spec(&format!("s{at}"), "", &["plan", "implement"], edges);
        }
        let graph = StageGraph::new(&sample.project).expect("no circles");
        let wanted = resolve(&sample.project, &graph, &[], None).expect("goals");
        (graph, wanted)
    }

    fn told(edges: &[&[&str]], footprints: &[Footprint], clashes: &[Clash]) -> Vec<String> {
        let (graph, wanted) = graph(edges);
        let prediction = predict(&graph, &wanted, footprints, clashes);
        let each = |pair: &Pair| {
            let paths: Vec<&str> = pair.evidence.iter().map(|evidence| evidence.path.as_str()).collect();
            let apart = if pair.kept_apart { " apart" } else { "" };
            format!("{}{} {:?}{apart} {}", pair.one, pair.other, pair.likelihood, paths.join(","))
        };
        prediction.pairs.iter().map(each).collect()
    }

    #[test]
    fn two_that_name_a_file_collide_unless_one_waits_for_the_other() {
        let both = [footprint(0, &[], &[("a", task())]), footprint(1, &[], &[("a", task()), ("b", task())])];
        assert_eq!(told(&[&[], &[]], &both, &[]), ["01 Likely a"]);
        assert_eq!(told(&[&["s1"], &[]], &both, &[]), [""; 0]);
        assert_eq!(told(&[&[], &["~s0"]], &both, &[]), [""; 0]);
        assert_eq!(told(&[&[], &["s0>implement"]], &both, &[]), [""; 0]);
        let far = [both[0].clone(), Footprint { spec: 2, ..both[1].clone() }];
        assert_eq!(told(&[&[], &["s0"], &["s1"]], &far, &[]), [""; 0]);
        assert_eq!(told(&[&[], &["s0"], &[]], &far, &[]), ["02 Likely a"]);
    }

    #[test]
    fn touches_that_overlap_keep_apart_and_meet_what_is_named() {
        let three = [
            footprint(0, &["src/**"], &[]),
            footprint(1, &["src/x/*.rs"], &[]),
            footprint(2, &[], &[("src/x/a.rs", task()), ("lib", task())]),
        ];
        let expect = ["02 Likely src/x/a.rs", "12 Likely src/x/a.rs", "01 Likely apart src/x/*.rs"];
        assert_eq!(told(&[&[], &[], &[]], &three, &[]), expect);
    }

    #[test]
    fn what_does_not_merge_is_certain_and_comes_first() {
        let both = [footprint(0, &["a"], &[]), footprint(1, &["a"], &[])];
        let clash = Clash { specs: (1, 0), paths: vec!["a".into()] };
        assert_eq!(told(&[&[], &[]], &both, std::slice::from_ref(&clash)), ["01 Certain a"]);
        assert_eq!(told(&[&[], &["s0"]], &both, &[clash]), [""; 0]);
    }

    #[test]
    fn what_others_of_the_layer_did_tells_little() {
        let layer = |some| Source::Layer(Share { some, of: 4 });
        let template = Source::Template(Share { some: 4, of: 4 });
        let pair = |first: Source, second: Source| {
            told(&[&[], &[]], &[footprint(0, &[], &[("a", first)]), footprint(1, &[], &[("a", second)])], &[])
        };
        assert_eq!(pair(layer(4), layer(4)), [""; 0]);
        assert_eq!(pair(layer(4), task()), ["01 Possible a"]);
        assert_eq!(pair(layer(1), task()), [""; 0]);
        assert_eq!(pair(template.clone(), template), ["01 Possible a"]);
        assert_eq!(pair(Source::Landed, task()), ["01 Likely a"]);
    }

    #[test]
    fn a_crowd_is_told_of_by_itself() {
        let many: Vec<Footprint> = (0..=CROWD).map(|spec| footprint(spec, &[], &[("a", task())])).collect();
        let edges = vec![&[][..]; CROWD + 1];
        let (graph, wanted) = graph(&edges);
        let prediction = predict(&graph, &wanted, &many, &[]);
        assert_eq!((prediction.pairs.len(), prediction.crowds), (0, vec![("a".to_owned(), CROWD + 1)]));
    }

    fn source() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Changed),
            Just(task()),
            Just(Source::Landed),
            Just(Source::Plan("plan.md".into())),
            Just(Source::Prose("spec.md".into())),
            (1..4_u32).prop_map(|some| Source::Template(Share { some, of: 3 })),
            (1..4_u32).prop_map(|some| Source::Layer(Share { some, of: 3 })),
        ]
    }

    fn drawn() -> impl Strategy<Value = Footprint> {
        let paths = prop::collection::vec(("[ab](/[ab]){0,2}", source()), 0..4);
        let touches = prop::collection::vec("[ab](/[ab*]|/\\*\\*){0,2}", 0..3);
        (touches, paths).prop_map(|(touches, paths)| {
            let mut made =
                Footprint { touches: touches.iter().map(|t| pattern(t)).collect(), ..Footprint::default() };
            paths.into_iter().for_each(|(path, source)| made.add(path, source));
            made
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pairs_are_symmetric_unordered_and_have_evidence(
            mut footprints in prop::collection::vec(drawn(), 2..7),
            edges in prop::collection::vec((0..7_usize, 0..7_usize), 0..6),
        ) {
            let count = footprints.len();
            footprints.iter_mut().enumerate().for_each(|(at, footprint)| footprint.spec = at);
            // A spec needs only earlier ones, so there is no circle.
            let edges: Vec<(usize, usize)> = edges
                .into_iter()
                .map(|(a, b)| (a % count, b % count))
                .filter(|(a, b)| a < b)
                .collect();
            let names: Vec<Vec<String>> = (0..count)
                .map(|at| edges.iter().filter(|(_, b)| *b == at).map(|(a, _)| format!("s{a}")).collect())
                .collect();
            let names: Vec<Vec<&str>> = names.iter().map(|n| n.iter().map(String::as_str).collect()).collect();
            let names: Vec<&[&str]> = names.iter().map(Vec::as_slice).collect();
            let (graph, wanted) = graph(&names);
            let found = predict(&graph, &wanted, &footprints, &[]);

            // The order in which specs are told of changes nothing.
            let mut turned = footprints.clone();
            turned.reverse();
            prop_assert_eq!(&predict(&graph, &wanted, &turned, &[]), &found);

            // By the plainest means: every way through the needs, every path against every other.
            let mut way: HashSet<(usize, usize)> = edges.iter().copied().collect();
            for via in 0..count {
                let all: Vec<(usize, usize)> = way.iter().copied().collect();
                for (from, _) in all.iter().filter(|(_, to)| *to == via) {
                    way.extend(all.iter().filter(|(at, _)| *at == via).map(|(_, to)| (*from, *to)));
                }
            }
            let claims = |spec: usize| -> Vec<(Pattern, Source)> {
                let footprint = &footprints[spec];
                let touches = footprint.touches.iter().map(|p| (p.clone(), Source::Touches(String::new())));
                let paths = footprint.paths.iter().map(|(path, source)| (pattern(path), source.clone()));
                touches.chain(paths).collect()
            };
            let is_touches = |source: &Source| matches!(source, Source::Touches(_));
            let meets = |a: &(Pattern, Source), b: &(Pattern, Source)| {
                let met = match (is_touches(&a.1), is_touches(&b.1)) {
                    (true, true) => overlap(&a.0, &b.0),
                    (true, false) => a.0.matches(b.0.resolved()),
                    (false, true) => b.0.matches(a.0.resolved()),
                    (false, false) => a.0 == b.0,
                };
                met && a.1.weight() * b.1.weight() / 100 >= FLOOR
            };
            for a in 0..count {
                for b in a + 1..count {
                    let expect = !way.contains(&(a, b)) && claims(a).iter().any(|x| claims(b).iter().any(|y| meets(x, y)));
                    let pair = found.pairs.iter().filter(|pair| (pair.one, pair.other) == (a, b));
                    prop_assert_eq!(pair.count(), usize::from(expect), "{} {}", a, b);
                }
            }
            prop_assert!(found.pairs.iter().all(|pair| !pair.evidence.is_empty() && pair.one < pair.other));
        }
    }
}
