//! What the user's own file, the environment and the command line may say: taste, never what is built.
use super::declared::Taste;
use super::notes::{At, Notes, did_you_mean};
use super::shape::{self, Shape};
use super::{agent, gather, limit, project};
use crate::base::{AgentName, PoolName, Sources, Span};
use crate::model::LoadRequest;
use crate::syntax::Node;

const TASTE: &[&str] = &["agent", "pool", "jobs", "model", "notify", "limits", "trust", "project"];

/// Nodes of a Specfile that decide what is built.
const BUILT: &[&str] = &["resource", "pipeline", "stage", "land", "layer", "spec", "template", "include"];

/// Variables that specmake sets for the programs it starts.
const OURS: &[&str] =
    &["RUN", "SPEC", "STAGE", "ATTEMPT", "WORKTREE", "SLOT", "PORT_BASE", "TITLE", "BODY", "LOG"];

/// What is asked for by the command line, else by the environment.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) agent: Option<At<AgentName>>,
    pub(crate) model: Option<String>,
    pub(crate) jobs: Option<u32>,
    pub(crate) notify: Option<At<String>>,
    /// `SPECMAKE_LIMITS=off`: how busy the machine is does not matter.
    pub(crate) no_limits: bool,
}

/// Reads the user's own file.
pub(crate) fn read(notes: &mut Notes, sources: &mut Sources, name: &str, bytes: &[u8]) -> Taste {
    let mut taste = Taste::default();
    for node in gather::tree(notes, sources, name, bytes) {
        match node.name.text.as_str() {
            "agent" => {
                let read = agent::read(notes, &node);
                if let Some((name, _)) = &read {
                    taste.agent.get_or_insert(name.clone());
                }
                gather::insert(notes, &mut taste.agents, "agent", read, |agent| agent.span);
            }
            "pool" => {
                let read = gather::depth(notes, &node, PoolName::new);
                gather::insert(notes, &mut taste.pools, "pool", read, |depth| depth.span);
            }
            "project" => {
                const PROJECT: Shape = Shape {
                    args: (0, 0),
                    takes: "nothing but a block",
                    props: &[],
                    children: &["jobs", "notify", "model", "limits"],
                };
                for child in node.children.iter().flatten() {
                    if child.name.text == "limits" {
                        taste.limits = limit::read(notes, child);
                    } else if !PROJECT.children.contains(&child.name.text.as_str()) {
                        not_taste(notes, child);
                    } else {
                        setting(notes, &mut taste, child);
                    }
                }
            }
            "limits" => taste.limits = limit::read(notes, &node),
            "trust" => taste.trust.extend(shape::texts(notes, &node).into_iter().map(|said| said.value)),
            "jobs" | "model" | "notify" => setting(notes, &mut taste, &node),
            known if BUILT.contains(&known) => not_taste(notes, &node),
            name => {
                let help = did_you_mean(name, TASTE.iter().copied());
                notes.error(node.name.span, format!("`{name}` means nothing in the user's own file"), help);
            }
        }
    }
    taste
}

fn not_taste(notes: &mut Notes, node: &Node) {
    let what = format!("`{}` cannot be set in the user's own file", node.name.text);
    let help = "this file holds taste: `agent`, `model`, `jobs`, `pool`, `notify`, `trust`; what is built is said in the Specfile";
    notes.error(node.name.span, what, help);
}

fn setting(notes: &mut Notes, taste: &mut Taste, node: &Node) {
    shape::ONE.check(node, notes);
    let Some(value) = node.args.first() else { return };
    match node.name.text.as_str() {
        "jobs" => taste.jobs = shape::count(notes, value),
        "model" => taste.model = shape::text(notes, value),
        _ => taste.notify = shape::text(notes, value).filter(|line| project::notify(notes, line)),
    }
}

/// What the command line and the environment ask for.
pub(crate) fn wishes(notes: &mut Notes, sources: &mut Sources, request: &LoadRequest) -> Wishes {
    let mut wishes = Wishes::default();
    environment(notes, sources, request, &mut wishes);
    wishes.jobs = request.jobs.or(wishes.jobs);
    if let Some(agent) = &request.agent {
        let source = sources.add("command line", &format!("--agent {agent}"));
        let said = At::new(agent.clone(), Span { source, start: 8, len: agent.len() });
        wishes.agent = shape::named(notes, &said, AgentName::new);
        // A model from the environment was meant for another agent.
        wishes.model = None;
    }
    wishes.model = request.model.clone().or(wishes.model);
    wishes
}

fn environment(notes: &mut Notes, sources: &mut Sources, request: &LoadRequest, wishes: &mut Wishes) {
    if request.env.is_empty() {
        return;
    }
    let mut text = String::new();
    let mut places = Vec::new();
    for (name, value) in &request.env {
        places.push((name.as_str(), value.as_str(), text.len()));
        text.push_str(&format!("{name}={value}\n"));
    }
    let source = sources.add("environment", &text);
    for (name, value, start) in places {
        let whole = Span { source, start, len: name.len() };
        let said =
            At::new(value.to_owned(), Span { source, start: start + name.len() + 1, len: value.len() });
        match name.strip_prefix("SPECMAKE_").unwrap_or(name) {
            "AGENT" => wishes.agent = shape::named(notes, &said, AgentName::new),
            "MODEL" => wishes.model = Some(said.value).filter(|model| !model.is_empty()),
            "NOTIFY" => wishes.notify = Some(said).filter(|line| project::notify(notes, line)),
            "LIMITS" => match value {
                "off" => wishes.no_limits = true,
                "on" => {}
                _ => {
                    let help = "what they are is said in the Specfile";
                    notes.error(said.span, format!("`{value}` is neither `on` nor `off`"), help);
                }
            },
            "JOBS" => match value.parse() {
                Ok(jobs @ 1..=1_000_000) => wishes.jobs = Some(jobs),
                _ => notes.error(said.span, format!("`{value}` is not a number of jobs"), "it is 1 or more"),
            },
            word if OURS.contains(&word) => {}
            "PIPELINE" | "PROMPT" | "BASE" | "SPECS" | "BRANCH" | "WORKTREES" | "SETUP" | "CHECK"
            | "INPUT" | "OUTPUT" | "NEEDS" | "LAND" => {
                let help = "what is built is said in the Specfile; the environment may set SPECMAKE_AGENT, SPECMAKE_MODEL, SPECMAKE_JOBS, SPECMAKE_LIMITS and SPECMAKE_NOTIFY";
                notes.error(whole, format!("`{name}` cannot be set by the environment"), help);
            }
            _ => {
                let help = did_you_mean(
                    name,
                    [
                        "SPECMAKE_AGENT",
                        "SPECMAKE_MODEL",
                        "SPECMAKE_JOBS",
                        "SPECMAKE_LIMITS",
                        "SPECMAKE_NOTIFY",
                    ],
                );
                notes.warning(whole, format!("`{name}` means nothing to specmake"), help);
            }
        }
    }
}
