//! `specmake new`: one more spec in the Specfile.
use super::args::Cli;
use super::diagnose;
use super::exit::Exit;
use crate::base::{Severity, SpecName};
use crate::model::{Files, LoadRequest, load};
use crate::report::Style;
use crate::{syntax, sys::files};
use std::io::{self, Write};
use std::path::Path;

/// A spec to be.
#[derive(Debug, Clone, Copy)]
pub struct NewSpec<'r> {
    /// The Specfile, whose text is that of the load request.
    pub file: &'r Path,
    /// The spec's name, not yet checked.
    pub name: &'r str,
    /// What it is about.
    pub description: &'r str,
}

/// Adds a spec after the last line of the Specfile; every other byte stays. Ends with 2, and changes nothing, if
/// the name or the Specfile is wrong.
///
/// # Errors
/// The Specfile cannot be written, or `out` cannot.
pub fn new(
    spec: NewSpec<'_>,
    request: &LoadRequest,
    checkout: &dyn Files,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<u8> {
    if let Err(why) = SpecName::new(spec.name) {
        writeln!(out, "`{}` cannot be the name of a spec: {why}", spec.name)?;
        return Ok(Exit::Usage.code());
    }
    if spec.description.trim().is_empty() {
        writeln!(out, "a description says what the spec is about; it cannot be empty")?;
        return Ok(Exit::Usage.code());
    }
    let before = load(request, checkout);
    if before.has_errors() {
        write!(out, "{}", diagnose::render(&before.diagnostics, &before.sources, style, usize::MAX))?;
        writeln!(out, "nothing was added: mend the Specfile first")?;
        return Ok(Exit::Usage.code());
    }
    let text = String::from_utf8_lossy(&request.specfile.bytes);
    let node = format!("spec {} {}", syntax::quote(spec.name), syntax::quote(spec.description.trim()));
    let text = syntax::append(&text, &node);
    let mut after = request.clone();
    after.specfile.bytes = text.clone().into_bytes();
    let after = load(&after, checkout);
    if after.has_errors() {
        let errors: Vec<_> =
            after.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
        write!(out, "{}", diagnose::render(&errors, &after.sources, style, usize::MAX))?;
        writeln!(out, "nothing was added")?;
        return Ok(Exit::Usage.code());
    }
    files::replace(&spec.file.canonicalize()?, text.as_bytes())?;
    let name = spec.name;
    let goal = if Cli::command_names().iter().any(|command| command == name) { "build " } else { "" };
    writeln!(out, "added `{name}` to {}; build it with `specmake {goal}{name}`", request.specfile.name)?;
    Ok(Exit::Done.code())
}

#[cfg(test)]
mod tests {
    use super::super::checkout::Checkout;
    use super::*;
    use crate::model::Text;

    fn run(text: &str, name: &str) -> (u8, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("Specfile");
        std::fs::write(&file, text).expect("written");
        let request = LoadRequest {
            specfile: Text { name: "Specfile".into(), bytes: text.into() },
            repo: "r".into(),
            ..LoadRequest::default()
        };
        let mut out = Vec::new();
        let spec = NewSpec { file: &file, name, description: "Say \"hi\"" };
        let code = new(spec, &request, &Checkout::new(folder.path()), Style::default(), &mut out);
        let after = std::fs::read_to_string(&file).expect("read");
        (code.expect("no trouble"), after, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn one_line_more() {
        let (code, after, out) = run("agent   \"demo\" // mine", "a");
        assert!(out.ends_with("build it with `specmake a`\n"), "{out}");
        assert!(run("agent \"demo\"", "status").2.ends_with("`specmake build status`\n"));
        assert_eq!((code, after.as_str()), (0, "agent   \"demo\" // mine\nspec \"a\" \"Say \\\"hi\\\"\"\n"));
    }

    #[test]
    fn nothing_on_a_mistake() {
        let text = "agent \"demo\"\nspec \"a\" \"A\"\n";
        for (text, name, word) in [
            (text, "a", "declared twice"),
            (text, "a b", "cannot be the name"),
            ("agent \"demo\"\nspec", "b", "mend the Specfile first"),
        ] {
            let (code, after, out) = run(text, name);
            assert_eq!((code, after.as_str()), (2, text));
            assert!(out.contains(word), "{out}");
        }
    }
}
