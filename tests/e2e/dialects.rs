//! What agents say of themselves, in the words and with the exit codes of real ones.
use crate::world::{ONE, World};
use rustix::process::Signal;

/// A script that prints these lines and ends so.
fn prints(lines: &str, end: &str) -> String {
    format!("cat <<'LINES'\n{lines}\nLINES\n{end}")
}

/// The scripted agent as one that speaks `dialect`.
fn speaking(dialect: &str, more: &str) -> String {
    format!("agent \"{dialect}\" uses=\"script\" dialect=\"{dialect}\" {more}\n")
}

const FAIL: &str = "stage \"build\" { on-failure { fail } }";

/// A run of one spec whose agent prints these lines, does its work or not, and ends with 0 or not.
#[track_caller]
fn ends(dialect: &str, lines: &str, end: &str, expect: Option<&str>) {
    let world =
        World::with(&format!("{}{ONE}\n{FAIL}\nspec \"a\" \"A\" agent=\"{dialect}\"", speaking(dialect, "")));
    world.script("a/build", &prints(lines, &format!("play build\n{end}")));
    let outcome = world.run([]);
    match expect {
        None => drop(outcome.exits(0)),
        Some(words) => drop(outcome.exits(1).said(words)),
    }
}

#[test]
fn what_it_says_counts_beside_its_exit_code() {
    let refused = r#"{"type":"agent_end","messages":[{"role":"assistant","content":[],"stopReason":"error","errorMessage":"401: invalid api key"}],"willRetry":false}"#;
    ends("pi", refused, "exit 0", Some("401: invalid api key (limit)"));
    let cut = r#"{"type":"step_finish","sessionID":"s","part":{"reason":"length","tokens":{"input":1,"output":8192}}}"#;
    ends("opencode", cut, "exit 0", Some("its answer was cut off (output limit)"));
    let begun = r#"{"type":"init","session_id":"s"}"#;
    ends("gemini", begun, "exit 0", Some("it ended without saying that it is done"));
    let done = r#"{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}"#;
    ends("codex", done, "exit 7", Some("exit status 7"));
    ends("codex", done, "exit 0", None);
}

#[test]
fn a_tool_that_failed_and_a_retry_that_helped_are_no_failure() {
    let lines = r#"{"type":"system","subtype":"init","session_id":"s"}
{"type":"system","subtype":"api_retry","retry_delay_ms":5,"error_status":429,"error":"rate_limit"}
{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"Bash","input":{"command":"false"}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"Error: 429"}]}}
{"type":"result","subtype":"success","is_error":false,"stop_reason":"end_turn","result":"done"}"#;
    ends("claude", lines, "exit 0", None);
}

#[test]
fn the_end_of_a_line_is_read_however_long_it_is() {
    let before =
        r#"printf '{"type":"result","subtype":"success","result":"'; head -c 3000000 /dev/zero | tr '\0' x"#;
    let after = r#"printf '","is_error":false,"stop_reason":"end_turn"}\n'"#;
    ends("claude", "", &format!("{before}; {after}"), None);
}

/// Spec `a` is refused so by an agent of its own pool; `b` draws on another one, `c` on the same.
#[track_caller]
fn refused(dialect: &str, lines: &str, end: &str, words: &str) {
    let agents = speaking(dialect, "pool=\"mine\"") + "agent \"other\" uses=\"script\" pool=\"other\"\n";
    let specs = format!(
        "spec \"a\" \"A\" agent=\"{dialect}\"\nspec \"b\" \"B\" agent=\"other\"\nspec \"c\" \"C\" agent=\"{dialect}\""
    );
    let world = World::with(&format!("{agents}pool \"mine\"\npool \"other\"\n{ONE}\n{specs}"));
    world.script("a/build", &prints(lines, end)).script("b/build", "play build\nflag b");
    let mut run = world.start(["-j1"]);
    run.until_said("met a limit");
    run.until_flag("b");
    run.until_said("landed");
    run.signal(Signal::INT);
    let outcome = run.wait();
    outcome.exits(130).calls(["a:build", "b:build"]).said(words);
    assert!(world.has("out/b.txt"), "{outcome}");
}

#[test]
fn a_refusal_pauses_the_pool_of_its_agent_alone() {
    let claude = r#"{"type":"system","subtype":"init","session_id":"s"}
{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"You've hit your session limit · resets 3pm","terminal_reason":"api_error"}"#;
    refused("claude", claude, "exit 1", "You've hit your session limit");
    let codex = r#"{"type":"thread.started","thread_id":"t"}
{"type":"error","message":"Reconnecting... 1/1 (exceeded retry limit, last status: 429 Too Many Requests)"}
{"type":"error","message":"exceeded retry limit, last status: 429 Too Many Requests"}
{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429 Too Many Requests"}}"#;
    refused("codex", codex, "exit 1", "429 Too Many Requests");
    let opencode = r#"{"type":"error","sessionID":"ses_1","error":{"name":"APIError","data":{"message":"rate limit reached for requests","statusCode":429,"isRetryable":true,"responseHeaders":{"retry-after":"3600"}}}}"#;
    refused("opencode", opencode, "exit 1", "rate limit reached for requests");
    let pi = r#"{"type":"session","id":"p"}
{"type":"agent_end","messages":[{"role":"assistant","content":[],"stopReason":"error","errorMessage":"429: {\"message\":\"rate limit reached\"}"}],"willRetry":false}
{"type":"agent_settled"}"#;
    refused("pi", pi, "exit 0", "rate limit reached");
}

#[test]
fn what_a_limit_cut_off_goes_on_in_its_session() {
    let world = World::new();
    let program = world.top().join("agent.sh").display().to_string();
    let agent = format!(
        "agent \"claude\" {{ command {program:?}; resume {program:?} \"again\" \"{{session}}\"; dialect \"claude\" }}"
    );
    let ladder = "stage \"build\" { on-failure { resume 1; fail } }";
    world.specfile(&format!("{agent}\n{ONE}\n{ladder}\nspec \"a\" \"A\" agent=\"claude\""));
    world.commit("Specfile");
    let begun = r#"{"type":"system","subtype":"init","session_id":"s-1"}"#;
    let refused = |words: &str| {
        format!(
            r#"{{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"{words}"}}"#
        )
    };
    let (short, long) =
        (refused("rate limit, retry-after: 200ms"), refused("rate limit, come back later, retry-after: 1h"));
    let done = r#"{"type":"result","subtype":"success","is_error":false,"result":"Done."}"#;
    world.script(
        "a/build",
        &format!(
            "note ${{ARGS:-none}}\necho '{begun}'\n\
             if test ! -e $W/flags/one; then flag one; echo '{short}'; exit 1; fi\n\
             if test ! -e $W/flags/two; then flag two; echo '{long}'; exit 1; fi\n\
             play build\necho '{done}'"
        ),
    );
    let mut run = world.start(["--yes"]);
    run.until_said("come back later");
    run.signal(Signal::INT);
    run.wait().exits(130);
    world.run(["--yes"]).exits(0);
    assert_eq!(world.notes(), ["none", "again s-1", "again s-1"]);
}

#[test]
fn a_session_that_is_gone_is_known_by_what_agents_say_of_it() {
    let claude = r#"No conversation found with session ID: s-1
{"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":0,"session_id":"s-1","total_cost_usd":0,"usage":{"input_tokens":0,"output_tokens":0},"errors":["No conversation found with session ID: s-1"]}"#;
    let codex =
        "Error: thread/resume: thread/resume failed: no rollout found for thread id s-1 (code -32600)";
    let pi = "No session found matching 's-1'";
    let opencode = "Error: Session not found";
    let begins = [
        ("claude", r#"{"type":"system","subtype":"init","session_id":"s-1"}"#, claude),
        ("codex", r#"{"type":"thread.started","thread_id":"s-1"}"#, codex),
        ("pi", r#"{"type":"session","id":"s-1"}"#, pi),
        ("opencode", r#"{"type":"step_start","sessionID":"s-1","part":{}}"#, opencode),
    ];
    let world = World::new();
    let program = world.top().join("agent.sh").display().to_string();
    let agent = |(dialect, ..): &(&str, &str, &str)| {
        format!(
            "agent \"{dialect}\" {{ command {program:?}; resume {program:?} \"again\" \"{{session}}\"; dialect \"{dialect}\" }}\n\
             spec \"{dialect}\" \"A\" agent=\"{dialect}\"\n"
        )
    };
    let text: String = begins.iter().map(agent).collect();
    world.specfile(&format!("{text}{ONE}\nstage \"build\" {{ on-failure {{ resume 1; fail }} }}"));
    world.commit("Specfile");
    for (dialect, begun, gone) in begins {
        let first = prints(begun, "if [ \"$N\" = 1 ]; then exit 3; fi\nplay build\nexit 3");
        let gone = prints(gone, "exit 1");
        let script = format!("note $S $N ${{ARGS:-none}}\nif [ -n \"$ARGS\" ]; then\n{gone}\nfi\n{first}");
        world.script(&format!("{dialect}/build"), &script);
    }
    world.run(["--yes", "-j1"]).exits(1);
    let mut notes = world.notes();
    notes.sort();
    let expect = ["claude", "codex", "opencode", "pi"]
        .map(|who| [format!("{who} 1 none"), format!("{who} 2 again s-1"), format!("{who} 2 none")])
        .concat();
    assert_eq!(notes, expect);
}

#[test]
fn what_a_session_used_in_an_earlier_attempt_is_counted_once() {
    let world = World::new();
    let program = world.top().join("agent.sh").display().to_string();
    world.specfile(&format!(
        "agent \"codex\" {{ command {program:?}; resume {program:?} \"again\" \"{{session}}\"; dialect \"codex\" }}\n\
         {ONE}\nstage \"build\" {{ on-failure {{ resume 1; fail }} }}\nspec \"a\" \"A\" agent=\"codex\""
    ));
    world.commit("Specfile");
    let turn = |input: u32, output: u32| {
        format!(
            "{{\"type\":\"thread.started\",\"thread_id\":\"t-1\"}}\n\
             {{\"type\":\"turn.completed\",\"usage\":{{\"input_tokens\":{input},\"output_tokens\":{output}}}}}"
        )
    };
    let (first, second) = (prints(&turn(1200, 45), "exit 0"), prints(&turn(1700, 50), "play build"));
    world.script("a/build", &format!("if [ -z \"$ARGS\" ]; then\n{first}\nfi\n{second}"));
    world.run(["--yes"]).exits(0);
    let cost = world.run(["cost", "--format", "json"]);
    let cost: serde_json::Value = serde_json::from_str(&cost.exits(0).stdout).unwrap();
    let text = cost.to_string();
    assert!(text.contains("1700") && !text.contains("2900"), "{text}");
}

#[test]
fn prose_about_limits_pauses_nobody_in_any_dialect() {
    const PROSE: &str = "We must respect the rate limit. Error: 429 too many requests, resets 3pm";
    let said = [
        ("claude", r#"{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"PROSE"}]}}"#),
        ("codex", r#"{"type":"item.completed","item":{"type":"agent_message","text":"PROSE"}}"#),
        ("opencode", r#"{"type":"text","sessionID":"s","part":{"text":"PROSE"}}"#),
        (
            "pi",
            r#"{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"PROSE"}]}}"#,
        ),
        ("gemini", r#"{"type":"message","role":"assistant","content":"PROSE"}"#),
        ("copilot", r#"{"type":"assistant.message","data":{"content":"PROSE"}}"#),
        ("kimi", r#"{"role":"assistant","content":"PROSE"}"#),
        (
            "cline",
            r#"{"type":"agent_event","event":{"type":"content_end","contentType":"text","text":"PROSE"}}"#,
        ),
        ("vibe", r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"PROSE"}]}"#),
        ("text", "PROSE"),
    ];
    let agents: String = said.iter().map(|(dialect, _)| speaking(dialect, "")).collect();
    let spec = |dialect: &&str| format!("spec \"{dialect}\" \"A\" agent=\"{dialect}\"\n");
    let specs: String = said.iter().map(|(dialect, _)| spec(dialect)).collect();
    let world = World::with(&format!("{agents}{ONE}\n{FAIL}\n{specs}"));
    for (dialect, line) in said {
        world.script(&format!("{dialect}/build"), &prints(&line.replace("PROSE", PROSE), "exit 1"));
    }
    let outcome = world.run([]);
    outcome.exits(1).unsaid("met a limit").unsaid("(limit)");
    assert_eq!(outcome.calls.len(), said.len(), "{outcome}");
}
