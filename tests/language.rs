//! Specfiles as people write them, through the library as the commands use it.

use specmake::cli::checkout::Checkout;
use specmake::cli::{check, diagnose};
use specmake::model::{LoadRequest, Loaded, Text, load};
use specmake::report::Style;
use std::path::Path;

fn load_at(top: &Path, name: &str, text: &str) -> Loaded {
    let request = LoadRequest {
        specfile: Text { name: name.into(), bytes: text.into() },
        repo: "repo".into(),
        ..LoadRequest::default()
    };
    load(&request, &Checkout::new(top))
}

#[test]
fn eight_mistakes_and_more_are_told_in_one_go() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load_at(folder.path(), "Specfile", include_str!("language/eight.kdl"));
    let lines: Vec<String> =
        loaded.diagnostics.iter().map(|found| diagnose::line(found, &loaded.sources)).collect();
    insta::assert_snapshot!("eight-lines", lines.join("\n"));
    let style = Style { unicode: true, color: false };
    insta::assert_snapshot!(
        "eight-report",
        diagnose::render(&loaded.diagnostics, &loaded.sources, style, 80)
    );
    let mut json = Vec::new();
    assert_eq!(check::check(&loaded, true, style, 80, &mut json).unwrap(), 2);
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let schema = serde_json::from_str(include_str!("schemas/check.json")).unwrap();
    jsonschema::validate(&schema, &json).unwrap();
    let first = &json["diagnostics"][0];
    assert_eq!(
        (first["file"].as_str(), first["line"].as_u64(), first["column"].as_u64()),
        (Some("Specfile"), Some(2), Some(5))
    );
    assert_eq!(json["errors"].as_u64(), Some(lines.len() as u64));
}

#[test]
fn every_example_is_without_mistakes_and_laid_out() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(folder.join("Specfile")) else { continue };
        let loaded = load_at(&folder, "Specfile", &text);
        let report = diagnose::render(&loaded.diagnostics, &loaded.sources, Style::default(), 80);
        assert!(loaded.project.is_some() && loaded.diagnostics.is_empty(), "{}\n{report}", folder.display());
        assert_eq!(specmake::syntax::format(&text).as_deref(), Ok(text.as_str()), "{}", folder.display());
        seen += 1;
    }
    assert!(seen >= 4, "{seen} examples");
}

#[test]
fn text_that_is_no_text_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b"\xff\xfe\x00"[..], b"a \"\0\"", &[0; 5000], &vec![b'{'; 100_000]] {
        let request = LoadRequest {
            specfile: Text { name: "Specfile".into(), bytes: bytes.to_vec() },
            ..LoadRequest::default()
        };
        let loaded = load(&request, &Checkout::new(folder.path()));
        assert!(loaded.has_errors() && loaded.project.is_none());
        let report = diagnose::render(&loaded.diagnostics, &loaded.sources, Style::default(), 80);
        assert!(report.contains("Specfile"), "{report}");
    }
}

/// Each text of a Specfile that uses everything, one after the other, as an attacker would write it.
#[test]
fn every_text_may_be_hostile() {
    const EVIL: [&str; 9] = [
        "",
        "$(touch pwned)",
        "'; touch pwned; \"`",
        "../../etc/passwd",
        "/etc/passwd",
        "-rf",
        "a\nb\u{1b}[2J\u{202e}",
        "nul\0",
        "{spec}{spec}{{{folder}",
    ];
    let folder = tempfile::tempdir().unwrap();
    let whole = include_str!("language/whole.kdl");
    let quotes: Vec<usize> = whole.match_indices('"').map(|(at, _)| at).collect();
    let mut fine = 0;
    for text in quotes.chunks_exact(2) {
        for evil in EVIL {
            let literal: String = evil.chars().map(|c| format!("\\u{{{:x}}}", u32::from(c))).collect();
            let specfile = format!("{}\"{literal}\"{}", &whole[..text[0]], &whole[text[1] + 1..]);
            let loaded = load_at(folder.path(), "Specfile", &specfile);
            assert_eq!(
                loaded.project.is_none(),
                loaded.has_errors(),
                "{evil:?} in {:?}",
                &whole[text[0]..=text[1]]
            );
            let report = diagnose::render(&loaded.diagnostics, &loaded.sources, Style::default(), 80);
            assert!(!report.contains(|c: char| c.is_control() && c != '\n'), "{report:?}");
            fine += u32::from(loaded.project.is_some());
        }
    }
    assert!(fine > 50, "most texts may say anything: {fine}");
}
