//! `specmake fmt`: the Specfile laid out anew.
use super::diagnose;
use super::exit::Exit;
use crate::base::{Diagnostic, SourceId, Sources};
use crate::report::Style;
use crate::syntax;
use crate::sys::files;
use std::io::{self, Write};
use std::path::Path;

/// What `fmt` is to do.
#[derive(Debug, Clone, Copy)]
pub struct FmtRequest<'r> {
    /// The file.
    pub file: &'r Path,
    /// What to call it.
    pub name: &'r str,
    /// Change nothing, say whether something would be.
    pub check: bool,
}

/// Lays a file out anew, by a temporary file and a rename; a file that is laid out already is not touched.
/// Ends with 2 if it cannot be read as a Specfile, and for `check` with 1 if it would change.
///
/// # Errors
/// The file cannot be read or written, or `out` cannot.
pub fn fmt(request: FmtRequest<'_>, style: Style, width: usize, out: &mut dyn Write) -> io::Result<u8> {
    let bytes = std::fs::read(request.file)?;
    let laid_out = match syntax::decode(SourceId(0), &bytes) {
        Ok(text) => syntax::format(text).map_err(|found| (found, text.to_owned())),
        Err((found, shown)) => Err((vec![*found], shown)),
    };
    match laid_out {
        Err((found, text)) => {
            write!(out, "{}", mistakes(&found, request.name, &text, style, width))?;
            Ok(Exit::Usage.code())
        }
        Ok(text) if text.as_bytes() == bytes => Ok(Exit::Done.code()),
        Ok(_) if request.check => {
            writeln!(out, "{} is not laid out; `specmake fmt` would change it", request.name)?;
            Ok(Exit::Failed.code())
        }
        Ok(text) => {
            // A link to the Specfile stays a link.
            files::replace(&request.file.canonicalize()?, text.as_bytes())?;
            Ok(Exit::Done.code())
        }
    }
}

fn mistakes(found: &[Diagnostic], name: &str, text: &str, style: Style, width: usize) -> String {
    let mut sources = Sources::default();
    sources.add(name, text);
    diagnose::render(found, &sources, style, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str, check: bool) -> (u8, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("Specfile");
        std::fs::write(&file, text).expect("written");
        let mut out = Vec::new();
        let request = FmtRequest { file: &file, name: "Specfile", check };
        let code = fmt(request, Style::default(), 80, &mut out).expect("no trouble");
        let after = std::fs::read_to_string(&file).expect("read");
        (code, after, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn in_place_or_only_said() {
        assert_eq!(run("a  1", false).0, 0);
        assert_eq!(run("a  1", false).1, "a 1\n");
        let (code, after, out) = run("a  1", true);
        assert_eq!((code, after.as_str()), (1, "a  1"));
        assert!(out.contains("Specfile is not laid out"));
        assert_eq!(run("a 1\n", true).0, 0);
    }

    #[test]
    fn a_broken_file_stays_as_it_is() {
        let (code, after, out) = run("a {", false);
        assert_eq!((code, after.as_str()), (2, "a {"));
        assert!(out.contains("never closed"));
    }
}
