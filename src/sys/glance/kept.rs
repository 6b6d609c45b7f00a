//! The file that remembers: `glance` in our folder of the git directory, whose format is its own and may change with every version. It says
//! its version, the stamp of all that follows, the answers (each under the stamp of the question) and the look that
//! they rest on. Whatever cannot be read is not there.
use super::moment::Moment;
use super::sights::holds;
use crate::base::Stamp;
use crate::sys::sealed;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "glance";

/// How its name begins while it is written.
const NEW: &str = "glance.";

const MAGIC: &[u8] = b"specmake glance 1\n";

/// So many answers are kept of one look.
const MOST: usize = 16;

/// The longest answer that is kept, in bytes.
const LONGEST: usize = 256 * 1024;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The exit status.
    pub exit: u8,
    /// On standard output.
    pub out: Vec<u8>,
    /// On standard error.
    pub err: Vec<u8>,
}

/// What is remembered: answers, and what they rest on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    answers: Vec<(Stamp, Answer)>,
    seen: Vec<u8>,
}

impl Kept {
    /// What is remembered in this folder.
    pub fn read(folder: &Path) -> Option<Self> {
        Self::unpack(&sealed::read(&folder.join(FILE))?)
    }

    /// The answer to a question, if it is known and every place is as it was.
    pub fn answer(&self, question: Stamp, top: &Path) -> Option<&Answer> {
        let (_, answer) = self.answers.iter().find(|(key, _)| *key == question)?;
        holds(&self.seen, top).then_some(answer)
    }

    /// Remembers an answer that rests on what was `seen` since the moment `began`. `former` is kept beside it if it
    /// rests on the same. An answer that cannot be kept is found again.
    pub fn write(
        folder: &Path,
        (question, answer): (Stamp, Answer),
        (seen, began): (Vec<u8>, &Moment),
        former: Option<&Self>,
    ) {
        if answer.out.len() + answer.err.len() > LONGEST {
            return;
        }
        let mut answers = vec![(question, answer)];
        let former = former.filter(|former| former.seen == seen).map(|former| former.answers.as_slice());
        let others = former.unwrap_or_default().iter().filter(|(key, _)| *key != question);
        answers.extend(others.cloned());
        answers.truncate(MOST);
        drop((Self { answers, seen }).write_to(folder, began));
    }

    /// It is not written where the stamps of the disk cannot be relied on.
    fn write_to(&self, folder: &Path, began: &Moment) -> io::Result<()> {
        let mut new = tempfile::Builder::new().prefix(NEW).tempfile_in(folder)?;
        new.write_all(&self.pack())?;
        if began.is_sound(new.as_file().metadata()?.modified()?) {
            new.persist(folder.join(FILE)).map_err(|error| error.error)?;
        }
        Ok(())
    }

    fn pack(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.seen.len() + 1024);
        body.push(u8::try_from(self.answers.len()).unwrap_or(0));
        for (key, answer) in &self.answers {
            body.extend_from_slice(key.as_bytes());
            body.push(answer.exit);
            for text in [&answer.out, &answer.err] {
                body.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
                body.extend_from_slice(text);
            }
        }
        body.extend_from_slice(&self.seen);
        sealed::seal(MAGIC, &body)
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (count, mut rest) = sealed::open(MAGIC, bytes)?.split_first()?;
        let mut answers = Vec::new();
        for _ in 0..*count {
            let key = Stamp::from_bytes(take(&mut rest, 16)?.try_into().ok()?);
            let exit = *take(&mut rest, 1)?.first()?;
            let mut text = || {
                let len = u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?);
                Some(take(&mut rest, usize::try_from(len).ok()?)?.to_vec())
            };
            let (out, err) = (text()?, text()?);
            answers.push((key, Answer { exit, out, err }));
        }
        Some(Self { answers, seen: rest.to_vec() })
    }
}

/// Forgets everything: something is about to be done.
pub fn forget(folder: &Path) {
    // One that cannot be removed is on a disk that cannot be written, where nothing can be done either.
    drop(fs::remove_file(folder.join(FILE)));
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept() -> impl Strategy<Value = Kept> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let answer = (any::<[u8; 16]>(), any::<u8>(), bytes(), bytes());
        let answer =
            answer.prop_map(|(key, exit, out, err)| (Stamp::from_bytes(key), Answer { exit, out, err }));
        (prop::collection::vec(answer, 0..4), bytes()).prop_map(|(answers, seen)| Kept { answers, seen })
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(kept in kept()) {
            prop_assert_eq!(Kept::unpack(&kept.pack()), Some(kept));
        }

        #[test]
        fn damage_is_noticed(kept in kept(), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let mut bytes = kept.pack();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 }
            prop_assert_eq!(Kept::unpack(&bytes), None);
        }
    }

    #[test]
    fn answers_that_rest_on_the_same_stand_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let began = Moment::now();
        let question = |number: u8| Stamp::from_bytes([number; 16]);
        let keep = |number: u8, seen: &[u8]| {
            let former = Kept::read(folder.path());
            let answer = (question(number), Answer { exit: number, ..Answer::default() });
            Kept::write(folder.path(), answer, (seen.to_vec(), &began), former.as_ref());
            Kept::read(folder.path())
                .unwrap()
                .answers
                .iter()
                .map(|(_, answer)| answer.exit)
                .collect::<Vec<_>>()
        };
        assert_eq!(keep(1, b"one"), [1]);
        assert_eq!(keep(2, b"one"), [2, 1]);
        assert_eq!(keep(1, b"one"), [1, 2]);
        assert_eq!(keep(3, b"other"), [3]);
        let all = (4..30).fold(Vec::new(), |_, number| keep(number, b"other"));
        assert_eq!(all.len(), MOST);
        forget(folder.path());
        assert_eq!(Kept::read(folder.path()), None);
    }
}
