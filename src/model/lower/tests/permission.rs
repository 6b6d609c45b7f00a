//! Agents that are talked with, and what they may do.
use super::{check, project_with};

#[test]
fn an_agent_is_run_in_the_way_that_the_closest_text_says() {
    let project = project_with(
        r#"
        agent "talks" { acp "opencode" "acp" "{model}"; model "m" }
        agent "built-in" uses="claude" { acp "claude-agent-acp"; model-args "-m" "{model}" }
        agent "codex" { acp "codex-acp" }
        agent "plain" uses="talks" { command "opencode" "run" }
        agent "same" uses="talks"
        spec "a" "A"
        "#,
        &[],
    );
    let agent = |name: &str| {
        let agent = &project.agents[name];
        (agent.acp, agent.command.join(" "), agent.model_args.join(" "), agent.streams)
    };
    let told = |acp, command: &str, model_args: &str, streams| {
        (acp, command.to_owned(), model_args.to_owned(), streams)
    };
    assert_eq!(agent("talks"), told(true, "opencode acp {model}", "", true));
    assert_eq!(agent("built-in"), told(true, "claude-agent-acp", "-m {model}", true));
    assert_eq!(agent("codex"), told(true, "codex-acp", "", true), "nothing of the built-in one");
    assert_eq!(agent("plain"), told(false, "opencode run", "", false));
    assert_eq!(agent("same"), told(true, "opencode acp {model}", "", true));
    let built_in = &project.agents["built-in"];
    assert_eq!((built_in.dialect.as_str(), built_in.resume.len()), ("text", 0));
    assert!(built_in.env.iter().any(|(name, _)| name == "DISABLE_AUTOUPDATER"), "the rest is taken over");
    assert_eq!(built_in.verified, None, "another program");
}

#[test]
fn the_closest_rules_come_first() {
    let project = project_with(
        r#"
        project { permissions { deny "execute"; allow "any" "/tmp/**" } }
        agent "base" { acp "x"; permissions { ask "fetch" } }
        agent "own" uses="base" { permissions { deny "edit" "docs/**" "~/notes/*.md"; allow "execute" } }
        spec "a" "A"
        "#,
        &[],
    );
    let rules = |name: &str| {
        let rules = &project.agents[name].permissions;
        rules.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let of_project = ["deny \"execute\"", "allow \"any\" \"/tmp/**\""];
    assert_eq!(rules("base"), [&["ask \"fetch\""], &of_project[..]].concat());
    let own = ["deny \"edit\" \"docs/**\" \"~/notes/*.md\"", "allow \"execute\"", "ask \"fetch\""];
    assert_eq!(rules("own"), [&own, &of_project[..]].concat());
}

#[test]
fn what_makes_no_sense_is_told() {
    let lines = "an agent is run in one way: leave `acp` or `command`";
    let protocol =
        "the protocol says how it gets its prompt, how it is read and how it goes on: leave it out";
    check(
        "agent \"x\" dialect=\"text\" { acp \"x\"; command \"y\"; resume \"z\" }\nspec \"a\" \"A\"",
        &[
            &format!("2:19 `dialect` says nothing about an agent that speaks `acp` ({protocol})"),
            &format!("2:37 `command` says nothing about an agent that speaks `acp` ({lines})"),
            &format!("2:50 `resume` says nothing about an agent that speaks `acp` ({protocol})"),
        ],
    );
    check(
        "project { permissions { allow \"edt\"; ask; deny \"edit\" \"fetch\" \"../x\"; grant \"x\" } }\nspec \"a\" \"A\"",
        &[
            "2:31 `edt` is no kind of tool (did you mean `edit`?)",
            "2:38 `ask` takes one value or more",
            "2:55 `fetch` is a kind of tool (a rule is about one kind; the rest are paths. `./` before a path makes it one)",
            "2:63 a path stays inside the repository: no `..`, `.`, `.git` or empty part",
            "2:71 `grant` means nothing in `permissions` (there is `allow`, `ask` and `deny`)",
        ],
    );
}
