//! How what an agent prints becomes one stream, whatever agent it is. A dialect per way of printing.
mod claude;
mod cline;
mod codex;
mod copilot;
pub mod demo;
mod gemini;
mod json;
mod kimi;
mod opencode;
mod pi;
#[cfg(test)]
mod samples;
pub mod text;
pub(super) mod tools;
mod vibe;

use super::{acp, words};
use crate::event::{ToolUse, Usage};

/// One thing that an agent said or did.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It began.
    Started {
        /// The id by which it can be called again, if it has one.
        session: Option<String>,
    },
    /// Words of the agent, one line.
    Text(String),
    /// Words that its program prints beside what the agent says, one line: warnings, progress.
    Aside(String),
    /// It used a tool.
    Tool(ToolUse),
    /// Its plan, or how far it is with it.
    Plan {
        /// Steps done.
        done: u32,
        /// All steps.
        total: u32,
    },
    /// What it has used on top of what it said before.
    Usage(Usage),
    /// It waits and will try again by itself.
    Retrying {
        /// Why.
        why: String,
        /// How long from now, in milliseconds, if it says.
        millis: Option<u64>,
    },
    /// It says that it is over. No proof of anything.
    Ended(EndReason),
}

/// Why an agent says that it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// It thinks that it is done.
    Finished,
    /// Its answer was cut off.
    Cut,
    /// It was asked to end.
    Stopped,
    /// Something is wrong; its own words.
    Failed(String),
}

/// Reads what one attempt of one agent prints.
pub trait Dialect: Send {
    /// It goes on with a session of which so much was told before: some count it all again.
    fn resumes(&mut self, _before: Usage) {}

    /// What a line says.
    fn read(&mut self, line: &str) -> Vec<Said>;

    /// What is left to say once the output is over.
    fn end(&mut self) -> Vec<Said> {
        Vec::new()
    }

    /// Whether an agent that speaks so always says that it is over, so that one that did not was cut off.
    fn tells_its_end(&self) -> bool {
        false
    }
}

/// A reader for one attempt; plain text where no dialect has that name.
pub fn named(name: &str) -> Box<dyn Dialect> {
    match name {
        "acp" => Box::<acp::Log>::default(),
        "claude" => Box::<claude::Claude>::default(),
        "cline" => Box::<cline::Cline>::default(),
        "codex" => Box::<codex::Codex>::default(),
        "copilot" => Box::<copilot::Copilot>::default(),
        "demo" => Box::new(demo::Demo),
        "gemini" => Box::<gemini::Gemini>::default(),
        "kimi" => Box::<kimi::Kimi>::default(),
        "opencode" => Box::<opencode::Opencode>::default(),
        "pi" => Box::<pi::Pi>::default(),
        "vibe" => Box::<vibe::Vibe>::default(),
        _ => Box::new(text::Text),
    }
}
