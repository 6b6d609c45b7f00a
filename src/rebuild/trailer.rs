//! The text of our trailers. Whole lines anywhere in a message, since forges move them about.
//!
//! `Specmake-Trace: v1 <spec> <stage>[,<stage>] how=<word> [at=<oid>] [from=<oid>] [hands=<stamp>] [result=<stamp>]
//! [<kind>[:<name>]=<seen>[/<left>]] ...`. Fields are split at spaces; space, `%`, `=`, `,` and control
//! characters within one are percent-encoded. A line of another version, or with a field of an unknown
//! kind, is no error: the former is passed over, the latter loses that field.
use super::ingredient::{Key, Kind};
use super::mark::{How, Mark, Stamps, Trace};
use crate::base::{Oid, SpecName, StageName, Stamp};
use crate::model::FailureClass;
use std::collections::BTreeMap;
use std::fmt::Write;

const TRACE: &str = "Specmake-Trace: v1 ";
const VOID: &str = "Specmake-Void: v1 ";
const ATTEMPT: &str = "Specmake-Attempt: v1 ";

/// The line of a mark, without a newline.
pub fn write(mark: &Mark) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = match mark {
        Mark::Trace(trace) => write_trace(&mut line, trace),
        Mark::Void { spec, stage, why } => write!(line, "{VOID}{spec} {stage} why={}", encode(why)),
        Mark::Attempt { spec, stage, class, held, why } => {
            let _ = write!(line, "{ATTEMPT}{spec} {stage}");
            if let Some(class) = class {
                let _ = write!(line, " class={class}");
            }
            if let Some(held) = held {
                let _ = write!(line, " held={held}");
            }
            write!(line, " why={}", encode(why))
        }
    };
    line
}

fn write_trace(line: &mut String, trace: &Trace) -> std::fmt::Result {
    let stages: Vec<&str> = trace.stages.iter().map(StageName::as_str).collect();
    write!(line, "{TRACE}{} {} how={}", trace.spec, stages.join(","), trace.how.word())?;
    if let Some(at) = trace.at {
        write!(line, " at={at}")?;
    }
    if let Some(from) = trace.from {
        write!(line, " from={from}")?;
    }
    if let Some(change) = trace.change {
        write!(line, " hands={change}")?;
    }
    if let Some(result) = trace.result {
        write!(line, " result={result}")?;
    }
    for (key, stamps) in &trace.ingredients {
        write!(line, " {}", key.kind.word())?;
        if !key.name.is_empty() {
            write!(line, ":{}", encode(&key.name))?;
        }
        write!(line, "={}", stamps.seen)?;
        if let Some(left) = stamps.left {
            write!(line, "/{left}")?;
        }
    }
    Ok(())
}

/// The marks in a commit message, in order.
pub fn read(message: &str) -> Vec<Mark> {
    message.lines().filter_map(read_line).collect()
}

/// The commits whose effect a message says it takes back: git's own words, "This reverts commit" and a name.
pub fn reverts(message: &str) -> Vec<Oid> {
    const WORDS: &str = "This reverts commit ";
    let after = message.lines().filter_map(|line| line.strip_prefix(WORDS));
    after
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_hexdigit()).next())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

fn read_line(line: &str) -> Option<Mark> {
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix(TRACE) {
        return read_trace(rest).map(Mark::Trace);
    }
    let (rest, is_void) = match line.strip_prefix(VOID) {
        Some(rest) => (rest, true),
        None => (line.strip_prefix(ATTEMPT)?, false),
    };
    let mut fields = rest.split(' ').filter(|f| !f.is_empty());
    let spec = SpecName::new(fields.next()?).ok()?;
    let stage = StageName::new(fields.next()?).ok()?;
    let mut class = None;
    let mut held = None;
    let mut why = String::new();
    for (name, value) in fields.filter_map(|field| field.split_once('=')) {
        match name {
            "class" => class = FailureClass::named(value),
            "held" => held = value.parse().ok(),
            "why" => why = decode(value),
            _ => {}
        }
    }
    Some(if is_void {
        Mark::Void { spec, stage, why }
    } else {
        Mark::Attempt { spec, stage, class, held, why }
    })
}

fn read_trace(rest: &str) -> Option<Trace> {
    let mut fields = rest.split(' ').filter(|f| !f.is_empty());
    let spec = SpecName::new(fields.next()?).ok()?;
    let stages = fields.next()?.split(',').map(|s| StageName::new(s).ok()).collect::<Option<Vec<_>>>()?;
    let mut trace = Trace {
        spec,
        stages,
        how: How::Ran,
        at: None,
        from: None,
        change: None,
        result: None,
        ingredients: BTreeMap::new(),
    };
    let mut how = None;
    for (name, value) in fields.filter_map(|field| field.split_once('=')) {
        match name {
            "how" => how = How::ALL.into_iter().find(|how| how.word() == value),
            "at" => trace.at = value.parse().ok(),
            "from" => trace.from = value.parse().ok(),
            "hands" => trace.change = value.parse().ok(),
            "result" => trace.result = value.parse().ok(),
            _ => {
                if let Some((key, stamps)) = read_ingredient(name, value) {
                    trace.ingredients.insert(key, stamps);
                }
            }
        }
    }
    trace.how = how?;
    Some(trace)
}

fn read_ingredient(name: &str, value: &str) -> Option<(Key, Stamps)> {
    let (kind, name) = name.split_once(':').unwrap_or((name, ""));
    let kind = Kind::ALL.into_iter().find(|k| k.word() == kind)?;
    let (seen, left) = match value.split_once('/') {
        Some((seen, left)) => (seen.parse().ok()?, Some(left.parse::<Stamp>().ok()?)),
        None => (value.parse().ok()?, None),
    };
    Some((Key::new(kind, decode(name)), Stamps { seen, left }))
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c <= ' ' || matches!(c, '%' | '=' | ',' | '\u{7f}') || c.is_whitespace() || c.is_control() {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = SpecName> {
        "[A-Za-z0-9][A-Za-z0-9_-]{0,12}".prop_map(|s| SpecName::new(&s).unwrap())
    }

    fn stage() -> impl Strategy<Value = StageName> {
        "[a-z][a-z0-9]{0,8}".prop_map(|s| StageName::new(&s).unwrap())
    }

    fn stamp() -> impl Strategy<Value = Stamp> {
        any::<[u8; 16]>().prop_map(Stamp::from_bytes)
    }

    fn trace() -> impl Strategy<Value = Mark> {
        let key = (0..Kind::ALL.len(), ".{0,20}").prop_map(|(k, n)| Key::new(Kind::ALL[k], n));
        let stamps = (stamp(), proptest::option::of(stamp())).prop_map(|(seen, left)| Stamps { seen, left });
        (
            name(),
            proptest::collection::vec(stage(), 1..4),
            0..How::ALL.len(),
            proptest::option::of(stamp()),
            proptest::option::of(stamp()),
            proptest::collection::btree_map(key, stamps, 0..5),
        )
            .prop_map(|(spec, stages, how, change, result, ingredients)| {
                let at = "ab".repeat(20).parse().ok();
                Mark::Trace(Trace {
                    spec,
                    stages,
                    how: How::ALL[how],
                    at,
                    from: at,
                    change,
                    result,
                    ingredients,
                })
            })
    }

    fn mark() -> impl Strategy<Value = Mark> {
        prop_oneof![
            trace(),
            (name(), stage(), ".{0,20}").prop_map(|(spec, stage, why)| Mark::Void { spec, stage, why }),
            (
                name(),
                stage(),
                proptest::option::of(0..FailureClass::ALL.len()),
                proptest::option::of(stamp()),
                ".{0,20}"
            )
                .prop_map(|(spec, stage, class, held, why)| Mark::Attempt {
                    spec,
                    stage,
                    class: class.map(|c| FailureClass::ALL[c]),
                    held,
                    why
                }),
        ]
    }

    proptest! {
        #[test]
        fn a_mark_survives_its_own_text(marks in proptest::collection::vec(mark(), 0..4), prose in "[^S]{0,30}") {
            let lines: Vec<String> = marks.iter().map(write).collect();
            let message = format!("{prose}\n\n{}\r\n* more prose\n", lines.join("\n"));
            prop_assert_eq!(read(&message), marks);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "(Specmake-(Trace|Void|Attempt): v1 .{0,60}\n?){0,3}") {
            let _ = read(&text);
            let _ = reverts(&text);
        }
    }

    #[test]
    fn another_version_is_passed_over() {
        assert_eq!(read("Specmake-Trace: v2 a b how=ran"), []);
        assert_eq!(read(" Specmake-Trace: v1 a b how=ran"), []);
    }

    #[test]
    fn git_says_what_it_reverts() {
        let oid = "0123456789abcdef0123456789abcdef01234567";
        let message =
            format!("Revert \"x\"\n\nThis reverts commit {oid}, reversing\nchanges made to {oid}.\n");
        assert_eq!(reverts(&message), [oid.parse().unwrap()]);
    }
}
