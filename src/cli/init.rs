//! `specmake init`: a Specfile from the spec folders of a repository.
use super::exit::Exit;
use crate::base::SpecName;
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

/// A spec folder that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    name: String,
    title: Option<String>,
}

/// Writes a Specfile with the specs that are there; refuses with 2 if there is one. `agent` is the first agent to
/// name, one that is installed if any is.
///
/// # Errors
/// The file cannot be written, or `out` cannot.
pub fn init(top: &Path, file: &Path, agent: &str, out: &mut dyn Write) -> io::Result<u8> {
    let (pipeline, found) = look(top);
    let text = text(agent, pipeline, &found);
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
    writeln!(out, "wrote {}; look it over, then see `specmake -n`", file.display())?;
    Ok(Exit::Done.code())
}

/// The pipeline that the files speak for, and the specs, by name.
fn look(top: &Path) -> (&'static str, Vec<Found>) {
    for (folder, files, pipeline) in KINDS {
        let Ok(entries) = std::fs::read_dir(top.join(folder)) else { continue };
        let mut found: Vec<Found> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let file = files.iter().map(|file| entry.path().join(file)).find(|file| file.is_file())?;
                SpecName::new(&name).ok()?;
                Some(Found { name, title: title(&file) })
            })
            .collect();
        if !found.is_empty() {
            found.sort_by(|a, b| a.name.cmp(&b.name));
            let speckit = pipeline == "specmake" && top.join(".specify").is_dir();
            return (if speckit { "spec-kit" } else { pipeline }, found);
        }
    }
    ("specmake", Vec::new())
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

fn text(agent: &str, pipeline: &str, found: &[Found]) -> String {
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
}}

// The agent that does the work: demo, opencode, claude, codex, pi, gemini, or any program of yours.
agent {agent}

// What tells whether the work is right; without it, the agent itself looks it over.
// stage "check" {{ run "npm test" }}
// land {{ check "npm test" }}

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
        assert_eq!(init(folder.path(), &file, "demo", &mut out).expect("no trouble"), 0);
        let text = std::fs::read_to_string(&file).expect("read");
        assert_eq!(syntax::format(&text).as_deref(), Ok(text.as_str()), "laid out");
        let request = LoadRequest {
            specfile: Text { name: "Specfile".into(), bytes: text.clone().into_bytes() },
            repo: "r".into(),
            ..LoadRequest::default()
        };
        let loaded = load(&request, &Checkout::new(folder.path()));
        assert_eq!(loaded.diagnostics, [], "{text}");
        assert_eq!(
            init(folder.path(), &file, "demo", &mut out).expect("no trouble"),
            2,
            "never written over"
        );
        text
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
    }

    #[test]
    fn other_tools_have_their_pipelines() {
        assert!(run(&[("specs/a/spec.md", "x"), (".specify/x", "")]).contains("pipeline \"spec-kit\""));
        assert!(run(&[("specs/a/spec.yaml", "x")]).contains("pipeline \"autospec\"\n"));
        assert!(run(&[("openspec/changes/a/proposal.md", "x")]).contains("pipeline \"openspec\""));
        assert!(run(&[]).contains("// spec \"001-first\""));
    }
}
