//! The reader against the `kdl` crate, hostile texts, and mistakes with their places.
use super::*;
use crate::base::SourceId;
use proptest::prelude::*;

fn read(text: &str) -> (Document, Vec<(usize, String)>) {
    let (tree, mistakes) = parse(SourceId(0), text);
    (tree, mistakes.into_iter().map(|m| (m.span.start, m.message)).collect())
}

fn check_mistakes(text: &str, expect: &[(usize, &str)]) {
    let (_, found) = read(text);
    let found: Vec<(usize, &str)> = found.iter().map(|(at, what)| (*at, what.as_str())).collect();
    assert_eq!(found, expect, "{text:?}");
}

/// The same tree as the oracle reads, or none where it reads none.
fn oracle(text: &str) -> Option<Vec<Plain>> {
    text.parse::<kdl::KdlDocument>().ok().map(|d| d.nodes().iter().map(plain_of_kdl).collect())
}

#[derive(Debug, PartialEq)]
struct Plain(String, Vec<String>, Vec<Plain>);

fn plain_of_kdl(node: &kdl::KdlNode) -> Plain {
    let value = |v: &kdl::KdlValue| match v {
        kdl::KdlValue::String(s) => format!("{s:?}"),
        kdl::KdlValue::Integer(i) => i.to_string(),
        kdl::KdlValue::Float(f) => format!("{f:?}"),
        kdl::KdlValue::Bool(b) => b.to_string(),
        kdl::KdlValue::Null => "null".into(),
    };
    let (props, args): (Vec<_>, Vec<_>) = node.entries().iter().partition(|e| e.name().is_some());
    let mut words: Vec<String> = args.iter().map(|e| value(e.value())).collect();
    words
        .extend(props.iter().map(|e| format!("{}={}", e.name().map_or("", |n| n.value()), value(e.value()))));
    let children = node.children().map_or(&[][..], |c| c.nodes());
    Plain(node.name().value().to_owned(), words, children.iter().map(plain_of_kdl).collect())
}

fn plain(node: &Node) -> Plain {
    let value = |v: &Value| match &v.kind {
        ValueKind::Text(s) => format!("{s:?}"),
        ValueKind::Integer(i) => i.to_string(),
        ValueKind::Decimal(f) => format!("{f:?}"),
        ValueKind::Bool(b) => b.to_string(),
        ValueKind::Null => "null".into(),
    };
    let mut words: Vec<String> = node.args.iter().map(value).collect();
    words.extend(node.props.iter().map(|p| format!("{}={}", p.name.text, value(&p.value))));
    Plain(node.name.text.clone(), words, node.children.iter().flatten().map(plain).collect())
}

fn check_like_oracle(text: &str) {
    let (tree, mistakes) = read(text);
    let expect = oracle(text);
    assert!(expect.is_some(), "the oracle reads {text:?}");
    assert_eq!(mistakes, [], "{text:?}");
    assert_eq!(Some(tree.nodes.iter().map(plain).collect::<Vec<_>>()), expect, "{text:?}");
}

#[test]
fn reads_as_the_oracle_does() {
    for text in [
        "",
        "\u{feff}a",
        "a;b;c",
        "a 1 -2 +3 0xff 0b1_0 0o17 1.5e3 1e-2 1_000 #true #false #null #inf",
        "a b=1 c = \"x\" d=#true \"q r\"=2",
        "a { b; c { d 1 } }\ne",
        "a \"\\n\\t\\\\ \\\" \\u{e9} \\s \\   x\"",
        "a \"\"\"\n    x\n\n      y \\\n    z\n    \"\"\" b",
        "a #\"raw \" \\n\"# ##\"a\"#b\"##",
        "a #\"\"\"\n  x \\n\n  \"\"\"#",
        "/- a { b }\nc /- 1 2 /- { x } { y }",
        "a /* x /* y */ z */ b // c\nd",
        "a \\\n  b \\ // comment\n  c",
        "über <> a,b a.b -x +y .z --",
        "a\r\nb\rc\u{2028}d",
        "\"quoted node\" 1\n#\"raw\"# 2",
        "a {}\nb { }\nc {\n}\n",
        "/* lead */ a/**/b",
        "a{b}",
    ] {
        check_like_oracle(text);
    }
}

#[test]
fn every_mistake_has_its_place() {
    check_mistakes(
        "a =\nb c=\nd 1x\ne true\nf #tru\n",
        &[
            (2, "`=` may not stand here"),
            (7, "`c=` has no value"),
            (11, "`1x` is not a number"),
            (16, "`true` is written `#true`"),
            (23, "`#tru` is not a word of KDL"),
        ],
    );
    check_mistakes("a {\n b\n", &[(2, "this `{` is never closed")]);
    check_mistakes("a\n}\nb \"x\nc", &[(2, "this `}` closes nothing"), (6, "this string is never closed")]);
    check_mistakes("{ a }", &[(0, "this block has no node")]);
    check_mistakes(
        "a \"\\q\" \"b\\u{zz}\"",
        &[
            (3, "`\\q` is not an escape; a backslash itself is `\\\\`"),
            (9, "`\\u` needs `{` up to six hexadecimal digits `}`"),
        ],
    );
    check_mistakes(
        "(u8)a (f)1",
        &[
            (0, "a type annotation means nothing in a Specfile"),
            (6, "a type annotation means nothing in a Specfile"),
        ],
    );
    check_mistakes(
        "1 a\n[x]",
        &[
            (0, "a node needs a name, and `1` is none"),
            (4, "a bracket must stand in quotes"),
            (6, "a bracket must stand in quotes"),
        ],
    );
    check_mistakes("a\"b\"", &[(1, "a space is missing before this")]);
    check_mistakes("a \"x\0y\"", &[(4, "the character U+0000 may not stand in a string; write `\\u{...}`")]);
}

#[test]
fn what_is_right_is_read_beside_what_is_wrong() {
    let (tree, mistakes) = read("a {\n b = 1\n c 2\n}\nd\n");
    assert_eq!(mistakes.len(), 1);
    let names: Vec<&str> = tree.nodes.iter().map(|n| n.name.text.as_str()).collect();
    assert_eq!(names, ["a", "d"]);
    assert_eq!(tree.nodes[0].children.as_ref().map(Vec::len), Some(2));
}

#[test]
fn hostile_texts_end_soon_with_a_diagnostic() {
    let deep = "a {".repeat(10_000);
    let texts = [
        deep.clone() + &"}".repeat(10_000),
        deep,
        "}".repeat(100_000),
        "=".repeat(100_000),
        "a =\n".repeat(20_000),
        "(".repeat(100_000),
        "/*".repeat(100_000),
        "/-".repeat(100_000),
        "/-{".repeat(10_000),
        "\"".repeat(100_001),
        "#\"".repeat(50_000),
        "\\".repeat(100_000),
        format!("a {}\"x", "#".repeat(100_000)),
        "a { b { c { d { e = } } } }\n".repeat(5_000),
        "\0".repeat(100_000),
    ];
    for text in texts {
        let (_, mistakes) = read(&text);
        assert!(!mistakes.is_empty() && mistakes.len() <= 100, "{:?}: {}", &text[..20], mistakes.len());
        assert!(format(&text).is_err());
    }
    assert_eq!(read(&"a ".repeat(MOST_WORDS + 10)).1.len(), 1);
    assert_eq!(read(&" ".repeat(LARGEST + 1)).1.len(), 1);
}

#[test]
fn only_utf8_is_read() {
    assert_eq!(decode(SourceId(0), b"a"), Ok("a"));
    let (found, shown) = decode(SourceId(0), b"ab\n\xff\xfe").expect_err("not UTF-8");
    assert_eq!((found.span.start, shown.starts_with("ab\n")), (3, true));
    assert!(decode(SourceId(0), &vec![b' '; LARGEST + 1]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn random_texts_read_as_the_oracle_reads_them(
        text in "([a-c12;={}/\" \n#\\\\-]|//|/-|/\\*|\\*/|\"\"\"|a b|#\"|\"#| \\{ |\n\\}){0,16}"
    ) {
        let (tree, mistakes) = read(&text);
        // The oracle is stricter about `/-` than the grammar; fixed texts above hold that.
        if mistakes.is_empty() && !text.contains("/-") {
            prop_assert_eq!(Some(tree.nodes.iter().map(plain).collect::<Vec<_>>()), oracle(&text));
        }
    }

    #[test]
    fn any_text_is_survived_and_every_place_is_in_it(text in any::<String>()) {
        for mistake in parse(SourceId(0), &text).1 {
            prop_assert!(text.get(mistake.span.start..).is_some(), "{:?}", mistake);
        }
    }
}
