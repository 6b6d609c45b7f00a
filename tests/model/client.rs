//! As much of an agent as it takes to talk to the server: keeps a conversation, reads what comes back.
use crate::model::server::{Api, ModelServer};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A conversation with the server over one connection.
pub struct Client {
    api: Api,
    streams: bool,
    said: Vec<Value>,
    address: String,
    connection: Option<BufReader<TcpStream>>,
    /// Names of the tools that it offers.
    pub tools: Vec<&'static str>,
    /// Whether bodies are sent in chunks.
    pub chunked: bool,
    /// How often it had to connect.
    pub connections: u32,
}

/// What came back, as it came.
#[derive(Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without the marks of chunks.
    pub body: Vec<u8>,
    /// Whether it came to its end.
    pub complete: bool,
}

/// What an answer says, whatever the API.
#[derive(Debug, Default)]
pub struct Shape {
    /// Its words.
    pub text: String,
    /// Tools to call, with their arguments.
    pub calls: Vec<(String, Value)>,
    /// Tokens read, what was in the cache not among them.
    pub input: u64,
    /// Tokens read from the cache.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
    /// `done`, `calls`, `full`; none if it does not say.
    pub end: Option<&'static str>,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// One that has said nothing yet.
    pub fn new(server: &ModelServer, api: Api, streams: bool) -> Self {
        let address = server.url().strip_prefix("http://").unwrap().to_owned();
        let (said, tools) = (Vec::new(), vec!["write", "bash"]);
        Self { api, streams, said, address, connection: None, tools, chunked: false, connections: 0 }
    }

    /// Words of the user's.
    pub fn user(&mut self, text: &str) {
        self.said.push(json!({ "role": "user", "content": text }));
    }

    /// Sends the conversation.
    pub fn send(&mut self) -> Answer {
        let path = match self.api {
            Api::Chat => "/v1/chat/completions",
            Api::Responses => "/v1/responses",
            Api::Messages => "/v1/messages",
        };
        let said = &self.said;
        let schema = json!({ "type": "object", "properties": { "path": {}, "content": {}, "command": {} } });
        let tools = self.tools.iter().map(|name| match self.api {
            Api::Chat => json!({ "type": "function", "function": { "name": name, "parameters": schema } }),
            Api::Responses => json!({ "type": "function", "name": name, "parameters": schema }),
            Api::Messages => json!({ "name": name, "input_schema": schema }),
        });
        let tools: Vec<Value> = tools.collect();
        let list = if self.api == Api::Responses { "input" } else { "messages" };
        let mut body = json!({ "model": "scripted", "stream": self.streams, "tools": tools });
        body[list] = json!(said);
        self.request("POST", path, &[], body.to_string().as_bytes())
    }

    /// The same; the answer must be a whole one, and becomes part of the conversation, with what its tools brought.
    pub fn ask(&mut self) -> Shape {
        let answer = self.send();
        assert_eq!(
            (answer.status, answer.complete),
            (200, true),
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        let shape = Shape::of(self.api, self.streams, &answer.body);
        let text = &shape.text;
        let called = !shape.calls.is_empty();
        match self.api {
            Api::Chat => {
                self.said.push(json!({ "role": "assistant", "content": text }));
                if called {
                    self.said.push(json!({ "role": "tool", "content": "fine" }));
                }
            }
            Api::Responses => {
                let words = json!([{ "type": "output_text", "text": text }]);
                self.said.push(json!({ "type": "message", "role": "assistant", "content": words }));
                if called {
                    self.said.push(json!({ "type": "function_call", "name": "write" }));
                    self.said.push(json!({ "type": "function_call_output", "output": "fine" }));
                }
            }
            Api::Messages => {
                self.said.push(json!({ "role": "assistant", "content": [{ "type": "text", "text": text }] }));
                if called {
                    let result = json!([{ "type": "tool_result", "content": "fine" }]);
                    self.said.push(json!({ "role": "user", "content": result }));
                }
            }
        }
        shape
    }

    /// Any request.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut connection = self.connection.take().unwrap_or_else(|| {
            self.connections += 1;
            BufReader::new(TcpStream::connect(&self.address).unwrap())
        });
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let to = connection.get_mut();
        if self.chunked {
            to.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
            for chunk in body.chunks(100) {
                to.write_all(format!("{:X};x=y\r\n", chunk.len()).as_bytes()).unwrap();
                to.write_all(chunk).unwrap();
                to.write_all(b"\r\n").unwrap();
            }
            to.write_all(b"0\r\n\r\n").unwrap();
        } else {
            to.write_all(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).unwrap();
            to.write_all(body).unwrap();
        }
        let answer = read(&mut connection);
        if answer.complete {
            self.connection = Some(connection);
        }
        answer
    }
}

fn read(from: &mut impl BufRead) -> Answer {
    let mut line = || {
        let mut line = String::new();
        from.read_line(&mut line).unwrap_or(0);
        line.trim_end().to_owned()
    };
    let status = line().split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut answer = Answer { status, ..Answer::default() };
    while let Some((name, value)) = line().split_once(": ") {
        answer.headers.push((name.to_lowercase(), value.to_owned()));
    }
    if let Some(length) = answer.header("content-length").and_then(|length| length.parse().ok()) {
        let read = from.by_ref().take(length).read_to_end(&mut answer.body);
        answer.complete = read.is_ok_and(|read| read as u64 == length);
        return answer;
    }
    loop {
        let mut size = String::new();
        if from.read_line(&mut size).unwrap_or(0) == 0 {
            return answer;
        }
        let size = u64::from_str_radix(size.trim(), 16).unwrap();
        let before = answer.body.len();
        let read = from.by_ref().take(size).read_to_end(&mut answer.body);
        let mut end = String::new();
        if read.is_err() || (answer.body.len() - before) as u64 != size || from.read_line(&mut end).is_err() {
            return answer;
        }
        if size == 0 {
            answer.complete = true;
            return answer;
        }
    }
}

impl Shape {
    /// What a body says.
    pub fn of(api: Api, streams: bool, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let mut shape = Self::default();
        if !streams {
            let whole = serde_json::from_str(&body).unwrap();
            match api {
                Api::Chat => shape.chat(&whole),
                Api::Responses => shape.response(&whole),
                Api::Messages => shape.message(&whole),
            }
            return shape;
        }
        let events = body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
        let events: Vec<Value> = events.collect();
        let mut args = String::new();
        for event in &events {
            match (api, event["type"].as_str()) {
                (Api::Chat, _) => shape.chat_piece(event, &mut args),
                (Api::Responses, Some("response.completed" | "response.incomplete")) => {
                    shape.text.clear();
                    shape.response(&event["response"]);
                }
                (Api::Responses, Some("response.output_text.delta")) => shape.text += text(&event["delta"]),
                (Api::Messages, Some("message_delta")) => shape.message(event),
                (Api::Messages, Some("content_block_start"))
                    if event["content_block"]["type"] == "tool_use" =>
                {
                    shape.calls.push((text(&event["content_block"]["name"]).to_owned(), Value::Null));
                }
                (Api::Messages, Some("content_block_delta")) => {
                    shape.text += text(&event["delta"]["text"]);
                    args += text(&event["delta"]["partial_json"]);
                }
                _ => {}
            }
        }
        if let (Some(call), false) = (shape.calls.last_mut(), args.is_empty()) {
            call.1 = serde_json::from_str(&args).unwrap();
        }
        shape
    }

    fn chat_piece(&mut self, event: &Value, args: &mut String) {
        let choice = &event["choices"][0];
        self.text += text(&choice["delta"]["content"]);
        let call = &choice["delta"]["tool_calls"][0]["function"];
        if let Some(name) = call["name"].as_str() {
            self.calls.push((name.to_owned(), Value::Null));
        }
        *args += text(&call["arguments"]);
        self.chat_end(choice, &event["usage"]);
    }

    fn chat_end(&mut self, choice: &Value, usage: &Value) {
        let known = [("stop", "done"), ("tool_calls", "calls"), ("length", "full")];
        self.end = self.end.or(among(&choice["finish_reason"], &known));
        if usage.is_object() {
            self.cached = number(&usage["prompt_tokens_details"]["cached_tokens"]);
            self.input = number(&usage["prompt_tokens"]) - self.cached;
            self.output = number(&usage["completion_tokens"]);
        }
    }

    fn chat(&mut self, whole: &Value) {
        let choice = &whole["choices"][0];
        text(&choice["message"]["content"]).clone_into(&mut self.text);
        for call in choice["message"]["tool_calls"].as_array().into_iter().flatten() {
            let args = serde_json::from_str(text(&call["function"]["arguments"])).unwrap();
            self.calls.push((text(&call["function"]["name"]).to_owned(), args));
        }
        self.chat_end(choice, &whole["usage"]);
    }

    fn response(&mut self, whole: &Value) {
        for entry in whole["output"].as_array().into_iter().flatten() {
            match entry["type"].as_str() {
                Some("message") => self.text += text(&entry["content"][0]["text"]),
                _ => self.calls.push((
                    text(&entry["name"]).to_owned(),
                    serde_json::from_str(text(&entry["arguments"])).unwrap(),
                )),
            }
        }
        let done = if self.calls.is_empty() { "done" } else { "calls" };
        self.end = among(&whole["status"], &[("completed", done), ("incomplete", "full")]);
        let usage = &whole["usage"];
        self.cached = number(&usage["input_tokens_details"]["cached_tokens"]);
        self.input = number(&usage["input_tokens"]) - self.cached;
        self.output = number(&usage["output_tokens"]);
    }

    fn message(&mut self, whole: &Value) {
        for block in whole["content"].as_array().into_iter().flatten() {
            self.text += text(&block["text"]);
            if block["type"] == "tool_use" {
                self.calls.push((text(&block["name"]).to_owned(), block["input"].clone()));
            }
        }
        let reason =
            if whole["delta"].is_object() { &whole["delta"]["stop_reason"] } else { &whole["stop_reason"] };
        self.end = among(reason, &[("end_turn", "done"), ("tool_use", "calls"), ("max_tokens", "full")]);
        self.input = number(&whole["usage"]["input_tokens"]);
        self.cached = number(&whole["usage"]["cache_read_input_tokens"]);
        self.output = number(&whole["usage"]["output_tokens"]);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn among(value: &Value, known: &[(&str, &'static str)]) -> Option<&'static str> {
    known.iter().find(|(said, _)| value == said).map(|(_, means)| *means)
}
