//! A conversation as the model is told it, and one answer, whatever the API.
use super::script::{Turn, Used, found_in};
use super::tools::{Calls, Offered};
use serde_json::Value;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The agent on behalf of a person.
    User,
    /// The model.
    Model,
}

/// What the agent sends with each request: all that was said so far.
#[derive(Debug, Default)]
pub struct Talk {
    /// The model asked for.
    pub model: String,
    /// Whether the answer is to come in pieces.
    pub streams: bool,
    /// What the agent tells the model of itself.
    pub system: String,
    /// What was said, in order; what tools brought is left out.
    pub said: Vec<(Who, String)>,
    /// Tools that may be called.
    pub tools: Vec<Offered>,
}

/// A turn of a script that is to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// The turn.
    pub turn: Turn,
    /// Its number in the script, from 0.
    pub number: usize,
    /// The words that brought the script.
    pub prompt: String,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// A number that no other reply of the server has.
    pub id: String,
    /// The model that it claims to be.
    pub model: String,
    /// Its words.
    pub text: String,
    /// Calls of tools that the agent has.
    pub calls: Calls,
    /// What it costs.
    pub used: Used,
    /// Whether it ends at the output limit.
    pub full: bool,
}

impl Talk {
    /// The turn to play: so many as the model has said since the last words of the user that have a script.
    /// Where a request offers no tools (for a title, say) it is no turn of the script.
    pub fn cue(&self, scripts: &[(Vec<String>, Vec<Turn>)]) -> Option<Cue> {
        if self.tools.is_empty() {
            return None;
        }
        let users = self.said.iter().enumerate().rev().filter(|(_, (who, _))| *who == Who::User);
        for (at, (_, text)) in users {
            let set = |(words, _): &&(Vec<String>, Vec<Turn>)| words.iter().all(|word| text.contains(word));
            let turns = found_in(text).or_else(|| scripts.iter().find(set).map(|(_, turns)| turns.clone()));
            let Some(turns) = turns else { continue };
            let number = self.said[at + 1..].iter().filter(|(who, _)| *who == Who::Model).count();
            let turn = turns.get(number).cloned().unwrap_or_else(|| Turn::text("There is no more to do."));
            return Some(Cue { turn, number, prompt: text.clone() });
        }
        None
    }

    /// What users said, in order.
    pub fn prompts(&self) -> Vec<String> {
        let users = self.said.iter().filter(|(who, _)| *who == Who::User);
        users.map(|(_, text)| text.clone()).collect()
    }
}

/// The words of a content, which may be a text or a list of parts.
pub fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// A text in pieces, as a stream brings it.
pub fn pieces(text: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
    let pieces: Vec<String> = words.chunks(4).map(<[&str]>::concat).collect();
    pieces.into_iter()
}
