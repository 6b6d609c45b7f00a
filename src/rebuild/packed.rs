//! Commits as bytes, for an index that may be deleted or damaged at any time: what cannot be read is no commits.
use super::commit::{Change, Commit};
use super::trailer;
use super::tree::FileId;
use crate::base::{Oid, Stamp};
use std::collections::HashMap;
use std::sync::Arc;

/// The version of these bytes and of what is read from messages. Count it up when either changes.
pub const VERSION: u32 = 1;

/// A stretch of history: what `to` has behind it and `from` has not, ancestors first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Where the stretch before it ends; `None` for the beginning of history.
    pub from: Option<Oid>,
    /// Where it ends.
    pub to: Oid,
    /// The commits.
    pub commits: Vec<Commit>,
}

impl Stretch {
    /// The bytes of a stretch, their stamp before them.
    pub fn pack(&self) -> Vec<u8> {
        let mut body = Packer::default();
        body.oids(self.from.as_slice());
        body.oids(&[self.to]);
        let mut numbers: HashMap<&Arc<str>, u64> = HashMap::new();
        let mut paths: Vec<&Arc<str>> = Vec::new();
        for change in self.commits.iter().flat_map(|commit| &commit.changes) {
            numbers.entry(&change.path).or_insert_with(|| {
                paths.push(&change.path);
                paths.len() as u64 - 1
            });
        }
        body.number(paths.len() as u64);
        paths.iter().for_each(|path| body.text(path));
        body.number(self.commits.len() as u64);
        for commit in &self.commits {
            body.oids(&[commit.oid]);
            body.oids(&commit.parents);
            body.oids(&commit.reverts);
            let marks: Vec<String> = commit.marks.iter().map(trailer::write).collect();
            body.text(&marks.join("\n"));
            body.number(commit.changes.len() as u64);
            for change in &commit.changes {
                body.number(numbers[&change.path]);
                body.number(change.new.map_or(0, |file| u64::from(file.mode)));
                body.oids(change.new.map(|file| file.oid).as_slice());
            }
        }
        [Stamp::of(&body.bytes).as_bytes(), body.bytes.as_slice()].concat()
    }

    /// The stretch that was packed; `None` for other bytes.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let (stamp, body) = bytes.split_at_checked(16)?;
        if Stamp::of(body).as_bytes() != stamp {
            return None;
        }
        let mut body = Unpacker { bytes: body };
        let from = body.oids()?.first().copied();
        let to = body.oid()?;
        let paths: Vec<Arc<str>> = body.many(|body| body.text().map(Arc::from))?;
        let commits = body.many(|body| {
            Some(Commit {
                oid: body.oid()?,
                parents: body.oids()?,
                reverts: body.oids()?,
                marks: trailer::read(body.text()?),
                changes: body.many(|body| {
                    let path = paths.get(usize::try_from(body.number()?).ok()?)?.clone();
                    let mode = u32::try_from(body.number()?).ok()?;
                    let new = body.oids()?.first().map(|oid| FileId { mode, oid: *oid });
                    Some(Change { path, new })
                })?,
            })
        })?;
        body.bytes.is_empty().then_some(Self { from, to, commits })
    }
}

#[derive(Default)]
struct Packer {
    bytes: Vec<u8>,
}

impl Packer {
    /// Seven bits a byte, the lowest first; all but the last have the eighth set.
    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn oids(&mut self, oids: &[Oid]) {
        self.number(oids.len() as u64);
        for oid in oids {
            self.number(oid.as_bytes().len() as u64);
            self.bytes.extend_from_slice(oid.as_bytes());
        }
    }
}

struct Unpacker<'a> {
    bytes: &'a [u8],
}

impl<'a> Unpacker<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0..10 {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(usize::try_from(len).ok()?)?;
        self.bytes = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = self.number()?;
        std::str::from_utf8(self.take(len)?).ok()
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn oids(&mut self) -> Option<Vec<Oid>> {
        self.many(|body| {
            let len = body.number()?;
            Oid::from_bytes(body.take(len)?)
        })
    }

    fn oid(&mut self) -> Option<Oid> {
        self.oids()?.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn oid() -> impl Strategy<Value = Oid> {
        prop_oneof!["[0-9a-f]{40}", "[0-9a-f]{64}"].prop_map(|text| text.parse().unwrap())
    }

    fn commit() -> impl Strategy<Value = Commit> {
        let message = prop::collection::vec(
            prop_oneof![
                Just("Specmake-Trace: v1 a plan how=ran prompt=00112233445566778899aabbccddeeff".to_owned()),
                Just("Specmake-Void: v1 a plan why=asked%20for".to_owned()),
                oid().prop_map(|oid| format!("This reverts commit {oid}.")),
                ".{0,20}",
            ],
            0..4,
        );
        let change = ("[a-c]{1,3}", prop::option::of(oid()));
        let changes = prop::collection::vec(change, 0..4);
        (oid(), prop::collection::vec(oid(), 0..3), message, changes).prop_map(
            |(oid, parents, lines, changes)| {
                let changes = changes.into_iter().map(|(path, new)| Change {
                    path: path.into(),
                    new: new.map(|oid| FileId { mode: 0o100_644, oid }),
                });
                Commit::new(oid, parents, &lines.join("\n"), changes.collect())
            },
        )
    }

    fn stretch() -> impl Strategy<Value = Stretch> {
        (prop::option::of(oid()), oid(), prop::collection::vec(commit(), 0..5))
            .prop_map(|(from, to, commits)| Stretch { from, to, commits })
    }

    proptest! {
        #[test]
        fn a_stretch_comes_back(stretch in stretch()) {
            prop_assert_eq!(Stretch::unpack(&stretch.pack()), Some(stretch));
        }

        #[test]
        fn damage_is_noticed(stretch in stretch(), at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let mut bytes = stretch.pack();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 }
            prop_assert_eq!(Stretch::unpack(&bytes), None);
        }
    }
}
