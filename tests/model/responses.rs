//! The Responses API: <https://platform.openai.com/docs/api-reference/responses>.
use super::http::Frame;
use super::talk::{Reply, Talk, Who, pieces, words};
use super::tools::Offered;
use serde_json::{Value, json};

/// What a request says.
pub fn talk(body: &Value) -> Talk {
    let mut talk = Talk {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        streams: body["stream"] == true,
        system: body["instructions"].as_str().unwrap_or_default().to_owned() + "\n",
        ..Talk::default()
    };
    offered(&body["tools"], &mut talk.tools);
    if let Some(text) = body["input"].as_str() {
        talk.said.push((Who::User, text.to_owned()));
    }
    // An answer is one or more entries in a row: words, thoughts, calls.
    let mut answering = false;
    for entry in body["input"].as_array().into_iter().flatten() {
        let kind = entry["type"].as_str().unwrap_or("message");
        let text = words(&entry["content"]);
        let model = entry["role"] == "assistant" || kind == "reasoning" || kind.ends_with("_call");
        match (kind, entry["role"].as_str()) {
            ("additional_tools", _) => offered(&entry["tools"], &mut talk.tools),
            ("message", Some("system" | "developer")) => talk.system.push_str(&format!("{text}\n")),
            ("message", Some("user")) => {
                talk.said.push((Who::User, text));
                answering = false;
            }
            _ if model => {
                if !answering {
                    talk.said.push((Who::Model, text));
                }
                answering = true;
            }
            _ => answering = false,
        }
    }
    talk
}

fn offered(tools: &Value, into: &mut Vec<Offered>) {
    for tool in tools.as_array().into_iter().flatten() {
        let name = tool["name"].as_str().unwrap_or_default().to_owned();
        match tool["type"].as_str() {
            Some("function") => into.push(Offered { name, schema: Some(tool["parameters"].clone()) }),
            Some("custom") => into.push(Offered { name, schema: None }),
            Some("namespace") => offered(&tool["tools"], into),
            _ => {}
        }
    }
}

fn output(reply: &Reply) -> Vec<Value> {
    let mut output = Vec::new();
    if !reply.text.is_empty() {
        output.push(json!({
            "type": "message",
            "id": format!("msg_{}", reply.id),
            "role": "assistant",
            "status": "completed",
            "content": [{ "type": "output_text", "text": reply.text, "annotations": [] }],
        }));
    }
    for (id, name, args) in &reply.calls {
        output.push(match args.as_str() {
            Some(text) => json!({
                "type": "custom_tool_call", "id": format!("ctc_{id}"), "call_id": id, "name": name,
                "input": text, "status": "completed",
            }),
            None => json!({
                "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
                "arguments": args.to_string(), "status": "completed",
            }),
        });
    }
    output
}

/// An answer in one piece.
pub fn whole(reply: &Reply) -> Value {
    let input = reply.used.input + reply.used.cached;
    let (status, cut) = match reply.full {
        true => ("incomplete", json!({ "reason": "max_output_tokens" })),
        false => ("completed", Value::Null),
    };
    json!({
        "id": format!("resp_{}", reply.id),
        "object": "response",
        "created_at": 0,
        "model": reply.model,
        "status": status,
        "incomplete_details": cut,
        "error": null,
        "output": output(reply),
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "metadata": {},
        "usage": {
            "input_tokens": input,
            "input_tokens_details": { "cached_tokens": reply.used.cached },
            "output_tokens": reply.used.output,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": input + reply.used.output,
        },
    })
}

/// An answer in pieces.
pub fn stream(reply: &Reply) -> Vec<Frame> {
    let whole = whole(reply);
    let mut events = Vec::new();
    let mut begun = whole.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    begun["incomplete_details"] = Value::Null;
    events.push(json!({ "type": "response.created", "response": begun }));
    for (index, entry) in output(reply).into_iter().enumerate() {
        let id = entry["id"].clone();
        let mut added = entry.clone();
        added["status"] = json!("in_progress");
        let (part, of, text) = match entry["type"].as_str() {
            Some("message") => ("content", "output_text", entry["content"][0]["text"].clone()),
            Some("function_call") => ("arguments", "function_call_arguments", entry["arguments"].clone()),
            _ => ("input", "custom_tool_call_input", entry["input"].clone()),
        };
        added[part] = if part == "content" { json!([]) } else { json!("") };
        events.push(json!({ "type": "response.output_item.added", "output_index": index, "item": added }));
        if part == "content" {
            let empty = json!({ "type": "output_text", "text": "", "annotations": [] });
            events.push(json!({
                "type": "response.content_part.added", "output_index": index, "content_index": 0,
                "item_id": id, "part": empty,
            }));
        }
        for piece in pieces(text.as_str().unwrap_or_default()) {
            events.push(json!({
                "type": format!("response.{of}.delta"), "output_index": index, "content_index": 0,
                "item_id": id, "delta": piece,
            }));
        }
        let named = match part {
            "content" => "text",
            part => part,
        };
        let mut done = json!({
            "type": format!("response.{of}.done"), "output_index": index, "content_index": 0, "item_id": id,
        });
        done[named] = text;
        events.push(done);
        if part == "content" {
            events.push(json!({
                "type": "response.content_part.done", "output_index": index, "content_index": 0,
                "item_id": id, "part": entry["content"][0],
            }));
        }
        events.push(json!({ "type": "response.output_item.done", "output_index": index, "item": entry }));
    }
    let last = if reply.full { "response.incomplete" } else { "response.completed" };
    events.push(json!({ "type": last, "response": whole }));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events.iter().map(Frame::named).collect()
}
