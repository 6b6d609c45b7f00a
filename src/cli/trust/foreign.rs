//! What a Specfile would have run on this machine: shell lines, and agents whose program is not built in; and what
//! it lets agents do outside of their worktrees.
use crate::builtin;
use crate::model::{Agent, Files, LoadRequest, Pattern, Project, Spec, Text, Work, load};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

/// Something of a Specfile that would be run on this machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreign {
    /// The text: a shell line, or an argv in shell quotes, what it sets in the environment before it.
    pub text: String,
    /// Where it stands: "stage `check`".
    pub at: String,
    /// How many specs run it; 0 for one that belongs to none.
    pub specs: usize,
}

/// The agents that need no approval: the built-in ones, and those of the user's own file.
pub fn own_agents(user_config: Option<&Text>) -> Vec<Agent> {
    let declared: String =
        builtin::AGENTS.iter().map(|agent| format!("agent \"{}\"\n", agent.name)).collect();
    let specfile = Text { name: "built-in agents".to_owned(), bytes: declared.into_bytes() };
    let request = LoadRequest { specfile, user_config: user_config.cloned(), ..LoadRequest::default() };
    let project = load(&request, &NoFiles).project;
    project.map(|project| project.agents.into_values().collect()).unwrap_or_default()
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn glob(&self, _pattern: &Pattern) -> Vec<String> {
        Vec::new()
    }

    fn spec_folder_has_text(&self, _folder: &str) -> bool {
        false
    }

    fn folder_exists(&self, _folder: &str) -> bool {
        false
    }
}

/// Whether two agents run the same program in the same way; name, model and price may differ.
fn same_program(one: &Agent, other: &Agent) -> bool {
    (&one.command, one.acp, &one.model_args, &one.resume, one.prompt, &one.env)
        == (&other.command, other.acp, &other.model_args, &other.resume, other.prompt, &other.env)
}

/// Everything in a project that would be run, sorted by text, but for agents that run the program of one of
/// `own`, which are those of [`own_agents`].
pub fn commands(project: &Project, own: &[Agent]) -> Vec<Foreign> {
    let mut found = Found::default();
    for line in &project.settings.setup {
        found.add("setup", line.clone(), false);
    }
    if let Some(notify) = project.settings.notify.as_ref().filter(|notify| !notify.is_own) {
        found.add("notify", notify.line.clone(), false);
    }
    for line in &project.land.check {
        found.add("land check", line.clone(), false);
    }
    let foreign = |agent: &&Agent| !own.iter().any(|known| same_program(agent, known));
    for agent in project.agents.values().filter(foreign) {
        let at = format!("agent `{}`", agent.name);
        found.add(&at, agent_text(agent, &agent.command), false);
        if !agent.resume.is_empty() {
            found.add(&format!("{at}, resume"), agent_text(agent, &agent.resume), false);
        }
    }
    let own_rules: Vec<_> = own.iter().flat_map(|agent| &agent.permissions).collect();
    for rule in project.agents.values().flat_map(|agent| &agent.permissions) {
        if rule.allows_outside() && !own_rules.contains(&rule) {
            found.add("permissions", rule.to_string(), false);
        }
    }
    project.specs.values().for_each(|spec| found.add_spec(spec));
    found.into_commands()
}

#[derive(Default)]
struct Found(BTreeMap<String, (BTreeSet<String>, usize)>);

impl Found {
    fn add(&mut self, at: &str, text: String, of_spec: bool) {
        let (places, specs) = self.0.entry(text).or_default();
        if !places.contains(at) {
            places.insert(at.to_owned());
        }
        *specs += usize::from(of_spec);
    }

    fn add_spec(&mut self, spec: &Spec) {
        if let Some(line) = &spec.when {
            self.add("when", line.clone(), true);
        }
        for stage in &spec.stages {
            let at = format!("stage `{}`", stage.name);
            if let Some(line) = &stage.when {
                self.add(&format!("{at}, when"), line.clone(), true);
            }
            let set = environment(&stage.symbolic_env);
            match &stage.work {
                Work::Run { line } => self.add(&at, format!("{set}{line}"), true),
                Work::Agent { .. } if !set.is_empty() => {
                    self.add(&at, format!("{set}(its agent)"), true);
                }
                Work::Agent { .. } | Work::Gate => {}
            }
        }
    }

    fn into_commands(self) -> Vec<Foreign> {
        let place = |(text, (places, specs)): (String, (BTreeSet<String>, usize))| Foreign {
            text,
            at: places.into_iter().collect::<Vec<_>>().join(", "),
            specs,
        };
        self.0.into_iter().map(place).collect()
    }
}

fn environment(pairs: &[(String, String)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = write!(text, "{name}={} ", quoted(value));
        text
    })
}

fn agent_text(agent: &Agent, argv: &[String]) -> String {
    let argv: Vec<String> = argv.iter().chain(&agent.model_args).map(|word| quoted(word)).collect();
    environment(&agent.env) + &argv.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AgentName;
    use crate::graph::sample::Sample;
    use crate::model::{Answer, Notify, PathRule, PermissionRule};

    fn agent(name: &str, command: &[&str]) -> Agent {
        Agent {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..Agent::new(AgentName::new(name).expect("a name"))
        }
    }

    #[test]
    fn everything_that_would_run_is_found() {
        let mut sample = Sample::new();
        for name in ["a", "b"] {
            let spec = sample.spec(name, "", &["plan", "check"], &[]);
            spec.stages[1].work = Work::Run { line: "npm test".into() };
            spec.stages[1].symbolic_env = vec![("SITE".into(), "x".into())];
            spec.when = Some("test -e go".into());
        }
        let project = &mut sample.project;
        project.settings.setup = vec!["npm ci".into()];
        project.settings.notify = Some(Notify { line: "notify-send".into(), is_own: false });
        project.land.check = vec!["make".into()];
        let known = agent("known", &["claude", "-p"]);
        for agent in [
            agent("evil", &["sh", "-c", "rm x"]),
            Agent { name: agent("renamed", &[]).name, ..known.clone() },
        ] {
            project.agents.insert(agent.name.clone(), agent);
        }
        let found: Vec<(String, String, usize)> =
            commands(project, &[known]).into_iter().map(|c| (c.text, c.at, c.specs)).collect();
        let expect = [
            ("SITE=x npm test", "stage `check`", 2),
            ("make", "land check", 0),
            ("notify-send", "notify", 0),
            ("npm ci", "setup", 0),
            ("sh -c 'rm x'", "agent `evil`", 0),
            ("test -e go", "when", 2),
            ("true", "stage `plan`", 2),
        ];
        assert_eq!(found, expect.map(|(text, at, specs)| (text.to_owned(), at.to_owned(), specs)));
        project.settings.notify = Some(Notify { line: "notify-send".into(), is_own: true });
        assert!(commands(project, &[]).iter().all(|command| command.at != "notify"), "it is the user's own");
    }

    #[test]
    fn a_known_agent_with_another_environment_is_foreign() {
        let known = agent("known", &["claude"]);
        let mut other = known.clone();
        other.model = Some("opus".into());
        assert!(same_program(&known, &other));
        other.env = vec![("PATH".into(), "./bin".into())];
        assert!(!same_program(&known, &other));
    }

    #[test]
    fn what_may_be_done_outside_is_found_unless_the_user_said_so() {
        let rule = |text: &str| PermissionRule {
            answer: Answer::Allow,
            kind: None,
            paths: vec![PathRule::new(text).expect("a path")],
        };
        let known = Agent { permissions: vec![rule("~/.cargo/**")], ..agent("known", &["claude"]) };
        let mut sample = Sample::new();
        let permissions = vec![rule("src/**"), rule("/etc/**"), rule("~/.cargo/**")];
        let other = Agent { permissions, ..known.clone() };
        sample.project.agents.insert(other.name.clone(), other);
        let found: Vec<String> = commands(&sample.project, &[known]).into_iter().map(|c| c.text).collect();
        assert_eq!(found, ["allow \"any\" \"/etc/**\""]);
    }

    #[test]
    fn built_in_agents_are_the_users_own() {
        let own = own_agents(None);
        for built_in in builtin::AGENTS {
            assert!(own.iter().any(|agent| agent.name.as_str() == built_in.name), "{}", built_in.name);
        }
    }

    #[test]
    fn words_are_quoted_as_a_shell_would_need() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("{prompt}"), "{prompt}");
        assert_eq!(environment(&[("A".into(), "x y".into())]), "A='x y' ");
    }
}
