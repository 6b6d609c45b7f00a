//! Specfiles in, projects and mistakes out; files are in memory.
use crate::base::{Severity, english};
use crate::builtin;
use crate::model::{
    Agent, FailureClass, Files, LoadRequest, Loaded, Pattern, Project, PromptSource, Spec, Stage, Step,
    Target, Text, Work, load,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io;

mod alike;
mod compiled;
mod keep;
mod permission;

const WHOLE: &str = include_str!("../../../tests/language/whole.kdl");

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }

    fn below<'m>(&'m self, folder: &'m str) -> impl Iterator<Item = (&'m String, &'m Vec<u8>)> {
        self.0
            .iter()
            .filter(move |(path, _)| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }

    fn glob(&self, pattern: &Pattern) -> Vec<String> {
        self.0.keys().filter(|path| pattern.matches(path)).cloned().collect()
    }

    fn spec_folder_has_text(&self, folder: &str) -> bool {
        self.below(folder).any(|(path, text)| path.ends_with(".md") && !text.is_empty())
    }

    fn folder_exists(&self, folder: &str) -> bool {
        self.below(folder).next().is_some()
    }
}

fn request(text: &str) -> LoadRequest {
    LoadRequest {
        specfile: Text { name: "Specfile".into(), bytes: text.as_bytes().to_vec() },
        repo: "repo".into(),
        ..LoadRequest::default()
    }
}

fn load_with(text: &str, files: &[(&str, &str)]) -> Loaded {
    load(&request(text), &Memory::of(files))
}

fn said(loaded: &Loaded, severity: Severity) -> Vec<String> {
    let found = loaded.diagnostics.iter().filter(|d| d.severity == severity);
    found
        .map(|d| {
            let (line, column) = loaded.sources.line_column(d.span).unwrap_or_default();
            let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{line}:{column} {}{help}", d.message)
        })
        .collect()
}

/// The errors of a Specfile that has an agent.
fn check(text: &str, expect: &[&str]) {
    let loaded = load_with(&format!("agent \"demo\"\n{text}"), &[]);
    assert_eq!(said(&loaded, Severity::Error), expect, "{text}");
    assert_eq!(loaded.project.is_none(), !expect.is_empty(), "{text}");
}

fn check_warnings(text: &str, expect: &[&str]) {
    let loaded = load_with(&format!("agent \"demo\"\n{text}"), &[]);
    assert_eq!(said(&loaded, Severity::Error), [""; 0], "{text}");
    assert_eq!(said(&loaded, Severity::Warning), expect, "{text}");
}

fn project(text: &str) -> Project {
    project_with(&format!("agent \"demo\"\n{text}"), &[])
}

fn project_with(text: &str, files: &[(&str, &str)]) -> Project {
    let loaded = load_with(text, files);
    let wrong = said(&loaded, Severity::Error);
    loaded.project.unwrap_or_else(|| panic!("{wrong:#?}"))
}

fn stage<'p>(project: &'p Project, spec: &str, stage: &str) -> &'p Stage {
    let spec = &project.specs[spec];
    spec.stages.iter().find(|s| s.name.as_str() == stage).expect("a stage of that name")
}

fn agent_of(stage: &Stage) -> (String, Option<String>) {
    match &stage.work {
        Work::Agent { agent, model, .. } => (agent.to_string(), model.clone()),
        other => panic!("{other:?}"),
    }
}

fn whole_files() -> Memory {
    Memory::of(&[
        ("prompts/draft.md", "Draft {spec}"),
        ("specs/030-included/Specfile", "spec \"030-included\" \"Said in its own folder\""),
    ])
}

fn whole() -> Loaded {
    load(&request(WHOLE), &whole_files())
}

#[test]
fn the_whole_language_loads() {
    let loaded = whole();
    assert_eq!(said(&loaded, Severity::Error), [""; 0]);
    let project = loaded.project.expect("a project");
    let names: Vec<&str> = project.specs.keys().map(crate::base::SpecName::as_str).collect();
    assert_eq!(names, ["050-partial-success", "051-retry", "020-threads", "004-instagram", "030-included"]);
    assert_eq!(loaded.read, ["Specfile", "specs/030-included/Specfile"]);
    assert_eq!(project.settings.jobs, 5);
    assert_eq!(project.settings.base.as_deref(), Some("main"));
    assert_eq!(project.settings.copy, [".env", ".opencode/**"]);
    assert_eq!(project.settings.keep, ["target", "web/dist"]);
    assert_eq!(project.land.check, ["npm test"]);
    assert_eq!((project.pools["anthropic"], project.resources["db"]), (2, 1));

    let retry = &project.specs["051-retry"];
    assert_eq!(retry.description.as_deref(), Some("Retry with exponential backoff"));
    assert_eq!(retry.layer.as_ref().map(|l| l.as_str()), Some("foundation"));
    assert_eq!((retry.folder.as_str(), retry.branch.as_str()), ("specs/051-retry", "spec/051-retry"));
    assert_eq!(retry.worktree, "../repo.worktrees/051-retry");
    assert_eq!(retry.needs.len(), 1);
    assert_eq!(retry.estimate, Some(std::time::Duration::from_secs(3 * 3600)));
    assert_eq!(retry.touches[0].resolved(), "src/retry/**");

    let plan = stage(&project, "051-retry", "plan");
    assert_eq!(agent_of(plan), ("careful".into(), None));
    assert_eq!(plan.pools[0].as_str(), "anthropic");
    assert_eq!(plan.timeout, Some(std::time::Duration::from_secs(20 * 60)));
    assert_eq!(plan.inputs[0].symbolic(), "specs/{spec}/spec.md");
    assert_eq!(plan.inputs[0].resolved(), "specs/051-retry/spec.md");
    let implement = stage(&project, "051-retry", "implement");
    assert_eq!(
        implement.tasks.as_ref().map(|t| (t.file.resolved(), t.parallel)),
        Some(("specs/051-retry/tasks.md", 4))
    );
    assert_eq!(implement.waits_for, [2]);

    let instagram = &project.specs["004-instagram"];
    assert_eq!(instagram.description.as_deref(), Some("Instagram strategy"));
    let check = stage(&project, "004-instagram", "check");
    assert!(matches!(&check.work, Work::Run { line } if line == "npm test -- \"$SITE\""));
    assert_eq!(check.env, [("SITE".to_owned(), "instagram".to_owned())]);
    assert_eq!(
        project.layers["features"].needs[0].0,
        Target::Layer(crate::base::LayerName::new("foundation").expect("a name"))
    );
    assert_eq!(project.specs["020-threads"].needs, []);
    assert_eq!(stage(&project, "020-threads", "plan").resources[0].as_str(), "db");

    let careful: &Agent = &project.agents["careful"];
    assert_eq!((careful.command[0].as_str(), careful.model.as_deref()), ("claude", Some("opus")));
    assert_eq!(project.agents["script"].command, ["./tools/agent.sh"]);
}

#[test]
fn what_has_no_effect_yet_is_said_where_it_stands() {
    let warnings = said(&whole(), Severity::Warning);
    let told = warnings.iter().any(|w| w.contains("`tasks parallel` has no effect yet"));
    assert!(told, "{warnings:#?}");
}

#[test]
fn a_command_is_mended_by_the_agent_that_its_spec_has() {
    let project = project(
        "agent \"careful\" uses=\"demo\"\nstage \"check\" { run \"npm test\" }\n\
         spec \"a\" \"A\"\nspec \"b\" \"B\" { agent \"careful\" }",
    );
    let mends = |spec: &str| match &stage(&project, spec, "check").ladders.plain[0].step {
        Step::Fix { agent } => agent.as_ref().map(ToString::to_string),
        other => panic!("{other:?}"),
    };
    let own = |spec: &str| match &stage(&project, spec, "plan").work {
        Work::Agent { agent, .. } => Some(agent.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(mends("a"), own("a"));
    assert_eq!(mends("b").as_deref(), Some("careful"));
}

#[test]
fn what_is_said_for_all_stages_goes_back_only_from_later_ones() {
    let project = project("spec \"a\" \"A\" { on-failure { restart 1 from=\"plan\" } }");
    let from = |name: &str| match &stage(&project, "a", name).ladders.plain[0].step {
        Step::Restart { from } => from.as_ref().map(ToString::to_string),
        other => panic!("{other:?}"),
    };
    let names = ["specify", "plan", "tasks", "implement"];
    assert_eq!(names.map(from), [None, None, Some("plan".into()), Some("plan".into())]);
}

#[test]
fn the_built_in_pipelines_have_the_ladders_of_the_manual_and_warn_of_nothing() {
    for pipeline in ["specmake", "spec-kit", "autospec", "openspec"] {
        check_warnings(&format!("project {{ pipeline \"{pipeline}\" }}\nspec \"a\" \"A\""), &[]);
    }
    let project = project("spec \"a\" \"A\"");
    let names = |stage: &Stage, class| {
        stage.ladders.of(class).iter().map(|r| (r.step.name(), r.times)).collect::<Vec<_>>()
    };
    let plan = stage(&project, "a", "plan");
    assert_eq!(names(plan, FailureClass::Crash), [("resume", 1), ("restart", 1), ("hold", 1)]);
    assert_eq!(names(plan, FailureClass::Output), [("fix", 1), ("restart", 1), ("hold", 1)]);
    assert_eq!(names(plan, FailureClass::Limit), [("wait", 1)]);
    let implement = stage(&project, "a", "implement");
    assert_eq!(names(implement, FailureClass::Incomplete), [("resume", 2), ("restart", 1), ("hold", 1)]);
    assert_eq!(names(stage(&project, "a", "check"), FailureClass::Check), [("fix", 2), ("hold", 1)]);
    assert!(
        project.specs["a"]
            .stages
            .iter()
            .all(|s| matches!(&s.work, Work::Agent { prompt, .. } if !prompt.is_ingredient()))
    );
}

#[test]
fn a_ladder_of_the_users_takes_the_place_of_the_built_in_ones() {
    let project = project(
        "stage \"plan\" { on-failure { hold } }\nproject { on-failure \"limit\" { fail } }\nspec \"a\" \"A\"",
    );
    let plan = stage(&project, "a", "plan");
    assert_eq!(plan.ladders.of(FailureClass::Output)[0].step, Step::Hold);
    assert_eq!(plan.ladders.of(FailureClass::Limit)[0].step, Step::Fail);
}

#[test]
fn the_closest_setting_wins() {
    let text = r#"
        agent "a1" { command "a" }
        agent "a2" { command "a" }
        agent "a3" { command "a" }
        project { timeout "1m"; env X="project" Y="project" }
        stage "plan" { timeout "2m"; agent "a2"; env X="top" }
        spec "a" "A" agent="a3" { stage "plan" { timeout "3m"; env X="near" }; input "extra.md" }
        spec "b" "B"
        layer "l" agent="a1" { spec "c" "C" }
    "#;
    let project = project_with(text, &[]);
    let minutes = |spec, of| stage(&project, spec, of).timeout.map(|t| t.as_secs() / 60);
    assert_eq!(
        [minutes("a", "plan"), minutes("b", "plan"), minutes("b", "tasks")],
        [Some(3), Some(2), Some(1)]
    );
    let agent = |spec, of| agent_of(stage(&project, spec, of)).0;
    assert_eq!([agent("a", "plan"), agent("b", "plan"), agent("b", "tasks")], ["a3", "a2", "a1"]);
    assert_eq!(agent("c", "plan"), "a1");
    let env = stage(&project, "a", "plan").env.clone();
    assert_eq!(env, [("X".into(), "near".into()), ("Y".into(), "project".into())]);
    let inputs: Vec<&str> = stage(&project, "a", "implement").inputs.iter().map(Pattern::resolved).collect();
    assert_eq!(inputs, ["specs/a/spec.md", "specs/a/plan.md", "extra.md"]);
}

#[test]
fn command_line_beats_environment_beats_specfile_beats_user() {
    let text = "agent \"demo\" model=\"m1\"\nproject { jobs 2 }\nspec \"a\" \"A\"";
    let mut request = request(text);
    request.user_config = Some(Text {
        name: "config.kdl".into(),
        bytes: b"jobs 9\nmodel \"m9\"\nagent \"pi\"\ntrust \"make\"".to_vec(),
    });
    let load = |request: &LoadRequest| load(request, &Memory::default()).project.expect("a project");
    let project = load(&request);
    assert_eq!((project.settings.jobs, agent_of(stage(&project, "a", "plan"))), (2, ("demo".into(), None)));
    assert_eq!(project.agents["demo"].model.as_deref(), Some("m1"));
    assert_eq!(project.settings.trust, ["make"]);
    request.env =
        [("SPECMAKE_JOBS", "3"), ("SPECMAKE_AGENT", "pi"), ("SPECMAKE_MODEL", "m2"), ("SPECMAKE_RUN", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let project = load(&request);
    assert_eq!(
        (project.settings.jobs, agent_of(stage(&project, "a", "plan"))),
        (3, ("pi".into(), Some("m2".into())))
    );
    let declared = stage(&project, "a", "plan").declared_agent.clone().expect("an agent");
    assert_eq!((declared.0.as_str(), declared.1.as_deref()), ("demo", Some("m1")));
    (request.jobs, request.agent) = (Some(7), Some("codex".into()));
    let project = load(&request);
    assert_eq!((project.settings.jobs, agent_of(stage(&project, "a", "plan"))), (7, ("codex".into(), None)));
    request.specfile.bytes = b"spec \"a\" \"A\"".to_vec();
    (request.agent, request.jobs, request.env) = (None, None, BTreeMap::new());
    let project = load(&request);
    assert_eq!((project.settings.jobs, agent_of(stage(&project, "a", "plan"))), (9, ("pi".into(), None)));
    assert_eq!(project.agents["pi"].model.as_deref(), Some("m9"));
}

#[test]
fn taste_is_all_that_others_may_set() {
    let mut request = request("agent \"demo\"\nspec \"a\" \"A\"");
    request.user_config = Some(Text {
        name: "config.kdl".into(),
        bytes: b"pipeline \"x\" { stage \"y\" { gate } }\nproject { base \"x\" }\nfoo".to_vec(),
    });
    request.env =
        [("SPECMAKE_PIPELINE".to_owned(), "x".to_owned()), ("SPECMAKE_JOBS".to_owned(), "0".to_owned())]
            .into();
    request.agent = Some("nobody".into());
    let errors: Vec<String> =
        load(&request, &Memory::default()).diagnostics.iter().map(|d| d.message.clone()).collect();
    assert_eq!(
        errors,
        [
            "`pipeline` cannot be set in the user's own file",
            "`base` cannot be set in the user's own file",
            "`foo` means nothing in the user's own file",
            "`0` is not a number of jobs",
            "`SPECMAKE_PIPELINE` cannot be set by the environment",
            "there is no agent `nobody`",
        ]
    );
}

#[test]
fn words_that_do_not_belong() {
    check("spek \"a\"", &["2:1 `spek` means nothing at the top of a Specfile (did you mean `spec`?)"]);
    check("project { jbos 1 }", &["2:11 `jbos` means nothing in `project` (did you mean `jobs`?)"]);
    check(
        "spec \"a\" \"A\" pipline=\"x\"",
        &["2:14 `spec` has no property `pipline` (did you mean `pipeline`?)"],
    );
    check(
        "project { jobs \"x\"; jobs 2 }",
        &[
            "2:16 this is a string, where a whole number is expected",
            "2:21 `jobs` is said twice (leave one of them)",
        ],
    );
    check("spec", &["2:1 `spec` takes a name and a description"]);
    check("spec \"a\" \"A\" \"B\"", &["2:14 `spec` takes a name and a description, not 3"]);
    check("project { jobs 0 }", &["2:16 0 is not a number between 1 and 1000000"]);
    check(
        "stage \"plan\" { timeout \"soon\" }",
        &["2:24 `soon` is not a time (write it as `90s`, `20m`, `3h` or `1h 30m`)"],
    );
    check(
        "spec \"a b\" \"A\"",
        &[
            "2:6 a name is made of letters, digits, `.`, `_` and `-`; ' ' is none of them (names are like `051-retry`)",
        ],
    );
}

#[test]
fn names_that_are_taken_or_missing() {
    check(
        "spec \"a\" \"A\"\nspec \"a\" \"B\"",
        &["3:6 spec `a` is declared twice (rename one of them, or leave it out)"],
    );
    check(
        "pool \"p\"\npool \"p\"",
        &["3:6 pool `p` is declared twice (rename one of them, or leave it out)"],
    );
    check(
        "spec \"aaa\" \"A\" { needs \"aab\" }\nspec \"aac\" \"A\"",
        &["2:24 there is no spec or layer `aab` (did you mean `aaa`?)"],
    );
    check(
        "agent \"x\" uses=\"demo\" dialect=\"claud\"",
        &["2:31 there is no dialect `claud` (did you mean `claude`?)"],
    );
    check("spec \"a\" \"A\" agent=\"claud\"", &["2:20 there is no agent `claud` (did you mean `claude`?)"]);
    check(
        "spec \"a\" \"A\" pipeline=\"speckit\"",
        &["2:23 there is no pipeline `speckit` (did you mean `spec-kit`?)"],
    );
    check(
        "spec \"a\" \"A\" { stage \"implment\" { timeout \"1m\" } }",
        &["2:22 pipeline `specmake` has no stage `implment` (did you mean `implement`?)"],
    );
    check(
        "stage \"plam\" { timeout \"1m\" }",
        &["2:7 no pipeline has a stage `plam` (did you mean `plan`?)"],
    );
    check("spec \"a\" \"A\" from=\"t\"", &["2:19 there is no template `t`"]);
    check("spec \"a\" \"A\" pool=\"p\"", &["2:19 there is no pool `p` (declare it: `pool \"p\"`)"]);
    check(
        "stage \"land\" { gate }",
        &["2:7 no stage can be called `land` (it is the name of the landing that every spec ends with)"],
    );
    check("layer \"x\"\nspec \"x\" \"X\"", &["2:7 `x` is a layer and a spec (rename one of them)"]);
    let agents: Vec<String> = builtin::AGENTS.iter().map(|agent| format!("`{}`", agent.name)).collect();
    let agents = english::list(&agents, "and");
    check(
        "stage \"plan\" { on-failure { fallback \"careful\"; restart from=\"spcify\" } }\nspec \"a\" \"A\"",
        &[
            &format!("2:29 there is no agent `careful` (there is {agents})"),
            "2:49 the pipeline has no stage `spcify` to restart from (did you mean `specify`?)",
        ],
    );
    check(
        "spec \"b\" \"B\"\nspec \"a\" \"A\" { needs \"b\" for=\"implment\" }",
        &["3:30 pipeline `specmake` has no stage `implment` (did you mean `implement`?)"],
    );
}

#[test]
fn a_spec_says_what_it_is() {
    check(
        "spec \"a\"",
        &[
            "2:6 spec `a` has no description, and no text in its folder (write `spec \"a\" \"what it is\"`, or a text in `specs/a`)",
        ],
    );
    project_with("agent \"demo\"\nspec \"a\"", &[("specs/a/spec.md", "text")]);
}

#[test]
fn a_need_may_be_a_folder_that_was_made_by_hand() {
    let project =
        project_with("agent \"demo\"\nspec \"a\" \"A\" { needs \"old\" }", &[("specs/old/spec.md", "x")]);
    let old: &Spec = &project.specs["old"];
    assert!(!old.declared && old.stages.len() == 5);
    assert_eq!(project.specs.last().map(|(name, _)| name.as_str()), Some("old"));
}

#[test]
fn templates_take_parameters() {
    let template = "template \"t\" { description \"For {site} of {spec}\"; touches \"src/{site}/**\" }\n";
    let project = project(&format!("{template}spec \"a\" from=\"t\" site=\"x\""));
    let a = &project.specs["a"];
    assert_eq!(a.description.as_deref(), Some("For x of {spec}"));
    assert_eq!((a.touches[0].symbolic(), a.params["site"].as_str()), ("src/x/**", "x"));
    check(
        &format!("{template}spec \"a\" from=\"t\" sit=\"x\""),
        &[
            "3:15 template `t` needs `site` (add `site=\"...\"`)",
            "3:19 template `t` has no parameter `sit` (did you mean `site`?)",
        ],
    );
}

#[test]
fn two_that_write_the_same_file() {
    check(
        "pipeline \"p\" { stage \"s\" { prompt \"x\"; output \"out.md\" } }\nspec \"a\" \"A\" pipeline=\"p\"\nspec \"b\" \"B\" pipeline=\"p\"",
        &["2:22 specs share the output `out.md` (put `{spec}` into its path)"],
    );
    check(
        "pipeline \"p\" { stage \"s\" { prompt \"x\"; output \"{spec}.md\" }; stage \"t\" { prompt \"x\"; output \"{spec}.md\" } }\nspec \"a\" \"A\" pipeline=\"p\"",
        &["2:68 two stages declare the output `{spec}.md`"],
    );
    check(
        "spec \"a\" \"A\" branch=\"x\"\nspec \"b\" \"B\" branch=\"x\"\nspec \"c\" \"C\" branch=\"x/y\"",
        &[
            "3:6 branch `x` is that of spec `a` too (give one of them another `branch=`)",
            "4:6 branch `x/y` cannot be: `x` is a branch already, of spec `a` (git keeps branches as files in folders; rename one of them)",
        ],
    );
    check(
        "project { base \"spec\" }\nspec \"a\" \"A\"",
        &[
            "3:6 branch `spec/a` cannot be: `spec` is a branch already, of the branch that results land on (git keeps branches as files in folders; rename one of them)",
        ],
    );
}

#[test]
fn who_reads_what_another_writes_should_need_it() {
    let text = "spec \"a\" \"A\"\nspec \"b\" \"B\" { stage \"plan\" { input \"specs/a/plan.md\" } }";
    check_warnings(text, &["3:6 `b` reads `specs/a/plan.md`, which `a` writes (say so: `needs \"a\"`)"]);
    check_warnings(&text.replace("\"B\" {", "\"B\" { needs \"a\";"), &[]);
    let layers = "layer \"l\" { spec \"a\" \"A\" }\nlayer \"m\" { needs \"l\"; spec \"b\" \"B\" { input \"specs/a/*.md\" } }";
    check_warnings(layers, &[]);
    check_warnings(
        &layers.replace("needs \"l\";", ""),
        &["3:19 `b` reads `specs/a/*.md`, which `a` writes (say so: `needs \"a\"`)"],
    );
}

#[test]
fn stages_wait_for_what_they_need() {
    let text = r#"
        pipeline "p" {
            stage "a" { prompt "x"; output "{spec}/a" }
            stage "c" { needs "b"; prompt "x"; output "{spec}/c" }
            stage "b" { needs "a"; prompt "x"; output "{spec}/b" }
            stage "b2" { needs "a"; prompt "x"; output "{spec}/b2" }
            stage "d" { run "true" }
        }
        spec "s" "S" pipeline="p"
    "#;
    let project = project(text);
    let stages: Vec<(&str, &[usize])> =
        project.specs["s"].stages.iter().map(|s| (s.name.as_str(), s.waits_for.as_slice())).collect();
    assert_eq!(stages, [("a", &[][..]), ("b", &[0]), ("c", &[1]), ("b2", &[0]), ("d", &[2, 3])]);
    check(
        &text.replace("output \"{spec}/b2\"", "input \"{spec}/c\""),
        &[
            "7:19 stage `b2` reads `{spec}/c`, which `c` writes beside it (let it wait: `needs \"c\"`)",
            "7:19 stage `b2` runs beside others, so it must declare outputs (say what it leaves: `output \"...\"`, or let it need the others)",
        ],
    );
    check(
        &text.replace("needs \"a\"; prompt \"x\"; output \"{spec}/b\"", "needs \"c\"; prompt \"x\""),
        &["5:31 these stages wait for each other: `c`, `b` (leave one `needs` out)"],
    );
}

#[test]
fn includes_are_read_once_and_never_in_a_circle() {
    let loaded = load_with(
        "agent \"demo\"\ninclude \"a.kdl\" \"*.kdl\" \"none/*\"",
        &[("a.kdl", "spec \"a\" \"A\"\ninclude \"b.kdl\""), ("b.kdl", "spec \"b\" \"B\"")],
    );
    assert_eq!((said(&loaded, Severity::Error), loaded.read.len()), (vec![], 3));
    let loaded = load_with("include \"a.kdl\" \"nowhere.kdl\"", &[("a.kdl", "\ninclude \"a.kdl\"")]);
    assert_eq!(
        said(&loaded, Severity::Error),
        [
            "1:17 `nowhere.kdl` cannot be read: no such file (a path is read from the top of the repository)",
            "2:9 a file includes itself: `a.kdl` includes `a.kdl` (leave this `include` out)",
        ]
    );
}

#[test]
fn prompts_come_from_files_and_copies_of_built_in_ones_are_built_in() {
    let copy = builtin::PROMPTS[1].text;
    let files = [("p/mine.md", "Mine {spec}"), ("p/copy.md", copy)];
    let text = "agent \"demo\"\npipeline \"p\" { stage \"a\" { prompt file=\"p/mine.md\" }; stage \"b\" { prompt file=\"p/copy.md\" } }\nspec \"s\" \"S\" pipeline=\"p\"";
    let loaded = load_with(text, &files);
    assert_eq!(loaded.read, ["Specfile", "p/mine.md", "p/copy.md"]);
    let project = loaded.project.expect("a project");
    let source = |of| match &stage(&project, "s", of).work {
        Work::Agent { prompt, .. } => prompt.source.clone(),
        _ => PromptSource::Inline,
    };
    assert_eq!((source("a"), source("b")), (PromptSource::File("p/mine.md".into()), PromptSource::BuiltIn));
    check(
        "pipeline \"p\" { stage \"a\" { prompt file=\"gone.md\" } }\nspec \"s\" \"S\" pipeline=\"p\"",
        &[
            "2:40 the prompt `gone.md` cannot be read: no such file (a path is read from the top of the repository)",
        ],
    );
}

#[test]
fn places_and_shell_lines() {
    check(
        "project { worktrees \"w/{spec}\" }",
        &[
            "2:21 the worktrees would lie inside the repository (put them beside it: `../{repo}.worktrees/{spec}`)",
        ],
    );
    check("project { specs \"all\" }", &["2:17 all specs would share this: it needs `{spec}`"]);
    check(
        "project { branch \"b/{spec}/{x}\" }",
        &["2:18 nothing is known here by the name of `{x}` (there is `spec` and `repo`)"],
    );
    check(
        "spec \"a\" \"A\" { input \"../x\" }",
        &["2:22 `../x`: a path stays inside the repository: no `..`, `.`, `.git` or empty part"],
    );
    check_warnings(
        "stage \"check\" { run \"test {spec}\" }\nspec \"a\" \"A\"",
        &["2:21 a shell line is run as written: `{spec}` is not filled in (write `$SPECMAKE_SPEC`)"],
    );
}

#[test]
fn no_agent_is_said_once() {
    let loaded = load_with("spec \"a\" \"A\"\nspec \"b\" \"B\"", &[]);
    let help = "add `agent \"claude\"`, or another built-in one: demo, opencode, codex, pi, gemini";
    assert_eq!(
        said(&loaded, Severity::Error),
        [format!("1:6 no agent is declared to work on this ({help})")]
    );
}

#[test]
fn ten_thousand_specs_are_no_work() {
    let specs: String = (0..10_000)
        .map(|n| format!("spec \"{n:05}\" \"D\" {{ needs \"{:05}\"; touches \"src/{n}/**\" }}\n", n / 2 + 1))
        .collect();
    assert_eq!(project(&specs).specs.len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_broken_specfile_is_survived(at in 0..WHOLE.len(), len in 0_usize..40, with in "[a-z0-9\"{}=;#\\\\\n ./-]{0,12}") {
        let from = (at..WHOLE.len()).find(|i| WHOLE.is_char_boundary(*i)).unwrap_or(0);
        let to = (from + len..=WHOLE.len()).find(|i| WHOLE.is_char_boundary(*i)).unwrap_or(WHOLE.len());
        let loaded = load_with(&format!("{}{with}{}", &WHOLE[..from], &WHOLE[to..]), &[("prompts/draft.md", "x")]);
        prop_assert_eq!(loaded.project.is_none(), loaded.has_errors());
        for found in &loaded.diagnostics {
            prop_assert!(loaded.sources.line_column(found.span).is_some(), "{:?}", found);
        }
    }
}

#[test]
fn an_agent_says_how_it_is_refused() {
    let text = r#"
        agent "a" { command "a"; limit "clock" "come back {time}" floor="15m"; limit "human" "no money" "pay up" }
        agent "b" uses="a" { limit "clock" "too soon" }
        spec "s" "S" agent="b"
        spec "t" "T" agent="a"
    "#;
    let project = project_with(text, &[]);
    let limits = |agent: &str| {
        let agent = &project.agents[agent];
        let texts: Vec<String> =
            agent.limits.iter().map(|one| format!("{:?} {}", one.kind, one.text)).collect();
        (texts.join(", "), agent.limit_floor.as_secs() / 60)
    };
    assert_eq!(limits("a"), ("Clock come back {time}, Human no money, Human pay up".to_owned(), 15));
    let (b, floor) = limits("b");
    assert!(b.starts_with("Clock too soon, Clock come back") && floor == 15, "{b}");
    let request = request(
        "agent \"a\" { command \"a\"; limit \"clok\" \"abc\"; limit \"human\" \" {time}\" }\nspec \"s\" \"S\"",
    );
    let found = load(&request, &Memory::default()).diagnostics;
    let errors: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    assert!(errors.iter().any(|error| error.contains("clok")), "{errors:?}");
    assert!(errors.contains(&"this matches too much"), "{errors:?}");
}
