//! The server: a thread for each connection, a log of all requests, gates that the test opens.
use super::http::{Connection, Request};
use super::script::{Fail, Turn};
use super::talk::{Cue, Reply, Talk};
use super::tools::{Toolbox, folder};
use super::{chat, messages, responses};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// The longest that a gate holds an answer: a test that forgot one must end too.
const GATE: Duration = Duration::from_secs(90);

/// An API that the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Chat Completions.
    Chat,
    /// Responses.
    Responses,
    /// Messages.
    Messages,
}

/// One request for an answer.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Over which API.
    pub api: Api,
    /// The model asked for.
    pub model: String,
    /// The turn that was played; none for a side call.
    pub turn: Option<usize>,
    /// What users said in it, in order.
    pub prompts: Vec<String>,
    /// Tools that were called, by the agent's names.
    pub called: Vec<String>,
    /// The status that it was answered with.
    pub status: u16,
}

/// Everything that connections share.
#[derive(Default)]
struct Shared {
    scripts: Mutex<Vec<(Vec<String>, Vec<Turn>)>>,
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<BTreeMap<(String, usize, bool), u32>>,
    open: Mutex<BTreeSet<String>>,
    waiting: Mutex<Vec<String>>,
    opened: Condvar,
    replies: AtomicU64,
}

/// A model on loopback.
pub struct ModelServer {
    port: u16,
    shared: Arc<Shared>,
}

impl ModelServer {
    /// Starts one on a free port. Its threads end with the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { port, shared }
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets the script for prompts that hold all these words and no script of their own; the first that was set wins.
    pub fn play(&self, words: &[&str], turns: Vec<Turn>) {
        let words = words.iter().map(ToString::to_string).collect();
        self.shared.scripts.lock().unwrap().push((words, turns));
    }

    /// Opens a gate, for good.
    pub fn open(&self, gate: &str) {
        self.shared.open.lock().unwrap().insert(gate.to_owned());
        self.shared.opened.notify_all();
    }

    /// Whether an answer is held, or was, by this gate.
    pub fn reached(&self, gate: &str) -> bool {
        self.shared.waiting.lock().unwrap().iter().any(|waiting| waiting == gate)
    }

    /// Every request for an answer so far, in the order in which they were answered.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let Ok(mut connection) = Connection::new(stream) else { return };
        while let Ok(Some(request)) = connection.request() {
            if self.answer(&mut connection, &request).is_err() {
                return;
            }
        }
    }

    fn answer(&self, connection: &mut Connection, request: &Request) -> io::Result<()> {
        let path = request.path.as_str();
        if request.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket")) {
            return connection.answer(426, &[], &json!({ "error": { "message": "no websocket here" } }));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", path) if path.ends_with("/chat/completions") => {
                self.talk(connection, Api::Chat, &chat::talk(&body))
            }
            ("POST", path) if path.ends_with("/responses") => {
                self.talk(connection, Api::Responses, &responses::talk(&body))
            }
            ("POST", path) if path.ends_with("/messages") => {
                self.talk(connection, Api::Messages, &messages::talk(&body))
            }
            ("POST", path) if path.ends_with("/messages/count_tokens") => {
                connection.answer(200, &[], &json!({ "input_tokens": request.body.len() / 4 }))
            }
            ("GET" | "HEAD", path) if path.ends_with("/models") => {
                let model = json!({
                    "id": "scripted", "object": "model", "type": "model", "display_name": "scripted",
                    "created": 0, "created_at": "2026-01-01T00:00:00Z", "owned_by": "nobody",
                });
                connection.answer(200, &[], &json!({ "object": "list", "data": [model], "has_more": false }))
            }
            _ => {
                let error = json!({ "message": format!("no {path} here"), "type": "not_found_error" });
                connection.answer(404, &[], &json!({ "type": "error", "error": error }))
            }
        }
    }

    /// Plays a turn.
    fn talk(&self, connection: &mut Connection, api: Api, talk: &Talk) -> io::Result<()> {
        let cue = talk.cue(&self.scripts.lock().unwrap());
        let mut asked = Asked {
            api,
            model: talk.model.clone(),
            turn: cue.as_ref().map(|cue| cue.number),
            prompts: talk.prompts(),
            called: Vec::new(),
            status: 200,
        };
        let fail = cue.as_ref().and_then(|cue| self.due_fail(cue));
        if let Some(fail) = fail {
            asked.status = fail.status;
            self.asked.lock().unwrap().push(asked);
            return refuse(connection, &fail);
        }
        let turn = cue.as_ref().map_or_else(|| Turn::text("ok"), |cue| cue.turn.clone());
        if let Some(gate) = &turn.gate {
            self.wait(gate);
        }
        thread::sleep(Duration::from_millis(turn.delay));
        let everything = talk.system.clone() + "\n" + &asked.prompts.join("\n");
        let folder = folder(&everything);
        let toolbox = Toolbox { tools: &talk.tools, folder: folder.as_deref() };
        let id = format!("{:08}", self.replies.fetch_add(1, Ordering::Relaxed));
        let calls = turn.calls.iter().enumerate().map(|(at, call)| {
            let (name, args) = toolbox.map(call);
            (format!("call{id}x{at}"), name, args)
        });
        let reply = Reply {
            model: talk.model.clone(),
            text: turn.text.clone(),
            calls: calls.collect(),
            used: turn.usage.unwrap_or_default(),
            full: turn.full,
            id,
        };
        asked.called = reply.calls.iter().map(|(_, name, _)| name.clone()).collect();
        self.asked.lock().unwrap().push(asked);
        let cut = cue.filter(|cue| cue.turn.cut > 0 && self.due(cue, false, Some(cue.turn.cut)));
        let (frames, whole) = match api {
            Api::Chat => (chat::stream(&reply), chat::whole(&reply)),
            Api::Responses => (responses::stream(&reply), responses::whole(&reply)),
            Api::Messages => (messages::stream(&reply), messages::whole(&reply)),
        };
        match (cut, talk.streams) {
            (Some(_), true) => connection.stream(&frames, Some(frames.len() / 2)),
            (Some(_), false) => connection.stream(&[], Some(0)),
            (None, true) => connection.stream(&frames, None),
            (None, false) => connection.answer(200, &[], &whole),
        }
    }

    /// The error that a turn is still to be answered with.
    fn due_fail(&self, cue: &Cue) -> Option<Fail> {
        let fail = cue.turn.fail.clone()?;
        self.due(cue, true, fail.times).then_some(fail)
    }

    /// Whether a fault of a turn has shown fewer times than this; counted for each prompt.
    fn due(&self, cue: &Cue, fail: bool, times: Option<u32>) -> bool {
        let mut faults = self.faults.lock().unwrap();
        let shown = faults.entry((cue.prompt.clone(), cue.number, fail)).or_insert(0);
        *shown += 1;
        times.is_none_or(|times| *shown <= times)
    }

    fn wait(&self, gate: &str) {
        self.waiting.lock().unwrap().push(gate.to_owned());
        let open = self.open.lock().unwrap();
        let waited = self.opened.wait_timeout_while(open, GATE, |open| !open.contains(gate));
        drop(waited.unwrap());
    }
}

/// Answers with an error, in the shape that all three APIs share enough of.
fn refuse(connection: &mut Connection, fail: &Fail) -> io::Result<()> {
    let (kind, words) = match fail.status {
        401 => ("authentication_error", "invalid api key"),
        429 => ("rate_limit_error", "rate limit reached"),
        529 => ("overloaded_error", "overloaded"),
        _ => ("api_error", "it does not work"),
    };
    let message = fail.message.as_deref().unwrap_or(words);
    let error = json!({ "message": message, "type": kind, "code": kind });
    let after = fail.retry_after.map(|seconds| ("retry-after", seconds.to_string()));
    let headers: Vec<(&str, String)> = after.into_iter().collect();
    connection.answer(fail.status, &headers, &json!({ "type": "error", "error": error }))
}
