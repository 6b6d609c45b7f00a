//! What an agent tells of while it works, whether it is heard now or read from its log.
use super::end;
use super::prose::Prose;
use super::tools::Tools;
use super::used::Used;
use super::wire::{self, Message, text};
use crate::agent::dialect::tools::plan;
use crate::agent::dialect::{Dialect, Said};
use crate::agent::words;
use serde_json::Value;

/// Takes in updates.
#[derive(Debug)]
pub(super) struct Updates {
    pub(super) prose: Prose,
    pub(super) tools: Tools,
    pub(super) used: Used,
}

impl Default for Updates {
    fn default() -> Self {
        Self { prose: Prose::default(), tools: Tools::default(), used: Used::of_new_session() }
    }
}

impl Updates {
    /// What one says.
    pub(super) fn take(&mut self, update: &Value) -> Vec<Said> {
        let mut said = Vec::new();
        match text(update, "sessionUpdate") {
            "agent_message_chunk" => {
                let content = update.get("content").unwrap_or(&Value::Null);
                said.extend(self.prose.take(text(update, "messageId"), text(content, "text")));
                let used = update.get("_meta").and_then(|meta| meta.get("usage"));
                said.extend(used.and_then(|used| self.used.call(used)).map(Said::Usage));
            }
            "tool_call" | "tool_call_update" => {
                said.extend(self.prose.end());
                said.extend(self.tools.update(update));
            }
            "plan" => {
                said.extend(self.prose.end());
                said.extend(plan(update));
            }
            "usage_update" => said.extend(self.used.cost(update).map(Said::Usage)),
            // Thoughts, modes, commands, titles, and kinds that are not known yet.
            _ => {}
        }
        said
    }
}

/// Reads the log of a conversation, which has the agent's side alone.
#[derive(Debug, Default)]
pub struct Log {
    told: Updates,
    /// How many of our requests were answered: the greeting, the session, the prompt.
    answers: u32,
}

impl Dialect for Log {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let messages = wire::read(line);
        if messages.is_empty() {
            return words::aside(line);
        }
        messages.into_iter().flat_map(|message| self.message(message)).collect()
    }

    fn end(&mut self) -> Vec<Said> {
        self.told.prose.end()
    }
}

impl Log {
    fn message(&mut self, message: Message) -> Vec<Said> {
        match message {
            Message::Notification { method, params } if method == "session/update" => {
                let Some(update) = params.get("update") else { return Vec::new() };
                // What it tells before it has its session is of former prompts.
                if self.answers < 2 {
                    self.told.used.former_cost(update);
                    return Vec::new();
                }
                self.told.take(update)
            }
            Message::Answer { answer, .. } => {
                self.answers += 1;
                match answer {
                    Ok(result) => self.answered(&result),
                    // That there is no such session is told by the next answer.
                    Err(_) if self.answers == 2 => Vec::new(),
                    Err(error) => vec![Said::Ended(end::failed(&error))],
                }
            }
            Message::Request { .. } | Message::Notification { .. } | Message::Unread(_) => Vec::new(),
        }
    }

    fn answered(&mut self, result: &Value) -> Vec<Said> {
        let id = text(result, "sessionId");
        if !id.is_empty() {
            self.told = Updates::default();
            return vec![Said::Started { session: Some(id.to_owned()) }];
        }
        if self.answers < 3 {
            self.told.used = Used::of_old_session(None);
            return Vec::new();
        }
        let used = self.told.used.answer(result);
        let silent = self.told.used.is_none();
        let reason = end::reason(result, self.told.prose.last(), silent, false);
        let said = self.told.prose.rest().into_iter().chain(used.map(Said::Usage));
        said.chain([Said::Ended(reason)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::dialect::EndReason;
    use crate::event::Usage;

    fn read(lines: &[&str]) -> Vec<Said> {
        let mut log = Log::default();
        let mut said: Vec<Said> = lines.iter().flat_map(|line| log.read(line)).collect();
        said.extend(log.end());
        said
    }

    const HELLO: &str = r#"{"id":1,"result":{"protocolVersion":1}}"#;
    const OPENED: &str = r#"{"id":2,"result":{"sessionId":"s"}}"#;

    fn says(text: &str) -> String {
        let chunk =
            serde_json::json!({ "sessionUpdate": "agent_message_chunk", "content": { "text": text } });
        serde_json::json!({ "method": "session/update", "params": { "update": chunk } }).to_string()
    }

    #[test]
    fn a_log_is_read_as_the_conversation_was_heard() {
        let end = r#"{"id":3,"result":{"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":2}}}"#;
        let said = read(&[HELLO, OPENED, "npm warn", &says("I be"), &says("gin.\nNow"), end]);
        let text = |text: &str| Said::Text(text.to_owned());
        let used = Usage { input: 5, output: 2, ..Usage::default() };
        let expect = [
            Said::Started { session: Some("s".to_owned()) },
            Said::Aside("npm warn".to_owned()),
            text("I begin."),
            text("Now"),
            Said::Usage(used),
            Said::Ended(EndReason::Finished),
        ];
        assert_eq!(said, expect);
    }

    #[test]
    fn what_was_said_in_former_prompts_is_not_said_again() {
        let loaded = r#"{"id":2,"result":null}"#;
        assert_eq!(read(&[HELLO, &says("before"), loaded, &says("now")]), [Said::Text("now".to_owned())]);
        let gone = r#"{"id":2,"error":{"message":"no such session"}}"#;
        let anew = r#"{"id":3,"result":{"sessionId":"t"}}"#;
        let said = read(&[HELLO, &says("before"), gone, anew, &says("now")]);
        assert_eq!(said, [Said::Started { session: Some("t".to_owned()) }, Said::Text("now".to_owned())]);
        let refused = r#"{"id":3,"error":{"code":401,"message":"no key"}}"#;
        let why = Said::Ended(EndReason::Failed("error 401: no key".to_owned()));
        assert_eq!(read(&[HELLO, loaded, refused]), [why]);
    }
}
