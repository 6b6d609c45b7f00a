//! The agent that comes with the program: no key, no network, no chance. What a stage does is scripted, or
//! follows from the prompt and the files that are there.
pub mod player;
pub mod script;
pub mod texts;

use super::dialect::{EndReason, Said};
use super::facts::Facts;
use player::{Player, Stopped};
use script::{Script, Step};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

/// The name of a script.
pub const SCRIPT: &str = "demo.kdl";

/// Plays one attempt: reads the prompt, does what the script or the stage's name says. Gives the exit code.
/// A `session` to go on with must be one of the same stage.
pub fn main(
    session: Option<&str>,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    env: &BTreeMap<String, String>,
    cwd: &Path,
) -> u8 {
    let mut prompt = Vec::new();
    // A prompt that ends early is as much of a prompt as there is.
    let _ = stdin.read_to_end(&mut prompt);
    let prompt = String::from_utf8_lossy(&prompt);
    let told = |name: &str| env.get(name).cloned().unwrap_or_default();
    let mut facts = Facts::read(&prompt);
    facts.spec = if facts.spec.is_empty() { told("SPECMAKE_SPEC") } else { facts.spec };
    facts.stage = if facts.stage.is_empty() { told("SPECMAKE_STAGE") } else { facts.stage };
    facts.folder = if facts.folder.is_empty() { told("SPECIFY_FEATURE_DIRECTORY") } else { facts.folder };
    let attempt = told("SPECMAKE_ATTEMPT").parse().unwrap_or(1);
    let pause = Duration::ZERO;
    let mut player = Player { worktree: cwd, facts, attempt, pause, stdout, written: 0 };
    let own = format!("demo-{}-{}-", player.facts.spec, player.facts.stage);
    let session = match session {
        None => format!("{own}{attempt}"),
        Some(known) if known.starts_with(&own) => known.to_owned(),
        Some(other) => {
            player.say(&Said::Text(format!("there is no session {other}")));
            return 1;
        }
    };
    player.say(&Said::Started { session: Some(session) });
    let (code, reason) = match attempted(&mut player) {
        Ok(()) => (0, EndReason::Finished),
        Err(Stopped::Exit(status)) => (status, EndReason::Failed(format!("exit status {status}"))),
        Err(Stopped::Trouble(words)) => {
            player.say(&Said::Text(words));
            (1, EndReason::Failed("trouble".to_owned()))
        }
    };
    player.say_usage(&prompt);
    player.say(&Said::Ended(reason));
    code
}

fn attempted(player: &mut Player<'_>) -> Result<(), Stopped> {
    if player.facts.spec.is_empty() || player.facts.stage.is_empty() {
        return Err(Stopped::Trouble("neither prompt nor environment names a spec and a stage".to_owned()));
    }
    let own = script(player.worktree, &format!("{}/{SCRIPT}", player.facts.folder))?;
    let common = script(player.worktree, SCRIPT)?;
    player.pause = own.pause.or(common.pause).unwrap_or_default();
    let stage = player.facts.stage.clone();
    let named: [(&Script, &str); 4] = [(&own, &stage), (&common, &stage), (&own, "*"), (&common, "*")];
    let steps: Option<Vec<Step>> =
        named.into_iter().find_map(|(script, stage)| script.stage(stage)).map(<[Step]>::to_vec);
    match steps {
        Some(steps) => player.play(&steps),
        None => player.by_itself(),
    }
}

/// A script that is not there has nothing in it.
fn script(worktree: &Path, path: &str) -> Result<Script, Stopped> {
    let text = match std::fs::read(worktree.join(path)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Script::default()),
        Err(error) => return Err(Stopped::Trouble(format!("cannot read `{path}`: {error}"))),
    };
    Script::read(path, &text).map_err(Stopped::Trouble)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::dialect::Dialect;
    use crate::agent::dialect::demo::Demo;
    use crate::tasks;
    use std::fs;

    /// A worktree in which the demo agent plays one stage after another.
    struct World {
        folder: tempfile::TempDir,
        facts: Facts,
    }

    impl World {
        fn new() -> Self {
            let facts = Facts {
                spec: "051-retry".into(),
                folder: "specs/051-retry".into(),
                description: Some("Retry with backoff".into()),
                ..Facts::default()
            };
            Self { folder: tempfile::tempdir().expect("a folder"), facts }
        }

        fn file(&self, path: &str, text: &str) -> &Self {
            let file = self.folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
            fs::write(file, text).expect("a file");
            self
        }

        fn text(&self, path: &str) -> String {
            fs::read_to_string(self.folder.path().join(path)).unwrap_or_default()
        }

        fn play(&self, stage: &str, attempt: u32) -> (u8, String) {
            let facts = Facts { stage: stage.into(), ..self.facts.clone() };
            let env = BTreeMap::from([("SPECMAKE_ATTEMPT".to_owned(), attempt.to_string())]);
            let mut said = Vec::new();
            let prompt = format!("Do it.\n\n{}", facts.write());
            let code = main(None, &mut prompt.as_bytes(), &mut said, &env, self.folder.path());
            (code, String::from_utf8(said).expect("text"))
        }
    }

    #[test]
    fn without_a_script_a_spec_goes_all_the_way() {
        let world = World::new();
        for stage in ["specify", "plan", "tasks", "implement", "check"] {
            let (code, said) = world.play(stage, 1);
            assert_eq!(code, 0, "{stage}: {said}");
            assert!(said.ends_with("demo: ended finished\n"), "{said}");
        }
        let tasks = tasks::parse("tasks.md", &world.text("specs/051-retry/tasks.md")).expect("tasks");
        assert_eq!(tasks.progress(), (3, 3));
        let result = "051-retry\n- Retry with backoff\n- It can be tried by itself\n";
        assert_eq!(world.text("src/051-retry.txt"), result);
    }

    #[test]
    fn it_says_the_same_each_time_and_in_its_dialect() {
        let (one, other) = (World::new(), World::new());
        assert_eq!(one.play("specify", 1), other.play("specify", 1));
        assert_eq!(one.text("specs/051-retry/spec.md"), other.text("specs/051-retry/spec.md"));
        let said: Vec<Said> = one.play("check", 2).1.lines().flat_map(|line| Demo.read(line)).collect();
        let session = Some("demo-051-retry-check-2".to_owned());
        assert_eq!(said.first(), Some(&Said::Started { session }));
        assert!(matches!(said[2], Said::Usage(usage) if usage.input > 0), "{said:?}");
        assert_eq!(said.last(), Some(&Said::Ended(EndReason::Finished)));
    }

    #[test]
    fn it_goes_on_with_a_session_of_the_same_stage_alone() {
        let world = World::new();
        let facts = Facts { stage: "plan".into(), ..world.facts.clone() };
        let play = |session: &str| {
            let mut said = Vec::new();
            let prompt = facts.write();
            let env = BTreeMap::new();
            let code = main(Some(session), &mut prompt.as_bytes(), &mut said, &env, world.folder.path());
            (code, String::from_utf8(said).expect("text"))
        };
        let (code, said) = play("demo-051-retry-plan-1");
        assert!(code == 0 && said.starts_with("demo: session demo-051-retry-plan-1\n"), "{code} {said}");
        let (code, said) = play("demo-051-retry-tasks-1");
        assert!(code == 1 && !said.contains("demo: session"), "{code} {said}");
    }

    #[test]
    fn prose_does_not_reach_the_result_and_a_requirement_does() {
        let world = World::new();
        let result = |spec: &str| {
            world.file("specs/051-retry/spec.md", spec).play("implement", 1);
            world.text("src/051-retry.txt")
        };
        let first = result("Prose.\n- one\n");
        assert_eq!(result("Other prose.\n- one\n"), first);
        assert_ne!(result("Prose.\n- two\n"), first);
    }

    #[test]
    fn declared_outputs_are_what_it_leaves() {
        let mut world = World::new();
        world.facts.outputs = vec![
            "docs/051.md".into(),
            "out/*.yaml".into(),
            "all/**".into(),
            "specs/051-retry/tasks.yaml".into(),
        ];
        assert_eq!(world.play("draft", 1).0, 0);
        assert!(world.text("docs/051.md").contains("Retry with backoff"));
        assert!(world.text("all/demo.md").contains("Retry with backoff"));
        assert!(world.text("out/demo.yaml").starts_with("spec: \"051-retry\"\n"));
        assert!(tasks::parse("t.yaml", &world.text("specs/051-retry/tasks.yaml")).is_ok());
    }

    #[test]
    fn a_script_is_followed_and_the_spec_s_own_comes_first() {
        let world = World::new();
        world.file(
            "demo.kdl",
            "stage \"plan\" { write \"common\" \"\" }\nstage \"*\" { say \"any {stage}\" }\n",
        );
        let own = r#"
            stage "plan" {
                write "{folder}/plan.md" "a {spec}\n"
                append "{folder}/plan.md" "b\n"
                edit "{folder}/plan.md" from="b" to="c"
                run "echo from the shell; echo x > made"
                wait for="made"
                remove "made"
                fail 3 attempt=1
                default attempt=3
            }
        "#;
        world.file("specs/051-retry/demo.kdl", own);
        let (code, said) = world.play("plan", 1);
        assert_eq!(code, 3, "{said}");
        assert_eq!(world.text("specs/051-retry/plan.md"), "a 051-retry\nc\n");
        assert!(
            said.contains("from the shell\n") && said.contains("demo: ended failed exit status 3\n"),
            "{said}"
        );
        assert!(!world.folder.path().join("made").exists() && !world.folder.path().join("common").exists());
        assert_eq!(world.play("plan", 2).0, 0);
        assert_eq!(world.play("plan", 3).0, 0);
        assert!(world.text("specs/051-retry/plan.md").starts_with("# Plan"));
        assert!(world.play("tasks", 1).1.contains("any tasks\n"));
    }

    #[test]
    fn trouble_is_said_and_fails() {
        let check = |script: &str, expect: &str| {
            let world = World::new();
            let (code, said) = world.file("demo.kdl", script).play("plan", 1);
            assert_eq!(code, 1, "{script}");
            assert!(said.contains(expect), "{script}: {said}");
        };
        check("stage \"plan\" { edit \"x\" from=\"a\" to=\"b\" }", "`x` does not hold `a`");
        check("stage \"plan\" { fly }", "demo.kdl:1:16: `fly`");
        check("stage \"plan\" { wait for=\"never\" most=0 }", "`never` did not come");
        check("stage \"plan\" { fail signal=\"WINCH\" }", "there is no signal `WINCH`");
        check("stage \"plan\" { remove \"x\" }", "cannot remove `x`");
        let nothing = main(None, &mut "".as_bytes(), &mut Vec::new(), &BTreeMap::new(), Path::new("/"));
        assert_eq!(nothing, 1);
    }
}
