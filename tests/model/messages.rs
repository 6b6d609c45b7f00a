//! The Messages API: <https://docs.claude.com/en/api/messages>.
use super::http::Frame;
use super::talk::{Reply, Talk, Who, pieces, words};
use super::tools::Offered;
use serde_json::{Value, json};

/// What a request says.
pub fn talk(body: &Value) -> Talk {
    let mut talk = Talk {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        streams: body["stream"] == true,
        system: words(&body["system"]),
        ..Talk::default()
    };
    for tool in body["tools"].as_array().into_iter().flatten() {
        let Some(name) = tool["name"].as_str() else { continue };
        talk.tools.push(Offered { name: name.to_owned(), schema: Some(tool["input_schema"].clone()) });
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let text = words(&message["content"]);
        match message["role"].as_str() {
            Some("assistant") => talk.said.push((Who::Model, text)),
            // What tools brought comes as words of the user, maybe with other words beside it.
            Some("user") if !text.is_empty() => talk.said.push((Who::User, text)),
            _ => {}
        }
    }
    talk
}

fn finish(reply: &Reply) -> &'static str {
    match (reply.full, reply.calls.is_empty()) {
        (true, _) => "max_tokens",
        (false, true) => "end_turn",
        (false, false) => "tool_use",
    }
}

fn usage(reply: &Reply) -> Value {
    json!({
        "input_tokens": reply.used.input,
        "output_tokens": reply.used.output,
        "cache_read_input_tokens": reply.used.cached,
        "cache_creation_input_tokens": 0,
    })
}

fn blocks(reply: &Reply) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !reply.text.is_empty() {
        blocks.push(json!({ "type": "text", "text": reply.text }));
    }
    for (id, name, args) in &reply.calls {
        blocks.push(json!({ "type": "tool_use", "id": format!("toolu_{id}"), "name": name, "input": args }));
    }
    blocks
}

/// An answer in one piece.
pub fn whole(reply: &Reply) -> Value {
    json!({
        "id": format!("msg_{}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": blocks(reply),
        "stop_reason": finish(reply),
        "stop_sequence": null,
        "usage": usage(reply),
    })
}

/// An answer in pieces.
pub fn stream(reply: &Reply) -> Vec<Frame> {
    let mut begun = whole(reply);
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    begun["usage"]["output_tokens"] = json!(1);
    let mut events = vec![json!({ "type": "message_start", "message": begun })];
    for (index, block) in blocks(reply).into_iter().enumerate() {
        let mut empty = block.clone();
        let deltas: Vec<Value> = match block["type"].as_str() {
            Some("text") => {
                empty["text"] = json!("");
                pieces(&reply.text).map(|piece| json!({ "type": "text_delta", "text": piece })).collect()
            }
            _ => {
                empty["input"] = json!({});
                vec![json!({ "type": "input_json_delta", "partial_json": block["input"].to_string() })]
            }
        };
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": empty }));
        for delta in deltas {
            events.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    events.push(json!({
        "type": "message_delta",
        "delta": { "stop_reason": finish(reply), "stop_sequence": null },
        "usage": usage(reply),
    }));
    events.push(json!({ "type": "message_stop" }));
    events.iter().map(Frame::named).collect()
}
