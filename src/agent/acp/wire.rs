//! Messages of JSON-RPC 2.0. Each side counts its own requests, so an id means nothing without its direction.
use crate::agent::json;
use serde_json::{Value, json};

/// What the other side says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// It asks, and waits for an answer under its own id.
    Request { id: Value, method: String, params: Value },
    /// It tells.
    Notification { method: String, params: Value },
    /// It answers the request of ours that has this number.
    Answer { id: u64, answer: Result<Value, Value> },
    /// It could not read something, and cannot say what.
    Unread(Value),
}

/// The JSON-RPC error of a method that is not there.
const NO_SUCH_METHOD: i64 = -32601;

/// The messages in a line: none if it is no JSON-RPC.
pub(super) fn read(line: &str) -> Vec<Message> {
    match json::value(line) {
        Some(Value::Array(all)) => all.into_iter().filter_map(message).collect(),
        one => one.and_then(message).into_iter().collect(),
    }
}

fn message(value: Value) -> Option<Message> {
    let Value::Object(mut fields) = value else { return None };
    let id = fields.remove("id").filter(|id| !id.is_null());
    if let Some(Value::String(method)) = fields.remove("method") {
        let params = fields.remove("params").unwrap_or_default();
        return Some(match id {
            Some(id) => Message::Request { id, method, params },
            None => Message::Notification { method, params },
        });
    }
    let error = fields.remove("error").filter(|error| !error.is_null());
    let id = match id {
        None => return error.map(Message::Unread),
        Some(Value::Number(number)) => number.as_u64().or_else(|| whole(number.as_f64()?))?,
        Some(Value::String(text)) => text.parse().ok()?,
        Some(_) => return None,
    };
    let answer = match (error, fields.remove("result")) {
        (Some(error), _) => Err(error),
        (None, Some(result)) => Ok(result),
        (None, None) => return None,
    };
    Some(Message::Answer { id, answer })
}

/// A number that some have only as one with a fraction.
fn whole(number: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in these bounds it is exact"
    )]
    let whole = (0.0..1e15).contains(&number).then_some(number as u64);
    whole.filter(|_| number.fract() == 0.0)
}

pub(super) fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

pub(super) fn notification(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

pub(super) fn result(id: &Value, result: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()
}

pub(super) fn no_such_method(id: &Value, method: &str) -> String {
    let error = json!({ "code": NO_SUCH_METHOD, "message": format!("there is no `{method}` here") });
    json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string()
}

/// The text of a field, empty if there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_makes_a_request_whatever_its_id_and_the_rest_are_answers() {
        let check = |line: &str, expect: Option<Message>| {
            assert_eq!(read(line), expect.into_iter().collect::<Vec<_>>(), "{line}");
        };
        let request = |id: Value| Message::Request { id, method: "m".into(), params: Value::Null };
        check(r#"{"method":"m","id":0}"#, Some(request(json!(0))));
        check(r#"{"id":"a-1","jsonrpc":"2.0","method":"m"}"#, Some(request(json!("a-1"))));
        let told = Message::Notification { method: "m".into(), params: json!({ "a": 1 }) };
        check(r#"{"params":{"a":1},"method":"m"}"#, Some(told.clone()));
        check(r#"{"params":{"a":1},"method":"m","id":null}"#, Some(told));
        check(r#"{"result":null,"id":3}"#, Some(Message::Answer { id: 3, answer: Ok(Value::Null) }));
        check(r#"{"result":{},"id":"3"}"#, Some(Message::Answer { id: 3, answer: Ok(json!({})) }));
        let failed = Message::Answer { id: 2, answer: Err(json!({ "code": 1 })) };
        check(r#"{"result":null,"error":{"code":1},"id":2}"#, Some(failed));
        check(r#"{"result":{},"id":3.0}"#, Some(Message::Answer { id: 3, answer: Ok(json!({})) }));
        check(r#"{"id":null,"error":{"code":-32700}}"#, Some(Message::Unread(json!({ "code": -32700 }))));
        check(r#"{"id":3.5,"result":{}}"#, None);
        for nothing in ["", "noise", "[]", "3", r#"{"id":1}"#, r#"{"id":-1,"result":{}}"#, r#"{"result":{}}"#]
        {
            check(nothing, None);
        }
        assert_eq!(read(r#"[{"method":"m"},{"id":1,"result":1},7]"#).len(), 2);
    }
}
