//! A stream of bytes as whole lines, whatever pieces it arrives in. Unlike lines for people they keep every byte.

/// The most of a line that is passed on, in bytes.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// Cuts at newlines.
#[derive(Debug, Default)]
pub(super) struct Wholes {
    partial: Vec<u8>,
}

impl Wholes {
    /// Takes the next bytes; `each` gets every line that they complete, without its end.
    pub(super) fn take(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8])) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let room = LONGEST.saturating_sub(self.partial.len());
            self.partial.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                each(&self.partial);
                self.partial.clear();
                // One long line must not be paid for ever after.
                self.partial.shrink_to(64 * 1024);
            }
        }
    }

    /// What is left without an end.
    pub(super) fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    proptest! {
        #[test]
        fn lines_do_not_depend_on_pieces(
            bytes in prop::collection::vec(prop::sample::select(b"a\r\n\0".to_vec()), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let (one, other) = bytes.split_at(cut.index(bytes.len() + 1));
            let (mut wholes, mut seen) = (Wholes::default(), Vec::new());
            for piece in [one, other] {
                wholes.take(piece, |line| seen.push(line.to_vec()));
            }
            seen.push(wholes.end());
            let expect: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            assert_eq!(seen, expect);
        }
    }

    #[test]
    fn a_line_is_never_longer_than_the_longest() {
        let (mut wholes, mut seen) = (Wholes::default(), Vec::new());
        for piece in [vec![b'x'; LONGEST - 1], b"yyy\nz\n".to_vec()] {
            wholes.take(&piece, |line| seen.push(line.len()));
        }
        assert_eq!(seen, [LONGEST, 1]);
    }
}
