//! The Chat Completions API: <https://platform.openai.com/docs/api-reference/chat>.
use super::http::Frame;
use super::talk::{Reply, Talk, Who, pieces, words};
use super::tools::Offered;
use serde_json::{Value, json};

/// What a request says.
pub fn talk(body: &Value) -> Talk {
    let mut talk = Talk {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        streams: body["stream"] == true,
        ..Talk::default()
    };
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        let Some(name) = function["name"].as_str() else { continue };
        talk.tools.push(Offered { name: name.to_owned(), schema: Some(function["parameters"].clone()) });
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let text = words(&message["content"]);
        match message["role"].as_str() {
            Some("system" | "developer") => talk.system.push_str(&format!("{text}\n")),
            Some("user") => talk.said.push((Who::User, text)),
            Some("assistant") => talk.said.push((Who::Model, text)),
            _ => {}
        }
    }
    talk
}

/// Why an answer ends.
fn finish(reply: &Reply) -> &'static str {
    match (reply.full, reply.calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    }
}

fn calls(reply: &Reply) -> Vec<Value> {
    let call = |(id, name, args): &(String, String, Value)| {
        let args = args.as_str().map_or_else(|| args.to_string(), ToOwned::to_owned);
        json!({ "id": id, "type": "function", "function": { "name": name, "arguments": args } })
    };
    reply.calls.iter().map(call).collect()
}

fn usage(reply: &Reply) -> Value {
    let input = reply.used.input + reply.used.cached;
    json!({
        "prompt_tokens": input,
        "completion_tokens": reply.used.output,
        "total_tokens": input + reply.used.output,
        "prompt_tokens_details": { "cached_tokens": reply.used.cached },
        "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

/// An answer in one piece.
pub fn whole(reply: &Reply) -> Value {
    let mut message = json!({ "role": "assistant", "content": reply.text });
    if !reply.calls.is_empty() {
        message["tool_calls"] = Value::Array(calls(reply));
    }
    json!({
        "id": format!("chatcmpl-{}", reply.id),
        "object": "chat.completion",
        "created": 0,
        "model": reply.model,
        "choices": [{ "index": 0, "finish_reason": finish(reply), "message": message }],
        "usage": usage(reply),
    })
}

/// An answer in pieces.
pub fn stream(reply: &Reply) -> Vec<Frame> {
    let chunk = |choices: Value, usage: Value| {
        Frame::data(&json!({
            "id": format!("chatcmpl-{}", reply.id),
            "object": "chat.completion.chunk",
            "created": 0,
            "model": reply.model,
            "choices": choices,
            "usage": usage,
        }))
    };
    let delta = |delta: Value, finish: Option<&str>| {
        chunk(json!([{ "index": 0, "delta": delta, "finish_reason": finish }]), Value::Null)
    };
    let mut frames = vec![delta(json!({ "role": "assistant", "content": "" }), None)];
    frames.extend(pieces(&reply.text).map(|piece| delta(json!({ "content": piece }), None)));
    for (index, call) in calls(reply).into_iter().enumerate() {
        let args = call["function"]["arguments"].clone();
        let mut call = call;
        call["index"] = json!(index);
        call["function"]["arguments"] = json!("");
        frames.push(delta(json!({ "tool_calls": [call] }), None));
        let rest = json!({ "index": index, "function": { "arguments": args } });
        frames.push(delta(json!({ "tool_calls": [rest] }), None));
    }
    frames.push(delta(json!({}), Some(finish(reply))));
    frames.push(chunk(json!([]), usage(reply)));
    frames.push(Frame { event: None, data: "[DONE]".to_owned() });
    frames
}
