//! The agent's words, which come in pieces of any size, as lines.
use crate::agent::dialect::Said;
use crate::agent::words::Pieces;

/// The most that is kept of one message, in bytes: enough to tell what it says about a failure.
const KEPT: usize = 8 * 1024;

/// Puts pieces together.
#[derive(Debug, Default)]
pub(super) struct Prose {
    pieces: Pieces,
    message: String,
    last: String,
}

impl Prose {
    /// Takes the next piece, of the message of that name if it has one. Gives whole lines.
    pub(super) fn take(&mut self, message: &str, piece: &str) -> Vec<Said> {
        let mut said = Vec::new();
        if !message.is_empty() && message != self.message {
            said.extend(self.end());
            message.clone_into(&mut self.message);
        }
        let room = KEPT.saturating_sub(self.last.len());
        self.last.push_str(&piece[..piece.floor_char_boundary(room)]);
        said.extend(self.pieces.take(piece));
        said
    }

    /// Something else follows: the words so far were all of a message.
    pub(super) fn end(&mut self) -> Vec<Said> {
        self.last.clear();
        self.rest()
    }

    /// What was not yet told of it.
    pub(super) fn rest(&mut self) -> Vec<Said> {
        self.pieces.end()
    }

    /// The message that nothing followed.
    pub(super) fn last(&self) -> &str {
        &self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn lines(said: Vec<Said>) -> Vec<String> {
        said.into_iter()
            .filter_map(|said| if let Said::Text(line) = said { Some(line) } else { None })
            .collect()
    }

    #[test]
    fn messages_are_kept_apart() {
        let mut prose = Prose::default();
        assert_eq!(lines(prose.take("1", "Plan")), [""; 0]);
        assert_eq!(lines(prose.take("1", "ning.\nNow")), ["Planning."]);
        assert_eq!(lines(prose.take("2", "Done")), ["Now"]);
        assert_eq!(prose.last(), "Done");
        assert_eq!(prose.end(), [Said::Text("Done".into())]);
        assert_eq!(prose.last(), "");
        assert_eq!(prose.end(), []);
    }

    #[test]
    fn what_only_a_terminal_understands_is_left_out() {
        let mut prose = Prose::default();
        assert_eq!(lines(prose.take("1", "\u{1b}]0;mine\u{7}a\u{1b}[2Jb\0\n")), ["ab"]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[aé\n]{0,40}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let mut prose = Prose::default();
            let mut said: Vec<Said> = at.windows(2).flat_map(|w| prose.take("", &text[w[0]..w[1]])).collect();
            said.extend(prose.end());
            let expect: Vec<&str> = text.split('\n').filter(|line| !line.is_empty()).collect();
            assert_eq!(lines(said), expect);
        }
    }
}
