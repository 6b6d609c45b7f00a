//! Output and complaints that come apart and go one way: complaints stand between lines of output, never within one.
use super::wholes::Wholes;

/// The most complaints that wait for the end of a line, in bytes.
const MOST: usize = 1024 * 1024;

/// Brings both together.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// Whether a line of output has begun and not ended.
    within: bool,
    complaints: Wholes,
    waiting: Vec<u8>,
}

impl Apart {
    /// Takes output; `pass` gets what is to go on.
    pub(super) fn output(&mut self, chunk: &[u8], mut pass: impl FnMut(&[u8])) {
        let end = chunk.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (lines, rest) = chunk.split_at(end);
        if !lines.is_empty() {
            pass(lines);
            self.within = false;
            self.give(&mut pass);
        }
        if !rest.is_empty() {
            pass(rest);
            self.within = true;
        }
    }

    /// Takes complaints.
    pub(super) fn complaint(&mut self, chunk: &[u8], mut pass: impl FnMut(&[u8])) {
        let waiting = &mut self.waiting;
        self.complaints.take(chunk, |line| {
            waiting.extend_from_slice(line);
            waiting.push(b'\n');
        });
        if !self.within || self.waiting.len() > MOST {
            self.give(&mut pass);
        }
    }

    /// Nothing more is to come of either.
    pub(super) fn end(mut self, mut pass: impl FnMut(&[u8])) {
        let rest = self.complaints.end();
        self.waiting.extend(rest);
        if self.within && !self.waiting.is_empty() {
            pass(b"\n");
        }
        self.give(&mut pass);
    }

    fn give(&mut self, pass: &mut impl FnMut(&[u8])) {
        if !self.waiting.is_empty() {
            pass(&std::mem::take(&mut self.waiting));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    /// What comes of pieces, of which some are complaints.
    fn together(pieces: &[(bool, Vec<u8>)]) -> Vec<u8> {
        let (mut apart, mut out) = (Apart::default(), Vec::new());
        for (complains, piece) in pieces {
            let pass = |bytes: &[u8]| out.extend_from_slice(bytes);
            if *complains { apart.complaint(piece, pass) } else { apart.output(piece, pass) }
        }
        apart.end(|bytes| out.extend_from_slice(bytes));
        out
    }

    #[test]
    fn a_complaint_waits_for_the_end_of_the_line() {
        let check = |pieces: &[(bool, &str)], expect: &str| {
            let pieces: Vec<_> = pieces.iter().map(|(to, text)| (*to, text.as_bytes().to_vec())).collect();
            assert_eq!(String::from_utf8_lossy(&together(&pieces)), expect);
        };
        check(
            &[(false, "{\"a\":"), (true, "oops\n"), (false, "1}\n{"), (true, "no"), (false, "}\n")],
            "{\"a\":1}\noops\n{}\nno",
        );
        check(&[(true, "oo"), (false, "a\n"), (true, "ps\n")], "a\noops\n");
        check(&[(false, "half"), (true, "oops")], "half\noops");
        check(&[(false, "half")], "half");
        let long = vec![(false, b"half".to_vec()), (true, b"oops\n".repeat(MOST)), (false, b"x\n".to_vec())];
        assert!(together(&long).ends_with(b"x\n"), "memory stays bounded");
    }

    proptest! {
        #[test]
        fn no_line_is_torn_and_none_is_lost(
            pieces in prop::collection::vec((any::<bool>(), "[ab\n]{0,6}"), 0..12),
        ) {
            // Those that complain do so in capitals.
            let pieces: Vec<(bool, Vec<u8>)> = pieces
                .into_iter()
                .map(|(to, text)| (to, if to { text.to_uppercase() } else { text }.into_bytes()))
                .collect();
            let lines = |bytes: &[u8]| -> Vec<String> {
                let text = String::from_utf8_lossy(bytes).into_owned();
                text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
            };
            let of = |complains: bool| {
                let bytes = pieces.iter().filter(|(to, _)| *to == complains).map(|(_, bytes)| bytes.clone());
                lines(&bytes.collect::<Vec<_>>().concat())
            };
            let (loud, quiet): (Vec<String>, Vec<String>) = lines(&together(&pieces))
                .into_iter()
                .partition(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
            assert_eq!((quiet, loud), (of(false), of(true)));
        }
    }
}
