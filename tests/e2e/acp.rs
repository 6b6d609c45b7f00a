//! Agents that are talked with: a scripted one, whose script does with the conversation what a test wants.
use crate::world::World;
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

/// The agent's side of the protocol. `hear` reads a line into `$line`, `ask KIND PATH` asks for permission, `say`
/// and `tool` tell, `ends REASON` answers the prompt; a script that only comes to its end has ended its turn.
const AGENT: &str = r#"#!/bin/sh
call="$SPECMAKE_SPEC:$SPECMAKE_STAGE"
F=$SPECIFY_FEATURE_DIRECTORY S=$SPECMAKE_SPEC N=$SPECMAKE_ATTEMPT PATH=$W/bin:$PATH
export F S N PATH
echo "$call" >> "$W/calls"
hear() {
    IFS= read -r line || { note "$call: input ended"; exit 9; }
    printf '%s\n' "$line" >> "$W/heard"
}
update() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":%s}}\n' "$1"; }
say() { update "{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"$1\"}}"; }
tool() { update "{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"$1\",\"kind\":\"$2\",\"title\":\"$3\",\"status\":\"$4\"}"; }
ask() {
    printf '{"method":"session/request_permission","id":0,"params":{"toolCall":{"toolCallId":"%s","kind":"%s","title":"%s","locations":[{"path":"%s"}]},"options":[{"optionId":"yes","kind":"allow_once"},{"optionId":"no","kind":"reject_once"}]}}\n' "$1$2" "$1" "$1 $2" "$2"
    hear
    case $line in *'"yes"'*) return 0 ;; *) return 1 ;; esac
}
ends() {
    printf '{"id":%s,"result":{"stopReason":"%s","usage":{"inputTokens":200,"outputTokens":45,"totalTokens":1245,"cachedReadTokens":1000}}}\n' $id "$1"
    while IFS= read -r line; do :; done
    exit 0
}
hear
printf '{"result":{"protocolVersion":%s,"agentCapabilities":{"loadSession":true}},"id":1}\n' "${VERSION:-1}"
hear
id=2
case $line in
*session/load*)
    say "said before"
    if [ -e "$W/flags/gone" ]; then
        printf '{"id":2,"error":{"code":-32002,"message":"there is no such session"}}\n'
        hear
        id=3
        printf '{"id":3,"result":{"sessionId":"new"}}\n'
    else
        printf '{"id":2,"result":null}\n'
    fi ;;
*) printf '{"id":2,"result":{"sessionId":"first"}}\n' ;;
esac
hear
id=$((id + 1))
echo "npm warn: noise that is no JSON" >&2
for of in "$S" any default; do
    script="$W/script/$of/$SPECMAKE_STAGE.sh"
    if [ -e "$script" ]; then . "$script"; break; fi
done
ends end_turn
"#;

/// A world whose agent is talked with, and of one stage.
fn world(rest: &str) -> World {
    let world = World::new();
    let agent = world.top().join("acp.sh");
    fs::write(&agent, AGENT).unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let specfile = format!(
        "agent \"talker\" {{ acp {agent:?} }}\nproject {{ pipeline \"one\" }}\n\
         pipeline \"one\" {{ stage \"build\" {{ prompt \"Build {{spec}}.\"; output \"out/{{spec}}.txt\"; \
         on-failure {{ resume 1; hold }} }} }}\nspec \"a\" \"A\"\n{rest}\n"
    );
    world.file("Specfile", &specfile);
    world.commit("Specfile");
    world
}

/// What the agent heard, message by message.
fn heard(world: &World) -> Vec<Value> {
    let text = fs::read_to_string(world.top().join("heard")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn methods(world: &World) -> Vec<String> {
    let all = heard(world);
    all.iter().filter_map(|message| message["method"].as_str().map(ToOwned::to_owned)).collect()
}

/// The events of a run of that name.
fn events(outcome: &crate::outcome::Outcome, name: &str) -> Vec<Value> {
    let all = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| event["event"] == name).collect()
}

#[test]
fn a_spec_is_built_by_talking() {
    let world = world("");
    world.script(
        "a/build",
        "say 'On my way.'\\\\nHalf\ntool 1 execute 'make it' in_progress\nplay build\n\
         tool 1 execute 'make it' completed\nsay 'Done.'",
    );
    let outcome = world.run(["--format", "json"]);
    outcome.exits(0).calls(["a:build"]);
    assert_eq!(world.read("out/a.txt"), "a\n");
    assert_eq!(methods(&world), ["initialize", "session/new", "session/prompt"]);
    let worktree = world.worktree("a").to_str().unwrap().to_owned();
    assert_eq!(heard(&world)[1]["params"]["cwd"], worktree);
    let prompt = heard(&world)[2]["params"]["prompt"][0]["text"].as_str().unwrap().to_owned();
    assert!(prompt.contains("Build a."), "{prompt}");
    assert_eq!(events(&outcome, "session-started")[0]["session"], "first");
    let tools: Vec<Value> = events(&outcome, "tool").iter().map(|e| e["tool"]["status"].clone()).collect();
    assert_eq!(tools, ["running", "done"]);
    let usage = &events(&outcome, "usage")[0]["usage"];
    assert_eq!((&usage["input"], &usage["cache_read"]), (&Value::from(200), &Value::from(1000)));
    let said: Vec<Value> = events(&outcome, "output").iter().map(|e| e["line"].clone()).collect();
    assert!(
        said.contains(&"Done.".into()) && said.contains(&"npm warn: noise that is no JSON".into()),
        "{said:?}"
    );
    world.again().calls([]);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn what_is_asked_is_decided_by_the_rules_and_told() {
    let world = world("");
    world.edit(
        "Specfile",
        "project { pipeline",
        "project { permissions { deny \"fetch\"; deny \"edit\" \"docs/**\"; ask \"delete\" }; pipeline",
    );
    world.commit("rules");
    world.script(
        "a/build",
        "for of in \"edit out/a.txt\" \"edit $PWD/out/../docs/x\" \"read /etc/passwd\" \"read ../elsewhere\" \
         \"read file:///etc/passwd\" \"delete out/b.txt\" \"fetch out\" \"read out-link/x\"; do\n\
         ln -sf / out-link\nif ask ${of% *} ${of#* }; then note yes $of; else note no ${of#* }; fi\nrm out-link\ndone\nplay build",
    );
    let outcome = world.run(["--format", "json"]);
    outcome.exits(0);
    let docs = format!("no {}/out/../docs/x", world.worktree("a").display());
    let expect = ["yes edit out/a.txt", &docs, "no /etc/passwd", "no ../elsewhere", "no file:///etc/passwd"];
    assert_eq!(world.notes(), [&expect[..], &["no out/b.txt", "no out", "no out-link/x"]].concat());
    let decided = events(&outcome, "permission");
    let why: Vec<(bool, &str)> =
        decided.iter().map(|e| (e["allowed"].as_bool().unwrap(), e["why"].as_str().unwrap())).collect();
    assert_eq!(why[0], (true, "inside the worktree"));
    assert_eq!(why[2], (false, "`/etc/passwd` is outside the worktree"));
    assert_eq!(why[5], (false, "ask \"delete\", for `out/b.txt`, and nobody is here to answer"));
    assert_eq!(why[6], (false, "deny \"fetch\", for `out`"));
    assert_eq!((why.len(), decided[0]["tool"]["kind"].as_str()), (8, Some("edit")));
}

#[test]
fn a_session_is_gone_on_with() {
    let world = world("");
    world.script("a/build", "[ $N = 2 ] || ends max_tokens\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build"]).unsaid("said before");
    let greeting =
        ["initialize", "session/new", "session/prompt", "initialize", "session/load", "session/prompt"];
    assert_eq!(methods(&world), greeting);
    let last = heard(&world);
    assert_eq!(last[4]["params"]["sessionId"], "first");
    assert_eq!(last[5]["params"]["sessionId"], "first");
}

#[test]
fn a_session_that_is_gone_is_begun_anew_with_all_that_is_to_know() {
    let world = world("");
    world.flag("gone");
    world.script("a/build", "[ $N = 2 ] || ends max_tokens\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build"]);
    let last = heard(&world);
    assert_eq!(methods(&world)[3..], ["initialize", "session/load", "session/new", "session/prompt"]);
    let prompt = |at: usize| last[at]["params"]["prompt"][0]["text"].as_str().unwrap();
    assert_eq!(last[6]["params"]["sessionId"], "new");
    assert!(prompt(6).contains("Build a."), "{}", prompt(6));
    let kept = world.git(&["log", "--format=%H", "-1"]);
    assert!(!kept.is_empty());
    let logs = world.repo().join(".specmake/logs");
    let run = fs::read_dir(&logs).unwrap().next().unwrap().unwrap().path();
    let file = run.join("a/build.2.prompt.md");
    assert_eq!(fs::read_to_string(&file).unwrap_or_else(|e| panic!("{file:?}: {e}")), prompt(6));
}

#[test]
fn an_interrupt_cancels_the_turn() {
    let world = world("");
    world.script(
        "a/build",
        "flag started\nhear\ncase $line in *session/cancel*) note cancelled; ends cancelled ;; esac",
    );
    let mut run = world.start([]);
    run.until_flag("started");
    run.signal(Signal::INT);
    run.wait().exits(130).calls(["a:build"]);
    assert_eq!(world.notes(), ["cancelled"]);
    assert_eq!(world.strays(), [0; 0]);
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build"]);
    assert!(methods(&world).contains(&"session/load".to_owned()), "{:?}", methods(&world));
}

#[test]
fn an_agent_whose_specmake_is_killed_sees_its_input_end() {
    let world = world("");
    // Nothing but the end of its input ends it in time.
    world.script("a/build", "trap '' TERM\nflag started\nhear");
    let mut run = world.start([]);
    run.until_flag("started");
    run.kill();
    while !world.strays().is_empty() {
        thread::yield_now();
    }
    assert_eq!(world.notes(), ["a:build: input ended"]);
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build"]);
}

#[test]
fn what_does_not_speak_is_told_of() {
    let mut world = world("");
    world.env("VERSION", "2");
    world.run([]).exits(1).said("it speaks version 2 of ACP, and specmake speaks version 1");
    let agent = world.top().join("acp.sh");
    fs::write(&agent, "#!/bin/sh\necho usage: agent\necho 'no such flag' >&2\nexit 2\n").unwrap();
    world.run(["retry", "a"]).exits(1).said("exit status 2");
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn a_refusal_in_an_answer_is_a_limit() {
    let world = world("");
    let refusal = r#"{"code":402,"message":"Payment required","data":{"errorKind":"billing"}}"#;
    world.script("a/build", &format!("printf '{{\"id\":%s,\"error\":%s}}\\n' $id '{refusal}'\nexec cat"));
    let outcome = world.run(["--format", "json"]);
    outcome.exits(1).calls(["a:build"]).said("error 402: Payment required; billing");
    assert_eq!(events(&outcome, "pool-paused")[0]["kind"], "human");
    assert_eq!(events(&outcome, "attempt-ended")[0]["failure"]["class"], "limit");
}

#[test]
fn one_that_can_say_nothing_any_more_is_not_waited_for() {
    let world = world("");
    // Nothing but a signal ends it.
    world.script("a/build", "[ $N = 2 ] || { exec >&-; while :; do sleep 1000; done; }\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build"]);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn a_log_is_shown_as_what_was_said() {
    let world = world("");
    world.script(
        "a/build",
        "say 'I begin with '\nsay 'the gasket.'\ntool 1 execute 'make it' in_progress\nplay build",
    );
    world.run([]).exits(0);
    let shown = world.run(["logs", "a"]);
    shown.exits(0).said("I begin with the gasket.").said("tool execute make it").unsaid("jsonrpc");
    shown.said("npm warn: noise that is no JSON").said("used 200 tokens in, 45 out");
    world.run(["logs", "a", "--raw"]).exits(0).said("jsonrpc");
}

#[test]
fn what_a_session_cost_is_counted_once_whoever_is_killed() {
    let world = world("");
    let costs = r#"costs() { update "{\"sessionUpdate\":\"usage_update\",\"cost\":{\"amount\":$1,\"currency\":\"USD\"}}"; }"#;
    let script = "case $(grep -c . \"$W/calls\") in 1) costs 0.25; ends max_tokens ;; \
                  2) costs 0.75; wait-for never ;; esac\ncosts 1.0\nplay build";
    world.script("a/build", &format!("{costs}\n{script}"));
    let cost = || world.run(["cost", "--all", "--format", "json"]).exits(0).json()["total"]["cost"].clone();
    let mut run = world.start([]);
    run.until("what it cost", |_| cost() == 0.75);
    run.kill();
    world.kill_strays();
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(cost(), 1.0);
}

#[test]
fn no_path_that_is_asked_about_tells_a_secret() {
    let mut world = world("");
    world.env("SOME_API_TOKEN", "opensesame-1234");
    world.script("a/build", "ask edit /etc/opensesame-1234 || note no\nplay build");
    let outcome = world.run(["--format", "json"]);
    outcome.exits(0).unsaid("sesame").said("/etc/***");
    assert_eq!(world.notes(), ["no"]);
    world.run(["watch", "--format", "json"]).exits(0).unsaid("sesame").said("/etc/***");
}
