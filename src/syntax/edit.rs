//! Changes to a text that leave every other byte of it alone.
use super::literal;

/// The text with a node after its last line.
pub fn append(text: &str, node: &str) -> String {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}{node}\n")
}

/// A string as a Specfile spells it, always in quotes.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if literal::is_forbidden(c) || literal::is_newline(c) => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceId;
    use crate::syntax::{ValueKind, parse};
    use proptest::prelude::*;

    #[test]
    fn a_node_goes_on_a_line_of_its_own() {
        assert_eq!(append("", "b"), "b\n");
        assert_eq!(append("a", "b"), "a\nb\n");
        assert_eq!(append("a // c\n", "b"), "a // c\nb\n");
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(text in any::<String>()) {
            let (tree, mistakes) = parse(SourceId(0), &format!("a {}", quote(&text)));
            prop_assert!(mistakes.is_empty(), "{mistakes:?}");
            prop_assert_eq!(&tree.nodes[0].args[0].kind, &ValueKind::Text(text));
        }
    }
}
