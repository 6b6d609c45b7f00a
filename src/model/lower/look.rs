//! What is said where: every setting as it is written with its place, and every agent that anybody could name.
use super::agent;
use super::declared::{Declared, Taste};
use super::gather::{Gather, tree};
use super::library::Library;
use super::notes::Notes;
use crate::base::{AgentName, Sources, Span};
use crate::model::look::{Home, KnownAgent, Look, Origin, Said, Setting};
use crate::model::{Files, LoadRequest};
use crate::syntax::Node;

/// Settings of `project`, and what holds where nobody says them.
const PROJECT: [(&str, &[&str]); 24] = [
    ("base", &[]),
    ("jobs", &["4"]),
    ("pipeline", &["\"specmake\""]),
    ("specs", &["\"specs/{spec}\""]),
    ("worktrees", &["\"../{repo}.worktrees/{spec}\""]),
    ("branch", &["\"spec/{spec}\""]),
    ("copy", &[]),
    ("link", &[]),
    ("keep", &[]),
    ("setup", &[]),
    ("context", &[]),
    ("secrets", &[]),
    ("commit-inputs", &["\"ask\""]),
    ("ingredients", &[]),
    ("touches", &["\"warn\""]),
    ("conflicts", &["\"warn\""]),
    ("limits", &["memory=85 disk=\"1GB\""]),
    ("budget", &[]),
    ("notify", &[]),
    ("permissions", &[]),
    ("env", &[]),
    ("timeout", &["\"4h\""]),
    ("stall", &[]),
    ("on-failure", &[]),
];

/// The same of `land`.
const LAND: [(&str, &[&str]); 7] = [
    ("check", &[]),
    ("batch", &["1"]),
    ("parallel", &["1"]),
    ("strategy", &["\"merge\""]),
    ("into", &[]),
    ("timeout", &["\"4h\""]),
    ("on-conflict", &["{ hold }"]),
];

/// Looks at all that a request says.
pub(in crate::model) fn look(request: &LoadRequest, files: &dyn Files) -> Look {
    let mut gather = Gather::new(files);
    gather.text(&request.specfile.name, &request.specfile.bytes);
    let Gather { mut sources, declared, .. } = gather;
    let mut notes = Notes::quiet();
    let (mut own, mut taste) = (Vec::new(), Taste::default());
    if let Some(text) = &request.user_config {
        own = tree(&mut notes, &mut sources, &text.name, &text.bytes);
        taste = super::taste::read(&mut notes, &mut sources, &text.name, &text.bytes);
    }
    let library = Library::new(&mut sources);
    let agents = agents(&declared, &taste, &library);
    let settings =
        Settings { request, declared: &declared, own: &own, taste: &taste, sources: &sources }.all();
    Look { agents, settings, sources }
}

fn agents(declared: &Declared, taste: &Taste, library: &Library) -> Vec<KnownAgent> {
    let built_in: Vec<AgentName> =
        Library::agent_names().filter_map(|name| AgentName::new(name).ok()).collect();
    let specfile = declared.agents.keys().map(|name| (name, Home::Specfile));
    let user = taste.agents.keys().map(|name| (name, Home::User));
    let mut known: Vec<KnownAgent> = Vec::new();
    for (name, home) in specfile.chain(user).chain(built_in.iter().map(|name| (name, Home::BuiltIn))) {
        if known.iter().any(|known| known.agent.name == *name) {
            continue;
        }
        let found = agent::resolve(&mut Notes::quiet(), declared, taste, library, name);
        known.extend(found.map(|agent| KnownAgent { agent, home }));
    }
    known
}

struct Settings<'a> {
    request: &'a LoadRequest,
    declared: &'a Declared,
    /// What stands in the user's own file.
    own: &'a [Node],
    taste: &'a Taste,
    sources: &'a Sources,
}

impl Settings<'_> {
    fn all(&self) -> Vec<Setting> {
        let mut all = vec![self.agent(), self.model()];
        for (key, usual) in PROJECT {
            let mut said = self.asked(key);
            if said.is_empty() || key == "limits" && said.iter().any(|said| said.text == "on") {
                said = self.in_blocks("project", key);
            }
            let is_open = said.is_empty() || key == "limits";
            if is_open
                && ["jobs", "notify", "limits"].contains(&key)
                && !said.iter().any(|said| said.text == "off")
            {
                said.extend(self.of_user(key));
            }
            all.push(setting(key.to_owned(), said, usual));
        }
        for (key, usual) in LAND {
            all.push(setting(format!("land.{key}"), self.in_blocks("land", key), usual));
        }
        for node in self.declared.said.iter().filter(|node| node.name.text == "land" && !node.args.is_empty())
        {
            all.push(setting("land".to_owned(), vec![self.said(node)], &[]));
        }
        for word in ["agent", "pool", "resource", "pipeline", "stage"] {
            let specfile = self.declared.said.iter().filter(|node| node.name.text == word);
            let mut seen = Vec::new();
            for node in specfile.chain(self.own.iter().filter(|node| node.name.text == word)) {
                let mut said = self.said(node);
                let Some((name, rest)) = split(&said.text) else { continue };
                let key = format!("{word}.{name}");
                said.text = match word {
                    _ if !rest.is_empty() => rest,
                    "agent" => format!("uses=\"{name}\""),
                    "pool" | "resource" => "depth=1".to_owned(),
                    _ => "{ }".to_owned(),
                };
                if !seen.contains(&key) {
                    seen.push(key.clone());
                    all.push(setting(key, vec![said], &[]));
                }
            }
        }
        let trust = self.own.iter().filter(|node| node.name.text == "trust").map(|node| self.said(node));
        all.push(setting("trust".to_owned(), trust.collect(), &[]));
        all
    }

    fn agent(&self) -> Setting {
        let mut said = self.asked("agent");
        let first = self.declared.agents.iter().next().map(|(name, agent)| (name.clone(), agent.span));
        let first = first.or_else(|| self.taste.agent.as_ref().map(|at| (at.value.clone(), at.span)));
        if let Some((name, span)) = first.filter(|_| said.is_empty()) {
            said.push(Said { text: format!("\"{name}\""), origin: Origin::Text(span) });
        }
        setting("agent".to_owned(), said, &[])
    }

    fn model(&self) -> Setting {
        let mut said = self.asked("model");
        if said.is_empty() {
            said = self.of_user("model");
        }
        setting("model".to_owned(), said, &[])
    }

    /// What the command line asks for, else the environment.
    fn asked(&self, key: &str) -> Vec<Said> {
        let request = self.request;
        let typed = match key {
            "jobs" => request.jobs.map(|jobs| jobs.to_string()),
            "agent" => request.agent.as_ref().map(|agent| format!("\"{agent}\"")),
            "model" => request.model.as_ref().map(|model| format!("\"{model}\"")),
            _ => None,
        };
        if let Some(text) = typed {
            return vec![Said { text, origin: Origin::CommandLine }];
        }
        // A model from the environment was meant for another agent.
        let is_for_another = key == "model" && request.agent.is_some();
        let name = format!("SPECMAKE_{}", key.to_ascii_uppercase());
        let is_ours = ["jobs", "agent", "model", "notify", "limits"].contains(&key) && !is_for_another;
        let value = request.env.get(&name).filter(|value| is_ours && !(key == "model" && value.is_empty()));
        let bare = ["jobs", "limits"].contains(&key);
        let text = value.map(|value| if bare { value.clone() } else { format!("\"{value}\"") });
        text.into_iter().map(|text| Said { text, origin: Origin::Environment(name.clone()) }).collect()
    }

    /// What the blocks of that name in the Specfile say.
    fn in_blocks(&self, block: &str, key: &str) -> Vec<Said> {
        let blocks = self.declared.said.iter().filter(|node| node.name.text == block);
        blocks.flat_map(|node| self.children(node, key)).collect()
    }

    fn of_user(&self, key: &str) -> Vec<Said> {
        let (blocks, own): (Vec<&Node>, Vec<&Node>) =
            self.own.iter().partition(|node| node.name.text == "project");
        let top = own.into_iter().filter(|node| node.name.text == key).map(|node| self.said(node));
        top.chain(blocks.into_iter().flat_map(|node| self.children(node, key))).collect()
    }

    fn children(&self, node: &Node, key: &str) -> Vec<Said> {
        let children = node.children.iter().flatten().filter(|child| child.name.text == key);
        children.map(|child| self.said(child)).collect()
    }

    fn said(&self, node: &Node) -> Said {
        Said { text: self.written(node), origin: Origin::Text(node.name.span) }
    }

    /// A node as it is written, without its name.
    fn written(&self, node: &Node) -> String {
        let slice = |span: Span| {
            let text = self.sources.file(span.source).map(|file| file.text.as_ref());
            text.and_then(|text: &str| text.get(span.start..span.start + span.len))
                .unwrap_or_default()
                .to_owned()
        };
        let args = node.args.iter().map(|value| slice(value.span));
        let props = node.props.iter().map(|prop| format!("{}={}", prop.name.text, slice(prop.value.span)));
        let mut parts: Vec<String> = args.chain(props).collect();
        if let Some(children) = &node.children {
            let children: Vec<String> = children
                .iter()
                .map(|child| format!("{} {}", child.name.text, self.written(child)).trim_end().to_owned())
                .collect();
            parts.push(format!("{{ {} }}", children.join("; ")));
        }
        parts.join(" ")
    }
}

/// `"name" depth=2` into the name and the rest.
fn split(text: &str) -> Option<(String, String)> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some((name.trim_matches('"').to_owned(), rest.to_owned())).filter(|(name, _)| !name.is_empty())
}

fn setting(key: String, said: Vec<Said>, usual: &[&str]) -> Setting {
    let usual = usual.iter().map(|text| Said { text: (*text).to_owned(), origin: Origin::BuiltIn });
    Setting { key, said: if said.is_empty() { usual.collect() } else { said } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Text, load};
    use std::io;

    struct Nothing;

    impl Files for Nothing {
        fn read(&self, _path: &str) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::NotFound.into())
        }

        fn glob(&self, _pattern: &crate::model::Pattern) -> Vec<String> {
            Vec::new()
        }

        fn spec_folder_has_text(&self, _folder: &str) -> bool {
            false
        }

        fn folder_exists(&self, _folder: &str) -> bool {
            false
        }
    }

    fn request(text: &str) -> LoadRequest {
        let specfile = Text { name: "Specfile".into(), bytes: text.as_bytes().to_vec() };
        LoadRequest { specfile, repo: "repo".into(), ..LoadRequest::default() }
    }

    #[test]
    fn every_setting_of_a_project_is_shown() {
        let mut shown: Vec<&str> = PROJECT.iter().map(|(key, _)| *key).collect();
        let mut known = super::super::project::PROJECT.children.to_vec();
        shown.sort_unstable();
        known.sort_unstable();
        assert_eq!(shown, known);
    }

    /// What is shown as usual, said in a Specfile, changes nothing.
    #[test]
    fn usual_values_are_those_that_hold() {
        let rest = "agent \"claude\"\nspec \"a\" \"A\"\n";
        let lines = |settings: &[(&str, &[&str])]| -> String {
            settings
                .iter()
                .flat_map(|(key, usual)| usual.iter().map(move |text| format!("{key} {text}\n")))
                .collect()
        };
        let said = format!("project {{\n{}}}\nland {{\n{}}}\n{rest}", lines(&PROJECT), lines(&LAND));
        let project = |text: &str| {
            let loaded = load(&request(text), &Nothing);
            assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
            loaded.project.expect("no mistakes")
        };
        let (said, unsaid) = (project(&said), project(rest));
        assert_eq!(format!("{:?}", said.settings), format!("{:?}", unsaid.settings));
        let plain = |project: &crate::model::Project| {
            let spec = &project.specs["a"];
            let land = crate::model::Land { span: None, ..project.land.clone() };
            let stages: Vec<_> =
                spec.stages.iter().map(|stage| (stage.name.clone(), stage.timeout)).collect();
            format!("{land:?} {} {} {stages:?}", spec.worktree, spec.branch)
        };
        assert_eq!(plain(&said), plain(&unsaid));
    }

    #[test]
    fn what_has_a_name_is_shown_by_it() {
        let text = "agent \"pi\"\nagent \"careful\" uses=\"claude\" pool=\"p\" { price in=3.0 }\npool \"p\"\nresource \"db\" depth=2\nstage \"plan\" { timeout \"20m\" }\npipeline \"docs\" { stage \"draft\" { prompt \"x\" } }";
        let user_config =
            Some(Text { name: "config.kdl".into(), bytes: b"agent \"pi\" model=\"m\"".to_vec() });
        let found = look(&LoadRequest { user_config, ..request(text) }, &Nothing);
        let named: Vec<String> = found
            .settings
            .iter()
            .filter(|of| of.key.contains('.') && !of.key.starts_with("land."))
            .map(|of| format!("{} {}", of.key, of.said[0].text))
            .collect();
        assert_eq!(
            named,
            [
                "agent.pi uses=\"pi\"",
                "agent.careful uses=\"claude\" pool=\"p\" { price in=3.0 }",
                "pool.p depth=1",
                "resource.db depth=2",
                "pipeline.docs { stage \"draft\" { prompt \"x\" } }",
                "stage.plan { timeout \"20m\" }",
            ]
        );
    }

    #[test]
    fn the_closest_text_that_names_an_agent_is_its_home() {
        let user_config = Some(Text {
            name: "config.kdl".into(),
            bytes: b"agent \"claude\" model=\"m\"\nagent \"mine\" uses=\"pi\"".to_vec(),
        });
        let found = look(&LoadRequest { user_config, ..request("agent \"pi\" model=\"x\"") }, &Nothing);
        let home = |name: &str| {
            found.agents.iter().find(|known| known.agent.name.as_str() == name).map(|known| known.home)
        };
        assert_eq!(home("pi"), Some(Home::Specfile));
        assert_eq!((home("claude"), home("mine")), (Some(Home::User), Some(Home::User)));
        assert_eq!(home("codex"), Some(Home::BuiltIn));
    }
}
