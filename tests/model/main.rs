//! The model that real agents talk to in tests does what scripts say, over each of its APIs.
#![expect(clippy::unwrap_used, reason = "a server that cannot be talked to is a failed test")]

#[path = "mod.rs"]
mod model;

mod client;

use client::{Client, Shape};
use model::script::{Call, Fail, Turn, Used, riding};
use model::server::{Api, ModelServer};
use model::tools::{Offered, Toolbox, folder};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const ALL: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

fn write_and_say() -> Vec<Turn> {
    let write = Turn {
        text: "I will write the file, word by word by word.".to_owned(),
        calls: vec![Call::write("a.txt", "hello\n")],
        usage: Some(Used { input: 200, output: 45, cached: 1000 }),
        ..Turn::default()
    };
    vec![write, Turn::text("Done.")]
}

#[test]
fn a_script_is_played_turn_by_turn_over_every_api_in_pieces_or_whole() {
    for api in ALL {
        for streams in [true, false] {
            let server = ModelServer::start();
            let mut client = Client::new(&server, api, streams);
            client.user(&format!("Please. {}", riding(&write_and_say())));
            let shape = client.ask();
            assert_eq!(shape.text, "I will write the file, word by word by word.", "{api:?} {streams}");
            let args = json!({ "path": "a.txt", "content": "hello\n" });
            assert_eq!(shape.calls, [("write".to_owned(), args)], "{api:?} {streams}");
            assert_eq!((shape.input, shape.cached, shape.output), (200, 1000, 45), "{api:?} {streams}");
            assert_eq!(shape.end, Some("calls"), "{api:?} {streams}");
            let shape = client.ask();
            assert_eq!((shape.text.as_str(), shape.end), ("Done.", Some("done")), "{api:?} {streams}");
            let asked = server.asked();
            let turns: Vec<_> = asked.iter().map(|asked| asked.turn).collect();
            assert_eq!(turns, [Some(0), Some(1)]);
            assert_eq!((asked[0].api, asked[0].model.as_str()), (api, "scripted"));
            assert_eq!(asked[0].called, ["write"]);
        }
    }
}

#[test]
fn a_conversation_that_goes_on_later_goes_on_where_it_was_and_none_meets_another() {
    for api in ALL {
        let server = ModelServer::start();
        let mut one = Client::new(&server, api, true);
        let mut other = Client::new(&server, api, true);
        one.user(&riding(&write_and_say()));
        other.user(&riding(&[Turn::call(Call::shell("date")), Turn::text("I am another.")]));
        one.ask();
        assert_eq!(other.ask().calls, [("bash".to_owned(), json!({ "command": "date" }))]);
        one.user("Go on, please.");
        assert_eq!(one.ask().text, "Done.");
        assert_eq!(other.ask().text, "I am another.");
        let asked = server.asked();
        assert_eq!(asked[2].prompts.len(), 2, "both prompts are in the request: {:?}", asked[2].prompts);
        one.user(&riding(&[Turn::text("A new script.")]));
        assert_eq!(one.ask().text, "A new script.");
        assert_eq!(one.ask().text, "There is no more to do.");
    }
}

#[test]
fn words_of_a_prompt_choose_a_script_and_the_first_one_wins() {
    let server = ModelServer::start();
    server.play(&["spec a", "plan"], vec![Turn::text("the plan of a")]);
    server.play(&["spec a"], vec![Turn::text("something of a")]);
    for (prompt, expect) in
        [("plan for spec a", "the plan of a"), ("do spec a", "something of a"), ("spec b", "ok")]
    {
        let mut client = Client::new(&server, Api::Chat, false);
        client.user(prompt);
        assert_eq!(client.ask().text, expect);
    }
}

#[test]
fn a_side_call_without_tools_is_no_turn() {
    for api in ALL {
        let server = ModelServer::start();
        let mut client = Client::new(&server, api, true);
        client.user(&riding(&write_and_say()));
        client.tools.clear();
        assert_eq!(client.ask().text, "ok");
        assert_eq!(server.asked()[0].turn, None);
    }
}

#[test]
fn errors_come_as_often_as_they_should_with_the_time_to_wait() {
    for api in ALL {
        let server = ModelServer::start();
        let mut client = Client::new(&server, api, true);
        let limited = Turn {
            fail: Some(Fail { status: 429, times: Some(2), retry_after: Some(7), message: None }),
            ..Turn::text("At last.")
        };
        client.user(&riding(&[limited]));
        for _ in 0..2 {
            let refused = client.send();
            assert_eq!(refused.status, 429);
            assert_eq!(refused.header("retry-after"), Some("7"));
            let body: Value = serde_json::from_slice(&refused.body).unwrap();
            assert_eq!(body["error"]["type"], "rate_limit_error");
        }
        assert_eq!(client.ask().text, "At last.");
        for (status, words) in [(401, "invalid api key"), (529, "overloaded")] {
            let fail = Some(Fail { status, times: None, retry_after: None, message: None });
            client.user(&riding(&[Turn { fail, ..Turn::default() }]));
            for _ in 0..3 {
                let refused = client.send();
                assert_eq!(refused.status, status);
                assert!(String::from_utf8_lossy(&refused.body).contains(words));
            }
        }
        let said: Vec<u16> = server.asked().iter().map(|asked| asked.status).collect();
        assert_eq!(said, [429, 429, 200, 401, 401, 401, 529, 529, 529]);
    }
}

#[test]
fn a_stream_is_cut_in_the_middle_the_first_times_only() {
    for api in ALL {
        let server = ModelServer::start();
        let mut client = Client::new(&server, api, true);
        client
            .user(&riding(&[Turn { cut: 1, ..Turn::text("one two three four five six seven eight nine") }]));
        let cut = client.send();
        assert!(!cut.complete, "{api:?}");
        assert!(!cut.body.is_empty(), "{api:?}: something comes before the cut");
        assert_eq!(Shape::of(api, true, &cut.body).end, None, "{api:?}");
        let shape = client.ask();
        assert_eq!(shape.text, "one two three four five six seven eight nine");
        assert_eq!(shape.end, Some("done"));
    }
}

#[test]
fn an_answer_that_fills_the_output_says_so_in_each_api_s_words() {
    for api in ALL {
        for streams in [true, false] {
            let server = ModelServer::start();
            let mut client = Client::new(&server, api, streams);
            client.user(&riding(&[Turn { full: true, ..Turn::text("It goes on and") }]));
            assert_eq!(client.ask().end, Some("full"), "{api:?} {streams}");
        }
    }
}

#[test]
fn a_gate_holds_an_answer_until_it_is_opened() {
    let server = ModelServer::start();
    let mut client = Client::new(&server, Api::Messages, true);
    client.user(&riding(&[Turn { gate: Some("go".to_owned()), ..Turn::text("Through.") }]));
    thread::scope(|scope| {
        let asks = scope.spawn(|| client.ask().text);
        while !server.reached("go") {
            thread::yield_now();
        }
        assert!(server.asked().is_empty(), "it is held");
        server.open("go");
        assert_eq!(asks.join().unwrap(), "Through.");
    });
}

#[test]
fn an_answer_may_take_its_time() {
    let server = ModelServer::start();
    let mut client = Client::new(&server, Api::Chat, true);
    client.user(&riding(&[Turn { delay: 50, ..Turn::text("Well.") }]));
    let from = Instant::now();
    assert_eq!(client.ask().text, "Well.");
    assert!(from.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_connection_takes_many_requests_with_bodies_in_chunks_too() {
    let server = ModelServer::start();
    let mut client = Client::new(&server, Api::Responses, true);
    client.chunked = true;
    client.user(&riding(&write_and_say()));
    assert_eq!(client.ask().calls.len(), 1);
    assert_eq!(client.ask().text, "Done.");
    assert_eq!(client.connections, 1);
}

#[test]
fn what_it_does_not_know_is_refused() {
    let server = ModelServer::start();
    let mut client = Client::new(&server, Api::Chat, false);
    assert_eq!(client.request("GET", "/v1/models", &[], b"").status, 200);
    assert_eq!(client.request("GET", "/v1/secrets", &[], b"").status, 404);
    assert_eq!(client.request("GET", "/v1/responses", &[("upgrade", "websocket")], b"").status, 426);
    assert_eq!(client.request("POST", "/v1/messages/count_tokens", &[], b"12345678").status, 200);
    assert!(server.asked().is_empty());
    client.user("<<<script [{\"txet\":1}]>>>");
    assert!(client.ask().text.starts_with("this script cannot be read: unknown field `txet`"));
}

fn offered(name: &str, properties: Value, required: &[&str]) -> Offered {
    Offered {
        name: name.to_owned(),
        schema: Some(json!({ "type": "object", "properties": properties, "required": required })),
    }
}

#[test]
fn calls_are_told_in_the_words_of_the_tools_that_there_are() {
    let path = json!({ "type": "string", "description": "The absolute path to the file" });
    let text = json!({ "type": "string" });
    let tools = [
        offered("Write", json!({ "file_path": path, "content": text }), &["file_path", "content"]),
        offered(
            "edit",
            json!({ "path": text, "edits": { "type": "array" }, "dry": { "type": "boolean" } }),
            &["path", "edits", "dry"],
        ),
        offered("shell", json!({ "command": { "type": "array" } }), &["command"]),
    ];
    let toolbox = Toolbox { tools: &tools, folder: Some("/w") };
    let write = toolbox.map(&Call::write("a/b.txt", "x"));
    assert_eq!(write, ("Write".to_owned(), json!({ "file_path": "/w/a/b.txt", "content": "x" })));
    let edit = toolbox.map(&Call::edit("a", "x", "y"));
    let edits = json!([{ "oldText": "x", "newText": "y" }]);
    assert_eq!(edit, ("edit".to_owned(), json!({ "path": "a", "edits": edits, "dry": false })));
    let read = toolbox.map(&Call::Read { path: "it's".to_owned() });
    assert_eq!(read, ("shell".to_owned(), json!({ "command": ["bash", "-lc", "cat 'it'\\''s'"] })));
    let only_shell = [offered("exec_command", json!({ "cmd": text }), &["cmd"])];
    let toolbox = Toolbox { tools: &only_shell, folder: None };
    let (name, args) = toolbox.map(&Call::write("a", "x\n"));
    assert_eq!(name, "exec_command");
    assert_eq!(args["cmd"], "mkdir -p \"$(dirname 'a')\" && printf %s 'x\n' > 'a'");
    let (_, args) = toolbox.map(&Call::edit("a", "- [ ] x.", "- [x] & y"));
    assert_eq!(args["cmd"], "sed -i 's|- \\[ \\] x\\.|- [x] \\& y|' 'a'");
}

#[test]
fn where_an_agent_works_is_read_off_what_it_says() {
    for text in [
        "You are in:\n  <cwd>/tmp</cwd>\n",
        "Working directory: /tmp\nIs it git: yes",
        "Current working directory: `/tmp`.",
        "The workspace is /nowhere/at/all.\n - Primary working directory: /tmp",
    ] {
        assert_eq!(folder(text).as_deref(), Some("/tmp"), "{text}");
    }
    assert_eq!(folder("no words of it: /tmp"), None);
}
