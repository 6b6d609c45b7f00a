//! Whole conversations: recorded ones of real agents, odd ones, and ones made of anything.
use super::{Act, Client, Opening, Policy, Session};
use crate::agent::dialect::{EndReason, Said};
use crate::event::ToolStatus;
use crate::sys::files::tidy;
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

mod odd;

const SAMPLES: [(&str, &str); 6] = [
    ("claude", include_str!("samples/claude.jsonl")),
    ("codex", include_str!("samples/codex.jsonl")),
    ("gemini", include_str!("samples/gemini.jsonl")),
    ("opencode", include_str!("samples/opencode.jsonl")),
    ("opencode-cancel", include_str!("samples/opencode-cancel.jsonl")),
    ("opencode-deny", include_str!("samples/opencode-deny.jsonl")),
];

fn sample(name: &str) -> &'static str {
    SAMPLES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).expect("a sample")
}

fn policy(worktree: &str) -> Policy {
    let real = |path: &Path| -> Option<PathBuf> { Some(tidy(path)) };
    Policy::new(Vec::new(), Path::new(worktree), None, real)
}

/// A conversation and all that came of it.
struct Talk {
    client: Client,
    acts: Vec<Act>,
}

impl Talk {
    fn new(worktree: &str) -> Self {
        Self::with(worktree, None)
    }

    fn going_on(id: &str) -> Self {
        Self::with("/w/a", Some(Session { id: id.to_owned(), prompt: "go on".to_owned(), cost: None }))
    }

    fn with(worktree: &str, session: Option<Session>) -> Self {
        let opening = Opening { prompt: "do it".to_owned(), session, policy: policy(worktree) };
        let (client, acts) = Client::new(opening);
        Self { client, acts }
    }

    /// A conversation in which the agent has the prompt.
    fn at_work() -> Self {
        let mut talk = Self::new("/w/a");
        talk.hear(&json!({ "id": 1, "result": { "protocolVersion": 1 } }));
        talk.hear(&json!({ "id": 2, "result": { "sessionId": "s" } }));
        talk
    }

    fn line(&mut self, line: &str) -> &mut Self {
        let acts = self.client.heard(line);
        self.acts.extend(acts);
        self
    }

    fn hear(&mut self, message: &Value) -> &mut Self {
        self.line(&message.to_string())
    }

    fn update(&mut self, kind: &str, rest: Value) -> &mut Self {
        let mut update = rest;
        update["sessionUpdate"] = json!(kind);
        self.hear(&json!({ "method": "session/update", "params": { "sessionId": "s", "update": update } }))
    }

    fn says(&mut self, text: &str) -> &mut Self {
        self.update("agent_message_chunk", json!({ "content": { "type": "text", "text": text } }))
    }

    fn ends(&mut self, result: &Value) -> &mut Self {
        self.hear(&json!({ "id": 3, "result": result }));
        let acts = self.client.quiet();
        self.acts.extend(acts);
        self
    }

    fn gone(&mut self) -> &mut Self {
        let acts = self.client.gone();
        self.acts.extend(acts);
        self
    }

    /// The method or the answer of each line that was sent.
    fn sent(&self) -> Vec<String> {
        let lines =
            self.acts.iter().filter_map(|act| if let Act::Send(line) = act { Some(line) } else { None });
        let name = |line: &String| {
            let value: Value = serde_json::from_str(line).expect("a message");
            let outcome = &value["result"]["outcome"];
            match value["method"].as_str().or(outcome["optionId"].as_str()).or(outcome["outcome"].as_str()) {
                Some(name) => name.to_owned(),
                None => format!("error {}", value["error"]["code"]),
            }
        };
        lines.map(name).collect()
    }

    fn said(&self) -> Vec<&Said> {
        self.acts.iter().filter_map(|act| if let Act::Said(said) = act { Some(said) } else { None }).collect()
    }

    fn texts(&self) -> Vec<&str> {
        let said = self.said().into_iter();
        said.filter_map(|said| if let Said::Text(text) = said { Some(text.as_str()) } else { None }).collect()
    }

    fn tools(&self) -> Vec<(&str, ToolStatus)> {
        let said = self.said().into_iter();
        said.filter_map(|said| match said {
            Said::Tool(tool) => Some((tool.title.as_str(), tool.status)),
            _ => None,
        })
        .collect()
    }

    fn asked(&self) -> Vec<(&str, bool)> {
        let acts = self.acts.iter();
        acts.filter_map(|act| match act {
            Act::Asked { tool, allowed, .. } => Some((tool.title.as_str(), *allowed)),
            _ => None,
        })
        .collect()
    }

    fn sessions(&self) -> Vec<&str> {
        let said = self.said().into_iter();
        said.filter_map(|said| if let Said::Started { session } = said { session.as_deref() } else { None })
            .collect()
    }

    /// Tokens in, out, read from a cache, and the cost in thousandths of a cent.
    fn used(&self) -> (u64, u64, u64, u64) {
        let mut sum = (0, 0, 0, 0.0);
        for said in self.said() {
            if let Said::Usage(used) = said {
                sum.0 += used.input;
                sum.1 += used.output;
                sum.2 += used.cache_read;
                sum.3 += used.cost.unwrap_or_default();
            }
        }
        (sum.0, sum.1, sum.2, (sum.3 * 1e5).round() as u64)
    }

    /// The end, which is the last act and the only one.
    fn end(&self) -> Option<&EndReason> {
        let ends = self.acts.iter().filter(|act| matches!(act, Act::Over(_))).count();
        assert!(ends <= 1, "{:?}", self.acts);
        let Some(Act::Over(reason)) = self.acts.last() else {
            assert_eq!(ends, 0, "{:?}", self.acts);
            return None;
        };
        Some(reason)
    }
}

fn replayed(name: &str, worktree: &str) -> Talk {
    let mut talk = Talk::new(worktree);
    for line in sample(name).lines() {
        talk.line(line);
    }
    assert_eq!(talk.end(), None, "late updates are waited for");
    let acts = talk.client.quiet();
    talk.acts.extend(acts);
    talk
}

const OPENED: [&str; 3] = ["initialize", "session/new", "session/prompt"];

#[test]
fn claude_is_understood() {
    let talk = replayed("claude", "/worktrees/claude");
    assert_eq!(talk.end(), Some(&EndReason::Finished));
    assert_eq!(talk.sent(), [&OPENED[..], &["allow-once"]].concat());
    assert_eq!(talk.texts(), ["Planning.", "I will write the file.", "All done: plan.txt is written."]);
    assert_eq!(talk.asked(), [("Write plan.txt", true)]);
    assert!(talk.tools().contains(&("Write plan.txt", ToolStatus::Done)), "{:?}", talk.tools());
    assert!(talk.tools().contains(&("update_plan", ToolStatus::Failed)), "{:?}", talk.tools());
    assert!(talk.said().contains(&&Said::Plan { done: 2, total: 2 }));
    assert_eq!(talk.used(), (6200, 207, 1000, 3414));
}

#[test]
fn codex_is_understood() {
    let talk = replayed("codex", "/worktrees/codex");
    assert_eq!(talk.end(), Some(&EndReason::Finished));
    assert_eq!(talk.sent(), OPENED);
    assert_eq!(talk.sessions(), ["01a1f73e-3cac-7f70-b069-b6a0310fc28b"]);
    let tools: Vec<ToolStatus> = talk.tools().into_iter().map(|(_, status)| status).collect();
    let (running, done) = (ToolStatus::Running, ToolStatus::Done);
    assert_eq!(tools, [running, done, running, done]);
    assert_eq!(talk.used(), (5200, 207, 1000, 0));
}

#[test]
fn gemini_is_understood() {
    let talk = replayed("gemini", "/worktrees/gemini");
    assert_eq!(talk.end(), Some(&EndReason::Finished));
    assert_eq!(talk.sent(), [&OPENED[..], &["proceed_once"; 2]].concat());
    assert_eq!(talk.asked(), [("Writing to plan.txt", true), ("cat plan.txt && git status --short", true)]);
    assert!(talk.tools().contains(&("Writing to plan.txt", ToolStatus::Done)), "{:?}", talk.tools());
    assert_eq!(talk.used(), (6200, 207, 0, 0));
}

#[test]
fn opencode_is_understood() {
    let talk = replayed("opencode", "/worktrees/opencode");
    assert_eq!(talk.end(), Some(&EndReason::Finished));
    assert_eq!(talk.sent(), [&OPENED[..], &["once", "error -32601", "once"]].concat());
    assert_eq!(talk.used(), (1500, 12, 0, 1901));
    assert!(talk.said().contains(&&Said::Plan { done: 0, total: 2 }));
}

#[test]
fn what_is_refused_is_answered_so_and_the_turn_goes_on() {
    let talk = replayed("opencode-deny", "/somewhere/else");
    assert_eq!(talk.end(), Some(&EndReason::Finished));
    assert_eq!(talk.sent(), [&OPENED[..], &["reject"]].concat());
    assert_eq!(talk.asked(), [("/worktrees/opencode/hello.txt", false)]);
    assert_eq!(talk.tools().last(), Some(&("write", ToolStatus::Failed)));
}

#[test]
fn a_cancelled_turn_is_a_stop() {
    let mut talk = Talk::new("/worktrees/opencode");
    let lines: Vec<&str> = sample("opencode-cancel").lines().collect();
    for line in &lines[..lines.len() - 3] {
        talk.line(line);
    }
    let acts = talk.client.cancel();
    assert!(matches!(&acts[..], [Act::Send(line)] if line.contains("session/cancel")), "{acts:?}");
    assert_eq!(talk.client.cancel(), [], "once is enough");
    for line in &lines[lines.len() - 3..] {
        talk.line(line);
    }
    let acts = talk.client.quiet();
    talk.acts.extend(acts);
    assert_eq!(talk.end(), Some(&EndReason::Stopped));

    let mut early = Talk::new("/w/a");
    let acts = early.client.cancel();
    early.acts.extend(acts);
    assert_eq!(early.end(), Some(&EndReason::Stopped), "nothing had begun");
    let mut dead = Talk::at_work();
    dead.client.cancel();
    assert_eq!(dead.gone().end(), Some(&EndReason::Stopped));
    let mut error = Talk::at_work();
    error.client.cancel();
    error.hear(&json!({ "id": 3, "error": { "code": -32800, "message": "cancelled" } }));
    assert_eq!(error.end(), Some(&EndReason::Stopped));
}

#[test]
fn a_question_after_a_cancel_is_cancelled_too() {
    let mut talk = Talk::at_work();
    talk.client.cancel();
    let options = json!([{ "optionId": "y", "kind": "allow_once" }]);
    let asked = json!({ "id": 0, "method": "session/request_permission", "params": { "toolCall": {}, "options": options } });
    talk.hear(&asked);
    assert_eq!(talk.sent().last().map(String::as_str), Some("cancelled"));
    assert_eq!(talk.asked(), []);
}

#[test]
fn ids_of_both_sides_may_be_the_same_and_of_any_kind() {
    let mut talk = Talk::at_work();
    for id in [json!(3), json!(0), json!("3"), json!("a")] {
        talk.hear(&json!({ "method": "craft/drain", "id": id }));
    }
    assert_eq!(talk.sent()[3..], ["error -32601"; 4]);
    let last = talk.acts.last();
    assert!(matches!(last, Some(Act::Send(line)) if line.contains(r#""id":"a""#)), "{last:?}");
    talk.line(r#"{"result":{"stopReason":"end_turn"},"id":2,"jsonrpc":"2.0"}"#);
    assert_eq!(talk.client.patience(), None, "that request was answered before");
    talk.line(r#"{"result":{"stopReason":"end_turn"},"id":3,"jsonrpc":"2.0"}"#);
    assert_eq!(talk.client.patience(), Some(super::client::DRAIN));
}

#[test]
fn options_are_taken_by_their_kind() {
    let check = |path: &str, kinds: &[&str], expect: &str, allowed: bool| {
        let mut talk = Talk::at_work();
        let options: Vec<Value> =
            kinds.iter().map(|kind| json!({ "optionId": kind, "kind": kind })).collect();
        let call =
            json!({ "toolCallId": "1", "kind": "edit", "title": "t", "locations": [{ "path": path }] });
        let params = json!({ "sessionId": "s", "toolCall": call, "options": options });
        talk.hear(&json!({ "id": 0, "method": "session/request_permission", "params": params }));
        assert_eq!(talk.sent().last().map(String::as_str), Some(expect), "{path} {kinds:?}");
        assert_eq!(talk.asked(), [("t", allowed)]);
    };
    check("/w/a/x", &["allow_always", "reject_once", "allow_once"], "allow_once", true);
    check("/w/a/x", &["reject_once", "allow_always"], "allow_always", true);
    check("/w/a/x", &["reject_once"], "cancelled", false);
    check("/w/a/x", &[], "cancelled", false);
    check("/w/b/x", &["allow_once", "reject_always"], "reject_always", false);
    check("/w/b/x", &["allow_once"], "cancelled", false);
}

#[test]
fn a_session_is_gone_on_with_as_the_agent_can() {
    let can = |capabilities: Value| {
        let mut talk = Talk::going_on("old");
        talk.hear(&json!({ "id": 1, "result": { "protocolVersion": 1, "agentCapabilities": capabilities } }));
        talk
    };
    let mut talk = can(json!({ "loadSession": true, "sessionCapabilities": { "resume": {} } }));
    assert_eq!(talk.sent()[1..], ["session/load"]);
    talk.says("what it said then");
    talk.update("tool_call", json!({ "toolCallId": "1", "status": "completed" }));
    talk.update("usage_update", json!({ "cost": { "amount": 3.0, "currency": "USD" } }));
    assert!(talk.said().is_empty(), "replayed, and not told again");
    talk.hear(&json!({ "id": 2, "result": null }));
    assert_eq!((talk.sessions(), talk.sent()[2..].join(" ")), (vec!["old"], "session/prompt".to_owned()));
    assert!(matches!(talk.acts.last(), Some(Act::Send(line)) if line.contains("go on")));
    talk.update("usage_update", json!({ "cost": { "amount": 3.5, "currency": "USD" } }));
    talk.ends(&json!({ "stopReason": "end_turn" }));
    assert_eq!((talk.used(), talk.end()), ((0, 0, 0, 50_000), Some(&EndReason::Finished)));

    assert_eq!(can(json!({ "sessionCapabilities": { "resume": {} } })).sent()[1..], ["session/resume"]);

    let mut talk = can(json!({ "loadSession": false }));
    assert_eq!(talk.sent()[1..], ["session/new"]);
    talk.hear(&json!({ "id": 2, "result": { "sessionId": "new" } }));
    assert_eq!(talk.sessions(), ["new"]);
    assert!(matches!(talk.acts.last(), Some(Act::Send(line)) if line.contains("do it")));
}

#[test]
fn a_session_that_is_gone_is_a_new_one() {
    let mut talk = Talk::going_on("old");
    let can = json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } });
    talk.hear(&json!({ "id": 1, "result": can })).says("half a replay");
    talk.hear(&json!({ "id": 2, "error": { "code": -32002, "message": "no such session" } }));
    talk.hear(&json!({ "id": 3, "result": { "sessionId": "new" } }));
    assert_eq!(talk.sent(), ["initialize", "session/load", "session/new", "session/prompt"]);
    assert_eq!((talk.sessions(), talk.texts()), (vec!["new"], vec![]));
    assert!(matches!(talk.acts.last(), Some(Act::Send(line)) if line.contains("do it")), "it knows nothing");
    talk.update("usage_update", json!({ "cost": { "amount": 0.5 } }));
    assert_eq!(talk.used().3, 50_000, "all of it is of this prompt");
}

#[test]
fn every_failure_is_one() {
    let failed = |talk: &Talk| match talk.end() {
        Some(EndReason::Failed(why)) => why.clone(),
        other => panic!("{other:?}"),
    };
    let mut talk = Talk::new("/w/a");
    talk.hear(&json!({ "id": 1, "result": { "protocolVersion": 2 } }));
    assert_eq!(failed(&talk), "it speaks version 2 of ACP, and specmake speaks version 1");
    let mut talk = Talk::new("/w/a");
    talk.hear(&json!({ "id": 1, "result": {} }));
    assert_eq!(failed(&talk), "it speaks version none that it names of ACP, and specmake speaks version 1");
    let mut talk = Talk::new("/w/a");
    talk.hear(&json!({ "id": 1, "error": { "code": -32601, "message": "Method not found" } }));
    assert_eq!(failed(&talk), "Method not found");
    assert_eq!(
        failed(Talk::new("/w/a").line("usage: agent [options]").gone()),
        "it ended without a word of ACP"
    );
    let mut talk = Talk::new("/w/a");
    let acts = talk.client.quiet();
    talk.acts.extend(acts);
    assert!(failed(&talk).starts_with("it said nothing for 5 minutes"), "{}", failed(&talk));
    let mut talk = Talk::new("/w/a");
    talk.hear(&json!({ "id": 1, "result": { "protocolVersion": 1 } }));
    talk.hear(&json!({ "id": 2, "error": { "code": -32000, "message": "Authentication required" } }));
    assert_eq!(failed(&talk), "Authentication required");
    let mut talk = Talk::new("/w/a");
    talk.hear(&json!({ "id": 1, "result": { "protocolVersion": 1 } }))
        .hear(&json!({ "id": 2, "result": {} }));
    assert_eq!(failed(&talk), "it opened a session without an id");
    assert_eq!(failed(Talk::at_work().says("Half a sen").gone()), "it ended before it answered");
    let mut talk = Talk::at_work();
    talk.hear(&json!({ "id": 3, "error": { "code": 429, "message": "Too Many Requests" } }));
    assert_eq!(failed(&talk), "error 429: Too Many Requests");
    let mut talk = Talk::at_work();
    talk.says("Error: Authentication failed").ends(&json!({ "stopReason": "end_turn" }));
    assert_eq!((failed(&talk), talk.texts().len()), ("Error: Authentication failed".to_owned(), 1));
    let mut talk = Talk::at_work();
    assert_eq!(talk.ends(&json!({ "stopReason": "max_tokens" })).end(), Some(&EndReason::Cut));
}

#[test]
fn noise_is_nothing_and_what_comes_late_is_heard() {
    let mut talk = Talk::at_work();
    let before = talk.acts.len();
    for line in ["", "npm warn deprecated", "{\"half\":", "\u{0}", "[[[[", "{\"method\":3,\"id\":3}"] {
        talk.line(line);
    }
    talk.update("a_kind_of_tomorrow", json!({}));
    talk.hear(
        &json!({ "method": "_auth/status_update", "params": { "update": { "sessionUpdate": "plan" } } }),
    );
    assert_eq!(talk.acts.len(), before, "{:?}", talk.acts);
    talk.hear(&json!({ "id": 3, "result": { "stopReason": "end_turn" } }));
    talk.says("late").update("usage_update", json!({ "cost": { "amount": 1 } }));
    let acts = talk.client.quiet();
    talk.acts.extend(acts);
    assert_eq!(
        (talk.texts(), talk.used().3, talk.end()),
        (vec!["late"], 100_000, Some(&EndReason::Finished))
    );
    assert_eq!(talk.says("too late").gone().texts(), ["late"]);

    let mut endless = Talk::at_work();
    endless.hear(&json!({ "id": 3, "result": { "stopReason": "end_turn" } }));
    for _ in 0..2000 {
        endless.says("and\n");
    }
    assert_eq!(endless.end(), Some(&EndReason::Finished), "nobody talks for ever");
}

#[test]
fn a_plan_is_told_by_how_far_it_is() {
    let mut talk = Talk::at_work();
    talk.update("plan", json!({ "entries": [{ "status": "completed" }, { "status": "in_progress" }] }));
    assert_eq!(talk.said().last(), Some(&&Said::Plan { done: 1, total: 2 }));
}

/// One line of some sample, whole, cut or with something else in it.
fn line() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = SAMPLES.iter().flat_map(|(_, text)| text.lines()).collect();
    let whole = prop::sample::select(lines);
    let odd = prop::sample::select(vec!["", "null", "{}", "[]", "{\"id\":3}", "{\"id\":3,\"result\":null}"]);
    let change =
        (whole.clone(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[\\PC{}\":,0-9]{0,8}");
    let changed = change.prop_map(|(line, from, to, with)| {
        let at = |index: prop::sample::Index| line.floor_char_boundary(index.index(line.len() + 1));
        let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
        // Half of them lose the rest of the line, too.
        let end = if with.len() % 2 == 0 { &line[to..] } else { "" };
        format!("{}{with}{end}", &line[..from])
    });
    prop_oneof![3 => whole.prop_map(ToOwned::to_owned), 3 => changed, 1 => odd.prop_map(ToOwned::to_owned)]
}

/// The answers that make a success of a conversation: greeting, session, end of the turn.
fn succeeds(lines: &[String]) -> bool {
    let values = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut wanted = 1;
    for value in values {
        let answers = value.get("method").is_none()
            && (value["id"] == json!(wanted) || value["id"] == json!(wanted.to_string()));
        let fine = value.get("error").is_none_or(Value::is_null)
            && match wanted {
                1 => value["result"]["protocolVersion"] == json!(1),
                2 => value["result"]["sessionId"].as_str().is_some_and(|id| !id.is_empty()),
                _ => value["result"]["stopReason"] == json!("end_turn"),
            };
        if answers && fine {
            wanted += 1;
        }
    }
    wanted > 3
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]
    #[test]
    fn anything_ends_and_no_failure_is_a_success(
        lines in prop::collection::vec(line(), 0..60), cancel in prop::option::of(0usize..60), loads in any::<bool>(),
    ) {
        let mut talk = if loads { Talk::going_on("old") } else { Talk::new("/worktrees/opencode") };
        for (at, line) in lines.iter().enumerate() {
            if Some(at) == cancel {
                let acts = talk.client.cancel();
                talk.acts.extend(acts);
            }
            talk.line(line);
        }
        talk.gone();
        let end = talk.end().expect("an end").clone();
        if !loads && end == EndReason::Finished {
            assert!(succeeds(&lines), "{lines:#?}");
        }
        assert!(talk.client.heard("{}").is_empty() && talk.client.quiet().is_empty() && talk.client.gone().is_empty());
    }

    #[test]
    fn a_sample_that_is_cut_off_is_no_success(name in prop::sample::select(vec!["claude", "codex", "gemini", "opencode"]), cut in any::<prop::sample::Index>()) {
        let text = sample(name);
        let answer = text.rfind("\"stopReason\"").expect("an end");
        let cut = text.floor_char_boundary(cut.index(answer));
        let mut talk = Talk::new("/w/a");
        text[..cut].lines().for_each(|line| { talk.line(line); });
        talk.gone();
        assert!(matches!(talk.end(), Some(EndReason::Failed(_))), "{:?}", talk.end());
    }
}
