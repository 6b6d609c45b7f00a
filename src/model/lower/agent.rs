//! `agent "name" { ... }`, and what it takes over from the agent that it uses.
use super::declared::{AgentText, Declared, Taste};
use super::library::Library;
use super::notes::{At, Notes, did_you_mean};
use super::shape::{self, Shape};
use super::{limit, permission, stage};
use crate::base::{AgentName, Diagnostic, PoolName, Span};
use crate::model::{Agent, DIALECTS, Price, PromptBy};
use crate::syntax::{Node, Value};

const AGENT: Shape = Shape {
    args: (1, 1),
    takes: "a name",
    props: &["uses", "model", "pool", "dialect"],
    children: &[
        "uses",
        "command",
        "acp",
        "permissions",
        "model",
        "model-args",
        "resume",
        "prompt",
        "pool",
        "env",
        "scrub",
        "dialect",
        "streams",
        "price",
        "grace",
        "limit",
        "verified",
    ],
};

/// An agent and its name.
pub(crate) fn read(notes: &mut Notes, node: &Node) -> Option<(At<AgentName>, AgentText)> {
    AGENT.check(node, notes);
    let words = |notes: &mut Notes, name| {
        let child = shape::once(notes, node, name)?;
        Some(shape::texts(notes, child).into_iter().map(|said| said.value).collect::<Vec<_>>())
    };
    let mut agent = AgentText {
        span: shape::title_span(node),
        command: words(notes, "command"),
        acp: words(notes, "acp"),
        permissions: permission::read(notes, node),
        model_args: words(notes, "model-args"),
        resume: words(notes, "resume"),
        model: shape::one_text(notes, node, "model").map(|said| said.value),
        env: stage::env(notes, node),
        scrub: shape::all_texts(notes, node, "scrub").into_iter().map(|said| said.value).collect(),
        streams: shape::bare_flag(notes, node, "streams"),
        grace: shape::one_duration(notes, node, "grace"),
        verified: words(notes, "verified").unwrap_or_default(),
        ..AgentText::default()
    };
    if let Some(said) = shape::one_text(notes, node, "uses") {
        agent.uses = shape::named(notes, &said, AgentName::new);
    }
    if let Some(said) = shape::one_text(notes, node, "pool") {
        agent.pool = shape::named(notes, &said, PoolName::new);
    }
    if let Some(said) = shape::one_text(notes, node, "prompt") {
        let among = [("stdin", PromptBy::Stdin), ("argument", PromptBy::Argument)];
        agent.prompt = shape::choice(notes, &said, &among);
    }
    if let Some(said) = shape::one_text(notes, node, "dialect") {
        if DIALECTS.contains(&said.value.as_str()) {
            agent.dialect = Some(said.value);
        } else {
            let help = did_you_mean(&said.value, DIALECTS);
            notes.error(said.span, format!("there is no dialect `{}`", said.value), help);
        }
    }
    (agent.limits, agent.limit_floor) = limit::of_agent(notes, node);
    if agent.acp.is_some() {
        only_lines(notes, node);
    }
    if let Some(price) = shape::once(notes, node, "price") {
        agent.price = self::price(notes, price);
    }
    let said = shape::text(notes, node.args.first()?)?;
    Some((shape::named(notes, &said, AgentName::new)?, agent))
}

/// Notes what means nothing for an agent that is talked with.
fn only_lines(notes: &mut Notes, node: &Node) {
    for name in ["command", "resume", "prompt", "dialect", "streams"] {
        let child = shape::each(node, name).next().map(|child| child.name.span);
        let Some(span) = child.or_else(|| shape::prop(node, name).map(|value| value.span)) else { continue };
        let help = if name == "command" {
            "an agent is run in one way: leave `acp` or `command`"
        } else {
            "the protocol says how it gets its prompt, how it is read and how it goes on: leave it out"
        };
        notes.error(span, format!("`{name}` says nothing about an agent that speaks `acp`"), help);
    }
}

fn price(notes: &mut Notes, node: &Node) -> Option<Price> {
    const KINDS: &[&str] = &["in", "out", "cache-read", "cache-write"];
    const PRICE: Shape = Shape {
        args: (0, 0),
        takes: "`in=`, `out=`, `cache-read=`, `cache-write=`",
        props: KINDS,
        children: &[],
    };
    PRICE.check(node, notes);
    let mut of = |kind: &str| {
        let value: Option<&Value> = shape::prop(node, kind);
        value.and_then(|value| shape::amount(notes, value))
    };
    let kinds = [of("in"), of("out"), of("cache-read"), of("cache-write")];
    if node.props.is_empty() {
        notes.error(node.name.span, "this price says nothing", "for example `price in=3.0 out=15.0`");
    }
    Some(Price(kinds))
}

/// Where an agent's text stands; a later place gives what an earlier one leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Specfile,
    User,
    BuiltIn,
}

/// The agent of that name with all that it uses folded in; errors once for each agent.
pub(crate) fn resolve(
    notes: &mut Notes,
    declared: &Declared,
    taste: &Taste,
    library: &Library,
    name: &AgentName,
) -> Option<Agent> {
    let mut chain: Vec<(Place, AgentName)> = Vec::new();
    let mut agent = Agent::new(name.clone());
    let mut command = None;
    let (mut dialect, mut prompt, mut streams, mut grace, mut floor) = (None, None, None, None, None);
    let mut next = find(declared, taste, library, name, Place::Specfile).map(|place| (place, name.clone()));
    while let Some((place, at)) = next.take() {
        let text = text(declared, taste, library, place, &at)?;
        if chain.is_empty() {
            agent.span = text.span;
        }
        if chain.contains(&(place, at.clone())) {
            let names: Vec<String> = chain.iter().map(|(_, name)| format!("`{name}`")).collect();
            notes.error(
                agent.span,
                format!("these agents use each other: {}", names.join(", ")),
                "one of them needs a `command`",
            );
            return None;
        }
        // A program goes on with a session in its own way, and takes a model in its own way if it is talked with.
        if command.is_none() && agent.resume.is_empty() {
            agent.resume = text.resume.clone().unwrap_or_default();
        }
        if !(agent.acp && command.is_some()) && agent.model_args.is_empty() {
            agent.model_args = text.model_args.clone().unwrap_or_default();
        }
        // Only the program that the profile was tried with is verified.
        if command.is_none() && (text.acp.is_some() || text.command.is_some()) {
            agent.acp = text.acp.is_some();
            command = text.acp.clone().or_else(|| text.command.clone());
            let mut verified = text.verified.iter().cloned();
            (agent.verified, agent.cases) = (verified.next(), verified.collect());
        }
        agent.permissions.extend(text.permissions.iter().cloned());
        dialect = dialect.or_else(|| text.dialect.clone());
        prompt = prompt.or(text.prompt);
        streams = streams.or(text.streams);
        grace = grace.or(text.grace);
        floor = floor.or(text.limit_floor);
        agent.limits.extend(text.limits.iter().cloned());
        // A price is that of the model beside it.
        let is_its_own = agent.model.is_none() || text.model.is_none() || agent.model == text.model;
        agent.price = agent.price.or(text.price.filter(|_| is_its_own));
        agent.model = agent.model.or_else(|| text.model.clone());
        agent.pool = agent.pool.or_else(|| text.pool.as_ref().map(|said| said.value.clone()));
        for (key, value) in &text.env {
            if !agent.env.iter().any(|(known, _)| known == key) {
                agent.env.push((key.clone(), value.value.clone()));
            }
        }
        agent.scrub.extend(text.scrub.iter().cloned());
        let uses = text.uses.clone();
        let complete = (text.acp.is_some() || text.command.is_some()) && uses.is_none();
        chain.push((place, at.clone()));
        next = match uses {
            Some(uses) if uses.value == at => after(declared, taste, library, &at, place).map(|p| (p, at)),
            Some(uses) => {
                let found = find(declared, taste, library, &uses.value, Place::Specfile);
                if found.is_none() {
                    unknown(notes, declared, taste, &uses.value, uses.span);
                    return None;
                }
                found.map(|p| (p, uses.value))
            }
            None if complete => None,
            None => after(declared, taste, library, &at, place).map(|p| (p, at)),
        };
    }
    let Some(command) = command else {
        let help = format!(
            "give it `command \"...\"` or `acp \"...\"`, or `uses=` one of the built-in ones: {}",
            Library::agent_names().collect::<Vec<_>>().join(", ")
        );
        notes.push(Diagnostic::error(agent.span, format!("agent `{name}` has no command")).help(help));
        return None;
    };
    agent.command = command;
    if agent.acp {
        // Whatever a profile says that it uses, and that is run in another way.
        (dialect, prompt, streams) = (None, None, Some(true));
        agent.resume.clear();
    }
    let own = Agent::new(name.clone());
    agent.dialect = dialect.unwrap_or(own.dialect);
    agent.prompt = prompt.unwrap_or(own.prompt);
    agent.streams = streams.unwrap_or(own.streams);
    agent.grace = grace.unwrap_or(own.grace);
    agent.limit_floor = floor.unwrap_or(own.limit_floor);
    agent.permissions.extend(declared.project.permissions.iter().cloned());
    Some(agent)
}

/// Says that there is no such agent.
pub(crate) fn unknown(notes: &mut Notes, declared: &Declared, taste: &Taste, name: &AgentName, span: Span) {
    let known = declared.agents.keys().chain(taste.agents.keys()).map(AgentName::as_str);
    let help = did_you_mean(name.as_str(), known.chain(Library::agent_names()));
    notes.error(span, format!("there is no agent `{name}`"), help);
}

/// Whether an agent of that name is declared somewhere or built in.
pub(crate) fn exists(declared: &Declared, taste: &Taste, library: &Library, name: &AgentName) -> bool {
    find(declared, taste, library, name, Place::Specfile).is_some()
}

fn find(
    declared: &Declared,
    taste: &Taste,
    library: &Library,
    name: &AgentName,
    from: Place,
) -> Option<Place> {
    [Place::Specfile, Place::User, Place::BuiltIn]
        .into_iter()
        .filter(|place| *place >= from)
        .find(|place| text(declared, taste, library, *place, name).is_some())
}

fn after(
    declared: &Declared,
    taste: &Taste,
    library: &Library,
    name: &AgentName,
    place: Place,
) -> Option<Place> {
    let from = match place {
        Place::Specfile => Place::User,
        Place::User => Place::BuiltIn,
        Place::BuiltIn => return None,
    };
    find(declared, taste, library, name, from)
}

fn text<'t>(
    declared: &'t Declared,
    taste: &'t Taste,
    library: &'t Library,
    place: Place,
    name: &AgentName,
) -> Option<&'t AgentText> {
    match place {
        Place::Specfile => declared.agents.get(name),
        Place::User => taste.agents.get(name),
        Place::BuiltIn => library.agent(name),
    }
}
