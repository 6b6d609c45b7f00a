//! What a Specfile declares: random, small, and written down as text for the program alone.
use proptest::prelude::{Strategy, any};
use std::fmt::{self, Write as _};

/// A way that a spec goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Documents, tasks, code without outputs, and a command.
    Full,
    /// A draft, a gate, and a page.
    Docs,
    /// One stage.
    One,
}

/// Who does a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Agent,
    Command,
    Gate,
}

/// A stage as declared; `{}` in a path stands for the spec's name.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    pub name: &'static str,
    pub by: By,
    pub inputs: &'static [&'static str],
    pub output: Option<&'static str>,
    pub tasks: Option<&'static str>,
}

impl Stage {
    /// Whether its environment says something.
    pub fn has_mode(&self) -> bool {
        self.name == "build"
    }
}

const fn stage(
    name: &'static str,
    by: By,
    inputs: &'static [&'static str],
    output: Option<&'static str>,
) -> Stage {
    Stage { name, by, inputs, output, tasks: None }
}

const SPEC: &str = "specs/{}/spec.md";
const TASKS: &str = "specs/{}/tasks.md";
const FULL: [Stage; 4] = [
    stage("spec", By::Agent, &["notes/{}.md"], Some(SPEC)),
    stage("tasks", By::Agent, &[], Some(TASKS)),
    Stage { tasks: Some(TASKS), ..stage("build", By::Agent, &[SPEC, "shared/*"], None) },
    stage("check", By::Command, &[], None),
];
const DOCS: [Stage; 3] = [
    stage("draft", By::Agent, &["notes/{}.md"], Some("docs/{}.md")),
    stage("review", By::Gate, &[], None),
    stage("publish", By::Agent, &["docs/{}.md"], Some("out/{}.txt")),
];
const ONE: [Stage; 1] = [stage("make", By::Agent, &["notes/{}.md", "shared/*"], Some("out/{}.txt"))];

impl Way {
    pub const ALL: [Self; 3] = [Self::Full, Self::Docs, Self::One];

    pub fn stages(self) -> &'static [Stage] {
        match self {
            Self::Full => &FULL,
            Self::Docs => &DOCS,
            Self::One => &ONE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Docs => "docs",
            Self::One => "one",
        }
    }
}

/// Another spec that a spec needs.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    pub on: usize,
    /// From the last stage on only.
    pub late: bool,
    /// It goes on without one that failed.
    pub optional: bool,
}

/// A spec as declared.
#[derive(Debug, Clone)]
pub struct Spec {
    pub name: String,
    pub was: Option<String>,
    pub way: Way,
    pub description: u8,
    pub needs: Vec<Need>,
    pub after: Vec<usize>,
    /// Whether it comes after the first of the two layers, if it lies in none.
    pub behind: bool,
    pub exports: bool,
    /// The parameter of its template, if it is from one.
    pub flavour: Option<u8>,
    /// Whether it lies in the second of two layers; the second needs the first.
    pub upper: Option<bool>,
    /// How much of it is there from the start: nothing, the first document, the second, everything.
    pub adopted: u8,
    /// Whether it is out of builds that do not name it.
    pub parked: bool,
}

/// All that is declared.
#[derive(Clone)]
pub struct Shape {
    pub specs: Vec<Spec>,
    /// Which words each way's first prompt has.
    pub prompts: [u8; 3],
    /// Which words the command has.
    pub line: u8,
    /// The environment of a stage.
    pub mode: u8,
    pub agent: u8,
    pub model: u8,
    pub taste_counts: bool,
    pub holds: bool,
    pub jobs: u8,
    pub remark: u8,
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adopted: Vec<u8> = self.specs.iter().map(|spec| spec.adopted).collect();
        write!(f, "by hand from the start: {adopted:?}\n{}", self.text())
    }
}

impl Shape {
    /// A path of a spec.
    pub fn path(&self, spec: usize, pattern: &str) -> String {
        pattern.replace("{}", &self.specs[spec].name)
    }

    pub fn stages(&self, spec: usize) -> &'static [Stage] {
        self.specs[spec].way.stages()
    }

    /// What a spec needs at a stage, and whether a layer asks for it.
    pub fn needs(&self, spec: usize, stage: usize) -> Vec<(usize, bool)> {
        let own = &self.specs[spec];
        let last = own.way.stages().len() - 1;
        let named = own.needs.iter().filter(|need| !need.late || stage == last).map(|need| (need.on, false));
        let mut all: Vec<(usize, bool)> = named.collect();
        if own.upper == Some(true) {
            for (on, other) in self.specs.iter().enumerate() {
                if other.upper == Some(false) && !all.iter().any(|(named, _)| *named == on) {
                    all.push((on, true));
                }
            }
        }
        all
    }

    /// All that a spec needs, at whatever stage.
    pub fn all_needs(&self, spec: usize) -> Vec<usize> {
        let last = self.stages(spec).len() - 1;
        self.needs(spec, last).into_iter().map(|(on, _)| on).collect()
    }

    /// All that merely comes before a spec.
    pub fn afters(&self, spec: usize) -> Vec<usize> {
        let own = &self.specs[spec];
        let of_layer = |on: &usize| self.is_behind(own) && self.specs[*on].upper == Some(false);
        own.after.iter().copied().chain((0..self.specs.len()).filter(of_layer)).collect()
    }

    /// Whether a spec comes after the lower layer, if there is one.
    pub fn is_behind(&self, spec: &Spec) -> bool {
        spec.behind && spec.upper.is_none() && self.specs.iter().any(|other| other.upper == Some(false))
    }

    /// Whether a spec goes on without one that it needs.
    pub fn can_do_without(&self, spec: usize, need: usize) -> bool {
        let own = &self.specs[spec];
        let is_of_layer = own.upper == Some(true) && self.specs[need].upper == Some(false);
        !is_of_layer && own.needs.iter().any(|named| named.on == need && named.optional)
    }

    /// What comes into a build with a spec: all that it needs, but for what is parked and only in its layer's.
    pub fn pulls(&self, spec: usize) -> Vec<usize> {
        let last = self.stages(spec).len() - 1;
        let needs = self.needs(spec, last).into_iter();
        needs.filter(|(on, layer)| !layer || !self.specs[*on].parked).map(|(on, _)| on).collect()
    }

    /// The words that a stage is asked with, if they are not empty.
    pub fn asked(&self, spec: usize, stage: usize) -> String {
        let own = &self.specs[spec];
        match own.way.stages()[stage].by {
            By::Gate => String::new(),
            By::Command => self.command(),
            By::Agent if stage > 0 => format!("Stage {stage}."),
            By::Agent => match own.flavour {
                Some(flavour) => format!("Begin with flavour {flavour}."),
                None => format!("Begin, words {}.", self.prompts[own.way as usize]),
            },
        }
    }

    fn command(&self) -> String {
        format!("sh $W/agent.sh # {}", self.line)
    }

    /// The Specfile but for the agent's line.
    pub fn text(&self) -> String {
        let mut text = "// A remark.\n".repeat(usize::from(self.remark));
        let taste = if self.taste_counts { "; ingredients \"agent\" \"model\"" } else { "" };
        let indent = " ".repeat(usize::from(self.remark));
        writeln!(text, "project {{ pipeline \"one\"; jobs {}{taste} }}", self.jobs).unwrap();
        let ladder = if self.holds { "hold" } else { "fail" };
        for way in Way::ALL {
            writeln!(text, "pipeline \"{}\" {{", way.name()).unwrap();
            for (at, stage) in way.stages().iter().enumerate() {
                let work = match stage.by {
                    By::Gate => "gate".to_owned(),
                    By::Command => format!("run {:?}", self.command()),
                    By::Agent if at > 0 => format!("prompt \"Stage {at}.\""),
                    By::Agent => format!("prompt \"Begin, words {}.\"", self.prompts[way as usize]),
                };
                let named = |word: &str, paths: &[&str]| {
                    let paths: Vec<String> =
                        paths.iter().map(|p| format!("{:?}", p.replace("{}", "{spec}"))).collect();
                    if paths.is_empty() { String::new() } else { format!("; {word} {}", paths.join(" ")) }
                };
                let files = named("input", stage.inputs)
                    + &named("output", stage.output.as_slice())
                    + &named("tasks", stage.tasks.as_slice())
                    + &if stage.has_mode() { format!("; env MODE=\"{}\"", self.mode) } else { String::new() };
                let ladder =
                    if stage.by == By::Gate { String::new() } else { format!("; on-failure {{ {ladder} }}") };
                writeln!(text, "{indent}  stage {:?} {{ {work}{files}{ladder} }}", stage.name).unwrap();
            }
            text.push_str("}\n");
        }
        for way in Way::ALL {
            let first = way.stages()[0].name;
            let prompt = "prompt \"Begin with flavour {flavour}.\"";
            writeln!(
                text,
                "template \"from-{0}\" {{ pipeline \"{0}\"; stage \"{first}\" {{ {prompt} }} }}",
                way.name()
            )
            .unwrap();
        }
        for upper in [Some(false), Some(true), None] {
            let of = |spec: &&Spec| spec.upper == upper;
            if upper.is_some() && !self.specs.iter().any(|spec| of(&spec)) {
                continue;
            }
            match upper {
                Some(false) => text.push_str("layer \"lower\" {\n"),
                Some(true) if self.specs.iter().any(|spec| spec.upper == Some(false)) => {
                    text.push_str("layer \"upper\" {\n  needs \"lower\"\n");
                }
                Some(true) => text.push_str("layer \"upper\" {\n"),
                None => {}
            }
            for spec in self.specs.iter().filter(of) {
                text.push_str(&self.spec_text(spec));
            }
            if upper.is_some() {
                text.push_str("}\n");
            }
        }
        text
    }

    fn spec_text(&self, spec: &Spec) -> String {
        let mut line = format!("spec {:?} \"Description {}\"", spec.name, spec.description);
        match spec.flavour {
            Some(flavour) => {
                write!(line, " from=\"from-{}\" flavour=\"{flavour}\"", spec.way.name()).unwrap()
            }
            None => write!(line, " pipeline=\"{}\"", spec.way.name()).unwrap(),
        }
        if let Some(was) = &spec.was {
            write!(line, " was={was:?}").unwrap();
        }
        line.push_str(" {");
        for need in &spec.needs {
            write!(line, " needs {:?}", self.specs[need.on].name).unwrap();
            if let (true, Some(last)) = (need.late, spec.way.stages().last()) {
                write!(line, " for={:?}", last.name).unwrap();
            }
            line.push_str(if need.optional { " optional=#true;" } else { ";" });
        }
        for on in &spec.after {
            write!(line, " after {:?};", self.specs[*on].name).unwrap();
        }
        if self.is_behind(spec) {
            line.push_str(" after \"lower\";");
        }
        if spec.exports {
            line.push_str(" exports \"shared/{spec}.txt\";");
        }
        if spec.parked {
            line.push_str(" parked \"later\";");
        }
        line.push_str(" }\n");
        line
    }
}

fn spec(at: usize) -> impl Strategy<Value = Spec> {
    let layer = 0..6_u8;
    let parts = (0..5_usize, 0..64_u8, layer, any::<bool>(), 0..6_u8, 0..8_u8, 0..8_u8);
    parts.prop_map(move |(way, mask, layer, exports, flavour, adopted, rare)| {
        let before = |shift: u8| (0..at).filter(move |on| mask >> shift >> (2 * (on % 3)) & 1 == 1);
        let need =
            |on| Need { on, late: (usize::from(mask) + on).is_multiple_of(4), optional: rare % 3 == 1 };
        let needs: Vec<Need> = before(0).map(need).collect();
        let after = before(1).filter(|on| !needs.iter().any(|need| need.on == *on)).collect();
        Spec {
            name: format!("s{at}"),
            was: None,
            way: [Way::Full, Way::Full, Way::Full, Way::Docs, Way::One][way],
            description: 0,
            needs,
            after,
            // Of the lower layer, nothing comes after what is declared third.
            behind: at >= 2 && rare.is_multiple_of(2),
            exports,
            flavour: (flavour == 0).then_some(0),
            upper: match layer {
                0 | 1 if at < 2 => Some(false),
                0 | 1 if at >= 2 => Some(true),
                _ => None,
            },
            adopted: adopted.saturating_sub(4),
            parked: rare == 7,
        }
    })
}

/// One to four specs.
pub fn shape() -> impl Strategy<Value = Shape> {
    let specs = (1..5_usize).prop_flat_map(|count| (0..count).map(spec).collect::<Vec<_>>());
    (specs, any::<bool>(), any::<bool>(), 1..4_u8).prop_map(|(specs, taste_counts, holds, jobs)| Shape {
        specs,
        prompts: [0; 3],
        line: 0,
        mode: 0,
        agent: 0,
        model: 0,
        taste_counts,
        holds,
        jobs,
        remark: 0,
    })
}
