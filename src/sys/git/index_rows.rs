//! An index as bytes, its entries told apart, so that it can be held against the disk and written anew without git:
//! versions 2 and 3 of `gitformat-index(5)`. What holds more than entries and the trees of folders is left to git.
use super::index_file::{Bytes, Extension, Header};
use super::index_trees::Folder;
use super::noted::{NOTED, Noted};
use super::oid::{Content, Oid};
use sha1::{Digest, Sha1};

const OID: usize = 20;

const EXTENDED: u16 = 0x4000;

/// The bits of an entry's flags that hold the length of its name, as far as they can.
const LENGTH: u16 = 0x0fff;

/// An index.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    version: u32,
    /// Its entries, in its order: by the bytes of their names.
    pub(crate) rows: Vec<Row<'a>>,
    trees: Option<&'a [u8]>,
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    /// All of it, the NULs at its end too.
    bytes: &'a [u8],
    flags: u16,
    /// Where.
    pub(crate) name: &'a [u8],
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRow<'a> {
    /// Where.
    pub(crate) name: &'a [u8],
    /// What is there, and what is noted of the file; `None`: nothing.
    pub(crate) content: Option<(Content, Noted)>,
}

impl Row<'_> {
    /// What is there.
    pub(crate) fn content(&self) -> Option<Content> {
        let (_, mode) = Noted::read(self.bytes)?;
        let oid = Oid::from_bytes(self.bytes.get(NOTED..NOTED + OID)?)?;
        Some(Content { mode, oid })
    }

    /// What is noted of the file.
    pub(crate) fn noted(&self) -> Noted {
        Noted::read(self.bytes).map_or(Noted::NOTHING, |(noted, _)| noted)
    }

    /// Whether it is an entry like any other: no side of a conflict, not hidden from git, no mere intent.
    pub(crate) fn is_plain(&self) -> bool {
        self.flags & !LENGTH == 0
    }
}

impl<'a> Rows<'a> {
    /// Reads an index. `None`: better ask git.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (body, sum) = bytes.split_at(bytes.len().checked_sub(OID)?);
        // git may be told to write none.
        if sum != [0; OID] && sum != Sha1::digest(body).as_slice() {
            return None;
        }
        let mut rest = Bytes(body);
        let Header { version, count } = rest.header()?;
        // In version 4 names are parts of others.
        if version == 4 {
            return None;
        }
        let mut found = Self { version, rows: Vec::new(), trees: None };
        for _ in 0..count {
            let row = Row::read(&mut rest)?;
            // Sides of a conflict have one name.
            if found.rows.last().is_some_and(|last| last.name > row.name) {
                return None;
            }
            found.rows.push(row);
        }
        while !rest.0.is_empty() {
            match rest.extension()? {
                Extension::Trees(trees) => found.trees = Some(trees),
                Extension::Places => {}
                Extension::SavesWork | Extension::Needed => return None,
            }
        }
        Some(found)
    }

    /// The trees of its folders, as far as they are known.
    pub(super) fn folders(&self) -> Option<Folder<'a>> {
        self.trees.and_then(Folder::read)
    }

    /// The same index with these entries instead, which are sorted by name. `None`: git must make it.
    pub(crate) fn with(&self, new: &[NewRow<'_>]) -> Option<Vec<u8>> {
        if !new.is_sorted_by(|one, next| one.name < next.name) || !self.takes(new) {
            return None;
        }
        let mut count: u32 = 0;
        let mut body = Vec::with_capacity(self.rows.iter().map(|row| row.bytes.len()).sum::<usize>() + 4096);
        let mut old = self.rows.iter().peekable();
        for one in new {
            while let Some(row) = old.next_if(|row| row.name < one.name) {
                body.extend_from_slice(row.bytes);
                count += 1;
            }
            if old.next_if(|row| row.name == one.name).is_some_and(|row| !row.is_plain()) {
                return None;
            }
            if let Some((content, noted)) = one.content {
                push_row(&mut body, one.name, content, noted);
                count += 1;
            }
        }
        for row in old {
            body.extend_from_slice(row.bytes);
            count += 1;
        }
        let mut bytes = b"DIRC".to_vec();
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.append(&mut body);
        if let Some(mut top) = self.folders() {
            new.iter().for_each(|one| top.forget(one.name));
            let trees = top.bytes();
            bytes.extend_from_slice(b"TREE");
            bytes.extend_from_slice(&u32::try_from(trees.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(&trees);
        }
        let sum = Sha1::digest(&bytes);
        bytes.extend_from_slice(&sum);
        Some(bytes)
    }

    /// Whether no name would be a file's and a folder's at once.
    fn takes(&self, new: &[NewRow<'_>]) -> bool {
        let place = |name: &[u8]| self.rows.binary_search_by(|row| row.name.cmp(name));
        let goes = |name: &[u8]| {
            new.binary_search_by(|one| one.name.cmp(name)).is_ok_and(|at| new[at].content.is_none())
        };
        let comes = |name: &[u8]| {
            new.binary_search_by(|one| one.name.cmp(name)).is_ok_and(|at| new[at].content.is_some())
        };
        new.iter().filter(|one| one.content.is_some()).all(|one| {
            let slashes = one.name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            let mut above = slashes.map(|(slash, _)| &one.name[..slash]);
            let below = [one.name, b"/"].concat();
            let first = place(&below).unwrap_or_else(|at| at);
            let rows = &self.rows[first..];
            above.all(|folder| !comes(folder) && (place(folder).is_err() || goes(folder)))
                && rows.iter().take_while(|row| row.name.starts_with(&below)).all(|row| goes(row.name))
        })
    }

    /// The same index, but of these entries nothing is noted, so that git looks at their files.
    pub(crate) fn doubting(&self, bytes: &[u8], doubtful: &[usize]) -> Vec<u8> {
        let mut bytes = bytes[..bytes.len() - OID].to_vec();
        let mut at = 12;
        let mut doubtful = doubtful.iter().copied().peekable();
        for (position, row) in self.rows.iter().enumerate() {
            if doubtful.next_if_eq(&position).is_some() {
                let mode = row.content().map_or(0, |content| content.mode.0);
                bytes[at..at + NOTED].copy_from_slice(&Noted::NOTHING.bytes(mode));
            }
            at += row.bytes.len();
        }
        let sum = Sha1::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }
}

impl<'a> Row<'a> {
    fn read(rest: &mut Bytes<'a>) -> Option<Self> {
        let all = rest.0;
        rest.take(NOTED + OID)?;
        let flags = rest.short()?;
        if flags & EXTENDED != 0 {
            rest.take(2)?;
        }
        let end = rest.0.iter().position(|byte| *byte == 0)?;
        let name = rest.take(end)?;
        // As many NULs as make the entry a multiple of eight, one at least.
        rest.take(8 - (all.len() - rest.0.len()) % 8)?;
        Some(Self { bytes: &all[..all.len() - rest.0.len()], flags, name })
    }
}

fn push_row(body: &mut Vec<u8>, name: &[u8], content: Content, noted: Noted) {
    let start = body.len();
    body.extend_from_slice(&noted.bytes(content.mode.0));
    body.extend_from_slice(content.oid.as_bytes());
    let length = u16::try_from(name.len()).unwrap_or(LENGTH).min(LENGTH);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(name);
    let padding = 8 - (body.len() - start) % 8;
    body.resize(body.len() + padding, 0);
}
