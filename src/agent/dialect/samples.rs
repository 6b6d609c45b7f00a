//! What real agents printed, and what it says; and that no cut, loss or garbage in it makes a success of a failure,
//! loses an end or stops the reader. The outputs are recorded ones, their paths, times and long texts made plain.
use super::{EndReason, Said, named};
use crate::event::{ToolUse, Usage};
use crate::model::DIALECTS;
use proptest::prelude::*;
use proptest::sample::{Index, select};

macro_rules! samples {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("samples/", $name, ".jsonl")))),*] };
}

/// Outputs of runs that went well, and what their last line says.
const GOOD: [(&str, &str); 9] =
    samples!["claude" "qwen" "codex" "opencode" "pi" "gemini" "copilot" "kimi" "cline"];

/// Outputs of a refused key and of a rate limit, as far as they were printed.
const BAD: [(&str, &str); 18] = samples![
    "claude-401" "claude-429" "qwen-401" "qwen-429" "codex-401" "codex-429" "opencode-401" "opencode-429" "pi-401"
    "pi-429" "gemini-401" "gemini-429" "copilot-401" "copilot-429" "kimi-401" "kimi-429" "vibe-401" "vibe-429"
];

const VIBE: [(&str, &str); 1] = samples!["vibe"];

/// The dialect that a sample of this name is in.
fn dialect(name: &str) -> &str {
    match name.split('-').next().unwrap_or(name) {
        "qwen" => "claude",
        name => name,
    }
}

fn read(name: &str, lines: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Said> {
    let mut dialect = named(dialect(name));
    let mut said: Vec<Said> = lines.into_iter().flat_map(|line| dialect.read(line.as_ref())).collect();
    said.extend(dialect.end());
    said
}

/// One line for each thing that was said.
fn told(said: &[Said]) -> String {
    let line = |said: &Said| match said {
        Said::Started { session } => format!("started {}", session.as_deref().unwrap_or("-")),
        Said::Text(text) => format!("text {text}"),
        Said::Aside(text) => format!("aside {text}"),
        Said::Tool(ToolUse { id, kind, title, paths, status }) => {
            format!("tool {id} {} {status:?}: {title} {paths:?}", kind.name())
        }
        Said::Plan { done, total } => format!("plan {done}/{total}"),
        Said::Usage(Usage { input, output, cache_read, cache_write, cost }) => {
            format!("usage in {input} out {output} cache {cache_read}/{cache_write} cost {cost:?}")
        }
        Said::Retrying { why, millis } => format!("retrying {millis:?} {why}"),
        Said::Ended(reason) => format!("ended {reason:?}"),
    };
    said.iter().map(|said| line(said) + "\n").collect()
}

fn ends(said: &[Said]) -> Vec<&EndReason> {
    said.iter().filter_map(|said| if let Said::Ended(reason) = said { Some(reason) } else { None }).collect()
}

#[test]
fn every_sample_says_what_it_says() {
    for (name, output) in GOOD.iter().chain(&BAD).chain(&VIBE) {
        insta::assert_snapshot!(*name, told(&read(name, output.lines())));
    }
}

#[test]
fn runs_that_went_well_end_so_and_others_do_not() {
    for (name, output) in GOOD {
        let said = read(name, output.lines());
        assert_eq!(ends(&said), [&EndReason::Finished], "{name}");
    }
    for (name, output) in BAD {
        let said = read(name, output.lines());
        assert!(!ends(&said).contains(&&EndReason::Finished), "{name}");
    }
}

/// The same run was scripted for all: three calls, 3800 tokens in of which 1000 were cached, 107 out.
#[test]
fn sums_are_those_of_the_raw_output() {
    for (name, input, cost) in [
        ("claude", 3800, Some(0.013_305)),
        ("qwen", 2800, None),
        ("codex", 2800, None),
        ("opencode", 2800, Some(0.010_305)),
        ("pi", 2800, Some(0.010_305)),
        ("gemini", 2800, None),
        ("cline", 2800, Some(0.0)),
    ] {
        let (_, output) = GOOD.iter().find(|(known, _)| *known == name).expect("a sample");
        let sum = |said: &[Said]| {
            let used =
                said.iter().filter_map(|said| if let Said::Usage(used) = said { Some(*used) } else { None });
            used.fold(Usage::default(), Usage::plus)
        };
        let lines: Vec<&str> = output.lines().collect();
        let all = sum(&read(name, &lines));
        assert_eq!((all.input, all.output, all.cache_read, all.cache_write), (input, 107, 1000, 0), "{name}");
        let (known, told) = (all.cost.unwrap_or_default(), cost.unwrap_or_default());
        assert!(
            all.cost.is_some() == cost.is_some() && (known - told).abs() < 1e-9,
            "{name}: {:?}",
            all.cost
        );
        // What was used is known of one that is cut off, too, where it is told before the end.
        let cut = sum(&read(name, &lines[..lines.len() - 1]));
        assert!(cut.input <= all.input && cut.output <= all.output, "{name}");
        assert!(matches!(name, "codex" | "gemini") || cut.input > 0, "{name}");
    }
}

/// Seen of codex 0.169.0 and claude-code 2.1.328: the one tells the tokens of the whole session again, the other its
/// whole cost.
#[test]
fn what_a_session_used_before_is_not_told_again() {
    let check = |name: &str, before: Usage, line: &str, expect: &str| {
        let mut dialect = named(name);
        dialect.resumes(before);
        assert_eq!(told(&dialect.read(line)), format!("{expect}\nended Finished\n"), "{name}");
    };
    let before = Usage { input: 200, output: 45, cache_read: 1000, cache_write: 0, cost: Some(0.004_575) };
    let codex = r#"{"type":"turn.completed","usage":{"input_tokens":1700,"cached_input_tokens":1100,"output_tokens":50}}"#;
    check("codex", before, codex, "usage in 400 out 5 cache 100/0 cost None");
    let anew = r#"{"type":"turn.completed","usage":{"input_tokens":500,"cached_input_tokens":100,"output_tokens":5}}"#;
    check("codex", before, anew, "usage in 400 out 5 cache 100/0 cost None");
    let claude = r#"{"type":"result","subtype":"success","is_error":false,"total_cost_usd":0.005075,"usage":{"input_tokens":500,"output_tokens":5}}"#;
    let line = told(&read("claude", [claude]));
    assert!(line.starts_with("usage in 500 out 5 cache 0/0 cost Some(0.005075)"), "{line}");
    let mut dialect = named("claude");
    dialect.resumes(before);
    let said = dialect.read(claude);
    let Some(Said::Usage(used)) = said.first() else { panic!("{said:?}") };
    assert!((used.cost.unwrap_or_default() - 0.0005).abs() < 1e-9 && used.input == 500, "{used:?}");
}

#[test]
fn every_dialect_has_a_reader() {
    for name in DIALECTS {
        let said = named(name).read("plain words");
        let words = "plain words".to_owned();
        assert!(said == [Said::Text(words.clone())] || said == [Said::Aside(words)], "{name}: {said:?}");
    }
}

#[test]
fn lines_that_say_it_in_other_ways() {
    let check = |name: &str, line: &str, expect: &str| {
        assert_eq!(told(&read(name, line.lines())).trim_end(), expect, "{line}");
    };
    let claude = r#"{"type":"result","subtype":"success","is_error":true,"result":"You've hit your limit · resets 3pm","api_error_status":429}"#;
    check("claude", claude, r#"ended Failed("You've hit your limit · resets 3pm (status 429)")"#);
    let aborted =
        r#"{"type":"result","subtype":"success","is_error":true,"terminal_reason":"aborted_tools"}"#;
    check("claude", aborted, "ended Stopped");
    let budget = r#"{"type":"result","subtype":"error_max_budget_usd","is_error":true,"terminal_reason":"budget_exhausted"}"#;
    check("claude", budget, r#"ended Failed("budget_exhausted")"#);
    let cut = r#"{"type":"result","subtype":"success","is_error":false,"stop_reason":"max_tokens"}"#;
    check("claude", cut, "ended Cut");
    let gone = r#"{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["No conversation found with session ID: 1"]}"#;
    check("claude", gone, r#"ended Failed("No conversation found with session ID: 1")"#);
    let todo = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"TodoWrite","input":{"todos":[{"content":"a","status":"completed"},{"content":"b","status":"pending"}]}}]}}"#;
    check("claude", todo, "tool t think Running: TodoWrite []\nplan 1/2");
    let codex = r#"{"type":"turn.failed","error":{"message":"Incomplete response returned, reason: max_output_tokens"}}"#;
    check("codex", codex, "ended Cut");
    let change = r#"{"type":"item.completed","item":{"id":"i","type":"file_change","changes":[{"path":"/w/a","kind":"delete"}],"status":"failed"}}"#;
    check("codex", change, r#"tool i delete Failed: /w/a ["/w/a"]"#);
    let opencode = r#"{"type":"step_finish","part":{"reason":"length","tokens":{"total":23,"input":2,"output":3,"reasoning":8,"cache":{"write":4,"read":6}},"cost":0}}"#;
    check("opencode", opencode, "usage in 2 out 11 cache 6/4 cost Some(0.0)\nended Cut");
    let pi = r#"{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"length"}}
{"type":"agent_end","messages":[]}"#;
    check("pi", pi, "ended Cut");
    let retry = r#"{"type":"agent_end","messages":[{"role":"assistant","stopReason":"error","errorMessage":"429"}],"willRetry":true}
{"type":"auto_retry_start","attempt":1,"delayMs":2000,"errorMessage":"429: slow"}"#;
    check("pi", retry, "retrying Some(2000) 429: slow");
    let cline = r#"{"type":"run_result","finishReason":"error","text":"no key"}"#;
    check("cline", cline, r#"ended Failed("no key")"#);
}

#[derive(Debug, Clone)]
enum Hurt {
    Drop(Index),
    Double(Index),
    Swap(Index, Index),
    Flip(Index, Index, u8),
    Tear(Index, Index),
    Insert(Index, String),
}

/// What has no business in any stream.
const ODD: &[&str] = &[
    "",
    "{",
    "}",
    "null",
    "[]",
    "{}",
    "All done!",
    "Error: warning: exit 0",
    "{\"type\":\"result\"}",
    "{\"type\":\"result\",\"status\":",
    "{\"type\":5,\"part\":[],\"data\":\"x\",\"message\":{\"content\":{}},\"item\":7,\"event\":null}",
    "{\"type\":\"tool_use\",\"part\":{\"state\":{\"input\":{\"todos\":[1,null,{\"status\":3}]}}}}",
    "\u{fffd}\u{0}\u{1b}[2J",
];

fn hurt() -> impl Strategy<Value = Hurt> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Hurt::Drop),
        at().prop_map(Hurt::Double),
        (at(), at()).prop_map(|(a, b)| Hurt::Swap(a, b)),
        (at(), at(), any::<u8>()).prop_map(|(line, byte, with)| Hurt::Flip(line, byte, with)),
        (at(), at()).prop_map(|(line, byte)| Hurt::Tear(line, byte)),
        (at(), select(ODD)).prop_map(|(at, odd)| Hurt::Insert(at, odd.to_owned())),
        (at(), "[ -~]{0,30}").prop_map(|(at, odd)| Hurt::Insert(at, odd)),
    ]
}

fn hurt_by(lines: &mut Vec<String>, hurts: Vec<Hurt>) {
    for hurt in hurts {
        let line = |at: Index, lines: &Vec<String>| at.index(lines.len());
        match hurt {
            Hurt::Insert(at, odd) => lines.insert(at.index(lines.len() + 1), odd),
            _ if lines.is_empty() => {}
            Hurt::Drop(at) => drop(lines.remove(line(at, lines))),
            Hurt::Double(at) => lines.push(lines[line(at, lines)].clone()),
            Hurt::Swap(a, b) => {
                let (a, b) = (line(a, lines), line(b, lines));
                lines.swap(a, b);
            }
            Hurt::Flip(at, byte, with) => {
                let at = line(at, lines);
                let mut bytes = lines[at].clone().into_bytes();
                if !bytes.is_empty() {
                    let byte = byte.index(bytes.len());
                    bytes[byte] ^= with;
                }
                lines[at] = String::from_utf8_lossy(&bytes).into_owned();
            }
            Hurt::Tear(at, byte) => {
                let at = line(at, lines);
                let cut = lines[at].floor_char_boundary(byte.index(lines[at].len() + 1));
                let rest = lines[at].split_off(cut);
                lines.insert(at + 1, rest);
            }
        }
    }
}

/// Where the line of a good run stands that tells its end.
fn end_of(name: &str, lines: &[String]) -> usize {
    match name {
        "pi" => lines.len() - 2,
        _ => lines.len() - 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn no_end_is_lost_and_none_is_made_up(
        good in select(&GOOD[..]),
        bad in select(&BAD[..]),
        hurts in prop::collection::vec(hurt(), 0..6),
        cut in any::<Index>(),
        at in any::<Index>(),
    ) {
        let (name, output) = good;
        let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
        let end = end_of(name, &lines);
        let end_line = lines[end].clone();
        lines.truncate(end);
        lines.truncate(cut.index(lines.len() + 1));
        hurt_by(&mut lines, hurts.clone());
        // Cut off before its end, within the line that tells it at the latest.
        let torn = end_line[..end_line.floor_char_boundary(at.index(end_line.len()))].to_owned();
        let mut dialect = named(dialect(name));
        let said: Vec<Said> = lines.iter().chain([&torn]).flat_map(|line| dialect.read(line)).collect();
        prop_assert!(!ends(&said).contains(&&EndReason::Finished), "{name}: {}", told(&said));
        // With the line that tells it.
        let said = dialect.read(&end_line);
        prop_assert!(ends(&said) == [&EndReason::Finished], "{name}: {}", told(&said));

        let (name, output) = bad;
        let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
        hurt_by(&mut lines, hurts);
        let said = read(name, &lines);
        prop_assert!(!ends(&said).contains(&&EndReason::Finished), "{name}: {}", told(&said));
    }
}
