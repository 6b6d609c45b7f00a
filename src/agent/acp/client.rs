//! The conversation: greeting, session, prompt, end.
use super::permission::Policy;
use super::updates::Updates;
use super::used::Used;
use super::wire::{self, Message, text};
use super::{VERSION, end};
use crate::agent::dialect::{EndReason, Said};
use crate::event::ToolUse;
use serde_json::{Value, json};
use std::mem;
use std::time::Duration;

/// How long nothing may come after the answer to the prompt before it is over: some tell more after it.
pub(super) const DRAIN: Duration = Duration::from_millis(300);

/// How many lines may come after that answer.
const MOST_LATE: u32 = 1000;

/// How long nothing may come before there is a session: what is run may be no such agent at all.
const GREETING: Duration = Duration::from_secs(5 * 60);

/// What is asked, of whom, and what it may do.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The prompt, for a session that knows nothing.
    pub prompt: String,
    /// A session to go on with.
    pub session: Option<Session>,
    /// What it may do.
    pub policy: Policy,
}

/// A session of the agent's.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The prompt, for this session.
    pub prompt: String,
    /// What was told that it had cost, in USD.
    pub cost: Option<f64>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// This line goes to the agent.
    Send(String),
    /// The agent said this.
    Said(Said),
    /// The agent asked whether it may use this tool, and was answered.
    Asked {
        /// The tool.
        tool: ToolUse,
        /// Whether it may.
        allowed: bool,
        /// By which rule.
        why: String,
    },
    /// Nothing is to come any more: the agent's input can be closed. Said once, and last.
    Over(EndReason),
}

/// How far the conversation is.
#[derive(Debug)]
enum State {
    /// It was asked which version it speaks.
    Greeting,
    /// It was asked for its session, as it was; `replays` while it tells what it said then.
    Loading { replays: bool },
    /// It was asked for a new session.
    Opening,
    /// It has the prompt.
    Working,
    /// It has answered; what it still says is waited for.
    Draining { reason: EndReason, late: u32 },
    /// Nothing is to come.
    Over,
}

/// Our side of one conversation.
#[derive(Debug)]
pub struct Client {
    opening: Opening,
    state: State,
    /// The number of our last request: the only one whose answer is waited for.
    asked: u64,
    session: String,
    cancelled: bool,
    told: Updates,
}

impl Client {
    /// A conversation, and what is to be said first.
    pub fn new(opening: Opening) -> (Self, Vec<Act>) {
        let mut client = Self {
            opening,
            state: State::Greeting,
            asked: 0,
            session: String::new(),
            cancelled: false,
            told: Updates::default(),
        };
        let hello = json!({
            "protocolVersion": VERSION,
            "clientCapabilities": { "fs": { "readTextFile": false, "writeTextFile": false }, "terminal": false },
            "clientInfo": { "name": "specmake", "title": "specmake", "version": env!("CARGO_PKG_VERSION") },
        });
        let first = client.ask("initialize", &hello);
        (client, vec![first])
    }

    /// Takes a line of the agent's.
    pub fn heard(&mut self, line: &str) -> Vec<Act> {
        let messages = wire::read(line);
        let mut acts = Vec::new();
        for message in messages {
            if matches!(self.state, State::Over) {
                break;
            }
            acts.extend(match message {
                Message::Request { id, method, params } => self.request(&id, &method, &params),
                Message::Notification { method, params } => self.notification(&method, &params),
                Message::Answer { id, answer } => self.answer(id, answer),
                Message::Unread(error) => self.unread(error),
            });
        }
        if let State::Draining { late, .. } = &mut self.state {
            *late += 1;
            if *late > MOST_LATE {
                acts.extend(self.quiet());
            }
        }
        acts
    }

    /// Asks the agent to end its turn. Before it has the prompt, there is nothing to end.
    pub fn cancel(&mut self) -> Vec<Act> {
        match self.state {
            State::Greeting | State::Loading { .. } | State::Opening => self.over(EndReason::Stopped),
            State::Working if !self.cancelled => {
                self.cancelled = true;
                vec![Act::Send(wire::notification("session/cancel", &json!({ "sessionId": self.session })))]
            }
            State::Working | State::Draining { .. } | State::Over => Vec::new(),
        }
    }

    /// How long nothing may come before [`Self::quiet`] is to be called.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Greeting | State::Loading { .. } | State::Opening => Some(GREETING),
            State::Draining { .. } => Some(DRAIN),
            State::Working | State::Over => None,
        }
    }

    /// Nothing came for that long.
    pub fn quiet(&mut self) -> Vec<Act> {
        match &mut self.state {
            State::Greeting | State::Loading { .. } | State::Opening => {
                let minutes = GREETING.as_secs() / 60;
                let why = format!(
                    "it said nothing for {minutes} minutes instead of opening a session: does it speak ACP?"
                );
                self.over(EndReason::Failed(why))
            }
            State::Draining { reason, .. } => {
                let reason = mem::replace(reason, EndReason::Finished);
                self.over(reason)
            }
            State::Working | State::Over => Vec::new(),
        }
    }

    /// Whether the agent has answered the prompt, and is only heard out.
    pub fn has_answered(&self) -> bool {
        matches!(self.state, State::Draining { .. })
    }

    /// The agent says nothing any more: it has ended, or closed its output.
    pub fn gone(&mut self) -> Vec<Act> {
        match &self.state {
            State::Over => Vec::new(),
            State::Draining { .. } => self.quiet(),
            State::Greeting => self.over(EndReason::Failed("it ended without a word of ACP".to_owned())),
            State::Working if self.cancelled => self.over(EndReason::Stopped),
            State::Loading { .. } | State::Opening | State::Working => {
                self.over(EndReason::Failed("it ended before it answered".to_owned()))
            }
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Act {
        self.asked += 1;
        Act::Send(wire::request(self.asked, method, params))
    }

    fn over(&mut self, reason: EndReason) -> Vec<Act> {
        let rest = self.told.prose.rest();
        self.state = State::Over;
        rest.into_iter().map(Act::Said).chain([Act::Over(reason)]).collect()
    }

    fn answer(&mut self, id: u64, answer: Result<Value, Value>) -> Vec<Act> {
        if id != self.asked {
            return Vec::new();
        }
        match (&self.state, answer) {
            (State::Greeting, Ok(result)) => self.greeted(&result),
            (State::Loading { .. }, Ok(_)) => {
                let Some(session) = self.opening.session.take() else { return Vec::new() };
                self.session = session.id;
                self.prompt(&session.prompt)
            }
            // It is gone, or cannot be had: then a new one knows nothing of it.
            (State::Loading { .. }, Err(_)) => {
                self.told = Updates::default();
                self.open()
            }
            (State::Opening, Ok(result)) => {
                text(&result, "sessionId").clone_into(&mut self.session);
                if self.session.is_empty() {
                    return self.over(EndReason::Failed("it opened a session without an id".to_owned()));
                }
                self.told.used = Used::of_new_session();
                let prompt = mem::take(&mut self.opening.prompt);
                self.prompt(&prompt)
            }
            (State::Working, Ok(result)) => {
                let used = self.told.used.answer(&result);
                let reason =
                    end::reason(&result, self.told.prose.last(), self.told.used.is_none(), self.cancelled);
                let rest = self.told.prose.rest();
                self.state = State::Draining { reason, late: 0 };
                rest.into_iter().chain(used.map(Said::Usage)).map(Act::Said).collect()
            }
            (State::Working, Err(_)) if self.cancelled => self.over(EndReason::Stopped),
            (State::Greeting | State::Opening | State::Working, Err(error)) => self.over(end::failed(&error)),
            (State::Draining { .. } | State::Over, _) => Vec::new(),
        }
    }

    /// Something of ours could not be read. Later it may be of no matter; at the beginning nothing else comes.
    fn unread(&mut self, error: Value) -> Vec<Act> {
        match self.state {
            State::Greeting | State::Loading { .. } | State::Opening => self.answer(self.asked, Err(error)),
            State::Working | State::Draining { .. } | State::Over => Vec::new(),
        }
    }

    fn greeted(&mut self, result: &Value) -> Vec<Act> {
        let version = result.get("protocolVersion").cloned().unwrap_or_default();
        // Some have one kind of number alone.
        if version.as_f64() != Some(f64::from(VERSION)) {
            let theirs =
                if version.is_null() { "none that it names".to_owned() } else { version.to_string() };
            let why = format!("it speaks version {theirs} of ACP, and specmake speaks version {VERSION}");
            return self.over(EndReason::Failed(why));
        }
        let can = result.get("agentCapabilities").unwrap_or(&Value::Null);
        let loads = can.get("loadSession") == Some(&Value::Bool(true));
        let resumes = can.get("sessionCapabilities").and_then(|can| can.get("resume"));
        let resumes = resumes.is_some_and(|resume| resume.is_object() || *resume == Value::Bool(true));
        let Some(session) = self.opening.session.as_ref().filter(|_| loads || resumes) else {
            return self.open();
        };
        let params = json!({ "sessionId": session.id, "cwd": self.cwd(), "mcpServers": [] });
        self.told.used = Used::of_old_session(session.cost);
        self.state = State::Loading { replays: loads };
        vec![self.ask(if loads { "session/load" } else { "session/resume" }, &params)]
    }

    fn open(&mut self) -> Vec<Act> {
        self.state = State::Opening;
        let params = json!({ "cwd": self.cwd(), "mcpServers": [] });
        vec![self.ask("session/new", &params)]
    }

    fn cwd(&self) -> String {
        self.opening.policy.worktree().to_string_lossy().into_owned()
    }

    fn prompt(&mut self, prompt: &str) -> Vec<Act> {
        self.state = State::Working;
        let params = json!({ "sessionId": self.session, "prompt": [{ "type": "text", "text": prompt }] });
        let started = Act::Said(Said::Started { session: Some(self.session.clone()) });
        vec![started, self.ask("session/prompt", &params)]
    }

    fn request(&mut self, id: &Value, method: &str, params: &Value) -> Vec<Act> {
        if method != "session/request_permission" {
            // Of files and terminals it was told that there are none.
            return vec![Act::Send(wire::no_such_method(id, method))];
        }
        let call = params.get("toolCall").unwrap_or(&Value::Null);
        let (tool, named) = self.told.tools.asked(call);
        let decision = self.opening.policy.decide(tool.kind, &named);
        let wanted = if decision.allowed { "allow_" } else { "reject_" };
        let at_work = matches!(self.state, State::Working) && !self.cancelled;
        let option = option(params, wanted).filter(|_| at_work);
        let outcome = match option {
            Some(option) => json!({ "outcome": "selected", "optionId": option }),
            None => json!({ "outcome": "cancelled" }),
        };
        let answer = Act::Send(wire::result(id, &json!({ "outcome": outcome })));
        if !at_work {
            return vec![answer];
        }
        let (allowed, why) = match option {
            None if decision.allowed => (false, "it offers no answer that allows it".to_owned()),
            _ => (decision.allowed, decision.why),
        };
        let said = self.told.prose.end();
        said.into_iter().map(Act::Said).chain([Act::Asked { tool, allowed, why }, answer]).collect()
    }

    fn notification(&mut self, method: &str, params: &Value) -> Vec<Act> {
        let Some(update) = params.get("update").filter(|_| method == "session/update") else {
            return Vec::new();
        };
        match self.state {
            State::Loading { replays } => {
                // Of what it tells of former prompts, only their cost is of use.
                if replays {
                    self.told.used.former_cost(update);
                }
                Vec::new()
            }
            State::Working | State::Draining { .. } => {
                self.told.take(update).into_iter().map(Act::Said).collect()
            }
            State::Greeting | State::Opening | State::Over => Vec::new(),
        }
    }
}

/// The id of the option that is wanted, once before always.
fn option<'p>(params: &'p Value, wanted: &str) -> Option<&'p str> {
    let options = params.get("options")?.as_array()?;
    let of = |kind: &str| {
        let found = options.iter().find(|option| text(option, "kind").starts_with(kind))?;
        found.get("optionId")?.as_str()
    };
    of(&format!("{wanted}once")).or_else(|| of(wanted))
}
