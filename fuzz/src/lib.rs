//! What holds for every text whatsoever, as a function that panics where it does not.
#![forbid(unsafe_code)]

use specmake::base::SourceId;
use specmake::cli::diagnose;
use specmake::model::{Files, LoadRequest, Pattern, Text, load};
use specmake::report::Style;
use specmake::syntax;
use std::io;

/// Files that all hold the same bytes, so that includes and prompts are random too.
struct Same<'a>(&'a [u8]);

impl Files for Same<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if path.contains("none") { Err(io::Error::other("none")) } else { Ok(self.0.to_vec()) }
    }

    fn glob(&self, pattern: &Pattern) -> Vec<String> {
        let paths = ["a.kdl", "specs/x/Specfile", "none"].map(str::to_owned);
        paths.into_iter().filter(|path| pattern.matches(path)).collect()
    }

    fn spec_folder_has_text(&self, folder: &str) -> bool {
        folder.len() % 2 == 0
    }

    fn folder_exists(&self, folder: &str) -> bool {
        folder.len() % 3 == 0
    }
}

/// Loads, lays out and reports on a text; panics if one of them goes wrong.
pub fn once(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let (_, mistakes) = syntax::parse(SourceId(0), text);
        match syntax::format(text) {
            Ok(laid_out) => {
                assert!(mistakes.is_empty(), "laid out in spite of mistakes");
                assert_eq!(syntax::format(&laid_out).as_deref(), Ok(laid_out.as_str()), "laid out twice");
            }
            Err(_) => assert!(!mistakes.is_empty(), "not laid out, and no mistake"),
        }
    }
    let text = |name: &str, bytes: &[u8]| Text { name: name.to_owned(), bytes: bytes.to_vec() };
    let (specfile, user) = data.split_at(data.len() - data.len() / 4);
    let requests = [
        LoadRequest { specfile: text("Specfile", data), repo: "repo".to_owned(), ..LoadRequest::default() },
        LoadRequest {
            specfile: text("Specfile", specfile),
            user_config: Some(text("config.kdl", user)),
            agent: Some("demo".to_owned()),
            ..LoadRequest::default()
        },
    ];
    for request in requests {
        let loaded = load(&request, &Same(specfile));
        assert_eq!(loaded.project.is_none(), loaded.has_errors(), "a project, or an error");
        for found in &loaded.diagnostics {
            assert!(loaded.sources.line_column(found.span).is_some(), "a place in a file: {found:?}");
        }
        diagnose::render(&loaded.diagnostics, &loaded.sources, Style::default(), 80);
    }
}
