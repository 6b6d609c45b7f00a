//! `specmake init`: a Specfile from the spec folders of a repository.
use super::exit::Exit;
use crate::base::{SpecName, english};
use crate::syntax;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// Folders of specs that are looked for: below which folder, by which files, for which pipeline.
const KINDS: [(&str, &[&str], &str); 4] = [
    ("openspec/changes", &["proposal.md"], "openspec"),
    ("specs", &["spec.yaml", "spec.yml"], "autospec"),
    ("specs", &["spec.md"], "specmake"),
    ("specs", &["plan.md", "tasks.md", "README.md"], "specmake"),
];

/// What a repository is tested with, by a file at its top.
const TESTS: [(&str, &str); 6] = [
    ("Makefile", "make test"),
    ("Cargo.toml", "cargo test"),
    ("package.json", "npm test"),
    ("go.mod", "go test ./..."),
    ("pyproject.toml", "pytest"),
    ("mix.exs", "mix test"),
];

/// Named where no agent is installed.
const AGENT: &str = "opencode";

/// What `init` is to do.
#[derive(Debug, Clone, Copy)]
pub struct InitRequest<'r> {
    /// The top of the checkout.
    pub top: &'r Path,
    /// The Specfile to be.
    pub file: &'r Path,
    /// An agent that is installed, if any is.
    pub agent: Option<&'r str>,
}

/// Spec folders that were found.
#[derive(Debug, Default)]
struct Found {
    specs: Vec<FoundSpec>,
    /// Folders whose names cannot be names of specs.
    left_out: Vec<String>,
}

#[derive(Debug)]
struct FoundSpec {
    name: String,
    title: Option<String>,
}

/// Writes a Specfile with the specs that are there; refuses with 2 if there is one.
///
/// # Errors
/// The file cannot be written, or `out` cannot.
pub fn init(request: &InitRequest<'_>, out: &mut dyn Write) -> io::Result<u8> {
    let InitRequest { top, file, agent } = *request;
    let (pipeline, found) = look(top);
    let test = TESTS.iter().find(|(file, _)| top.join(file).is_file()).map_or("make test", |(_, test)| test);
    let text = text(agent.unwrap_or(AGENT), pipeline, test, &found.specs);
    // Made new, so that no Specfile is ever written over, not even one that appears meanwhile.
    let mut created = match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(created) => created,
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            writeln!(out, "there is a Specfile already: {}", file.display())?;
            return Ok(Exit::Usage.code());
        }
        Err(why) => return Err(why),
    };
    created.write_all(text.as_bytes())?;
    created.sync_all()?;
    let specs = english::count(found.specs.len(), "spec");
    writeln!(out, "wrote {}: {specs}, pipeline `{pipeline}`", file.display())?;
    for name in &found.left_out {
        writeln!(out, "left out: `{}` cannot be the name of a spec", name.escape_debug())?;
    }
    if agent.is_none() {
        writeln!(out, "no agent was found on the `PATH`, so it names `{AGENT}`: install it, or name yours")?;
    }
    if found.specs.is_empty() {
        writeln!(out, "next: `specmake new NAME \"what it is\"` adds a spec")?;
    } else {
        writeln!(out, "next: look it over and commit it, then see `specmake -n`")?;
    }
    Ok(Exit::Done.code())
}

/// The pipeline that the files speak for, and the specs, by name.
fn look(top: &Path) -> (&'static str, Found) {
    for (folder, files, pipeline) in KINDS {
        let Ok(entries) = std::fs::read_dir(top.join(folder)) else { continue };
        let mut found = Found::default();
        for entry in entries.flatten() {
            let file = files.iter().map(|file| entry.path().join(file)).find(|file| file.is_file());
            let Some(file) = file else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            match SpecName::new(&name) {
                Ok(_) => found.specs.push(FoundSpec { name, title: title(&file) }),
                Err(_) => found.left_out.push(name),
            }
        }
        if !found.specs.is_empty() {
            found.specs.sort_by(|a, b| a.name.cmp(&b.name));
            found.left_out.sort();
            let speckit = pipeline == "specmake" && top.join(".specify").is_dir();
            return (if speckit { "spec-kit" } else { pipeline }, found);
        }
    }
    ("specmake", Found::default())
}

/// The first heading of a Markdown file, without what templates put before it.
fn title(file: &Path) -> Option<String> {
    file.extension().filter(|extension| *extension == "md")?;
    let text = std::fs::read_to_string(file).ok()?;
    let heading = text.lines().find_map(|line| line.strip_prefix("# "))?.trim();
    let heading = ["Feature Specification:", "Specification:", "Change:", "Spec:"]
        .iter()
        .find_map(|lead| heading.strip_prefix(lead))
        .unwrap_or(heading);
    let heading = heading.trim().trim_matches('`');
    (!heading.is_empty()).then(|| heading.to_owned())
}

fn text(agent: &str, pipeline: &str, test: &str, found: &[FoundSpec]) -> String {
    let agent = syntax::quote(agent);
    let mut text = format!(
        r#"// What is to be built, and by whom. `specmake check` says what is wrong with this file,
// `specmake -n` what a build would do, `specmake` builds it.
project {{
    // base "main"              // the branch that results land on; else the one that is checked out
    jobs 4                      // agents and commands at once
    pipeline "{pipeline}"
    // setup "npm ci"           // once in each new worktree
    // copy ".env"              // ignored files that a worktree needs
    // keep "target"            // ignored folders that the next worktree gets from one that has landed
}}

// The agent that does the work: opencode, claude, codex, pi ..., demo (plays a script, for trying
// things out), or any program: agent "mine" {{ command "./agent.sh"; prompt "stdin" }}
agent {agent}

// What tells whether the work is right; without it, the agent itself looks it over.
// stage "check" {{ run "{test}" }}
// land {{ check "{test}" }}   // on exactly the commit that will land

"#
    );
    for spec in found {
        text.push_str(&format!("spec {}", syntax::quote(&spec.name)));
        if let Some(title) = &spec.title {
            text.push_str(&format!(" {}", syntax::quote(title)));
        }
        text.push('\n');
    }
    if found.is_empty() {
        text.push_str("// spec \"001-first\" \"What it is, in a sentence or two\"\n");
        text.push_str("// spec \"002-second\" \"What comes next\" { needs \"001-first\" }\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::checkout::Checkout;
    use super::*;
    use crate::model::{LoadRequest, Text, load};

    fn run(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let file = folder.path().join("Specfile");
        let mut out = Vec::new();
        let init = |out: &mut Vec<u8>| {
            let request = InitRequest { top: folder.path(), file: &file, agent: None };
            init(&request, out).expect("no trouble")
        };
        assert_eq!(init(&mut out), 0);
        let text = std::fs::read_to_string(&file).expect("read");
        assert_eq!(syntax::format(&text).as_deref(), Ok(text.as_str()), "laid out");
        let request = LoadRequest {
            specfile: Text { name: "Specfile".into(), bytes: text.clone().into_bytes() },
            repo: "r".into(),
            ..LoadRequest::default()
        };
        let loaded = load(&request, &Checkout::new(folder.path()));
        assert_eq!(loaded.diagnostics, [], "{text}");
        assert_eq!(init(&mut out), 2, "never written over");
        let said = String::from_utf8(out).expect("text");
        assert!(said.contains("so it names `opencode`"), "{said}");
        format!("{text}{said}")
    }

    #[test]
    fn specs_that_are_there() {
        let text = run(&[
            ("specs/002-b/spec.md", "intro\n# Feature Specification: The \"B\"\n"),
            ("specs/001-a/spec.md", "no heading"),
            ("specs/bad name/spec.md", "# No\n"),
            ("specs/empty/other", ""),
        ]);
        let specs: Vec<&str> = text.lines().filter(|line| line.starts_with("spec ")).collect();
        assert_eq!(specs, ["spec \"001-a\"", "spec \"002-b\" \"The \\\"B\\\"\""]);
        assert!(text.contains("pipeline \"specmake\""));
        assert!(text.contains("2 specs") && text.contains("left out: `bad name`"), "{text}");
    }

    #[test]
    fn other_tools_have_their_pipelines() {
        assert!(run(&[("specs/a/spec.md", "x"), (".specify/x", "")]).contains("pipeline \"spec-kit\""));
        assert!(run(&[("specs/a/spec.yaml", "x")]).contains("pipeline \"autospec\"\n"));
        assert!(run(&[("openspec/changes/a/proposal.md", "x")]).contains("pipeline \"openspec\""));
        let empty = run(&[]);
        assert!(empty.contains("// spec \"001-first\"") && empty.contains("`specmake new NAME"), "{empty}");
        assert!(run(&[("Cargo.toml", "")]).contains("// land { check \"cargo test\" }"));
    }
}
