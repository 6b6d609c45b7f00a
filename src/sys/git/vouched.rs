//! What the checkout's index vouches for: that a file with this stat holds that blob. git itself goes by nothing else
//! when it says what is edited. It counts only where nothing converts files on their way into a blob.
use super::index_file::{Indexed, STAT};
use super::lying::Lying;
use super::oid::Content;
use super::path;
use super::repo::Git;
use std::collections::{HashMap, HashSet};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// For so many seconds a file's time may stay the same whatever is written: FAT counts by twos.
const COARSE: u32 = 2;

/// The index's word for files of a checkout.
#[derive(Debug)]
pub(super) struct Vouched {
    files: HashMap<String, (Content, [u8; STAT])>,
    /// When the index was written, in seconds since the Unix epoch.
    written: u32,
}

impl Git {
    /// What the checkout's index says of these. `None`: it says nothing, or files may be something else than their blobs.
    pub(super) fn vouched(&self, blobs: &[Lying<'_>]) -> Option<Vouched> {
        let mut file = File::open(self.git_dir().join("index")).ok()?;
        let written = u32::try_from(file.metadata().ok()?.mtime()).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let indexed = Indexed::read(&bytes).filter(|indexed| self.is_plain() && !indexed.hides)?;
        let says = |name: &str| name == ATTRIBUTES || name.ends_with("/.gitattributes");
        if indexed.entries.iter().any(|entry| entry.stage > 0 || says(&entry.path)) || self.converts(blobs) {
            return None;
        }
        let entries = indexed.entries.into_iter().zip(indexed.stats);
        let files = entries.map(|(entry, stat)| (entry.path, (entry.content, stat))).collect();
        Some(Vouched { files, written })
    }

    /// Whether anything that git does not track may say that some of these are converted.
    fn converts(&self, blobs: &[Lying<'_>]) -> bool {
        let is_there = |file: &Path| file.symlink_metadata().is_ok();
        let Some(top) = self.work_tree() else { return true };
        if is_there(&self.common_dir().join("info/attributes")) {
            return true;
        }
        let mut folders: HashSet<&str> = HashSet::from([""]);
        for blob in blobs {
            let mut at = blob.path;
            while let Some((folder, _)) = at.rsplit_once('/').filter(|(folder, _)| folders.insert(folder)) {
                at = folder;
            }
        }
        if folders.into_iter().any(|folder| is_there(&top.join(path::to_os(folder)).join(ATTRIBUTES))) {
            return true;
        }
        // What is said for all repositories, and where: git 2.42 tells, an older one says nothing of it.
        let Ok(said) = self.line(["var", "-l"]) else { return true };
        let places: Vec<&Path> = said
            .lines()
            .filter_map(|line| line.strip_prefix("GIT_ATTR_")?.split_once('='))
            .map(|(_, at)| Path::new(at))
            .collect();
        let elsewhere = said.lines().any(|line| line.to_ascii_lowercase().starts_with("attr.tree="));
        places.is_empty() || elsewhere || places.into_iter().any(is_there)
    }
}

/// The file that says what becomes of the files beside and below it.
const ATTRIBUTES: &str = ".gitattributes";

impl Vouched {
    /// Whether a file with this stat holds the blob.
    pub(super) fn is(&self, blob: Lying<'_>, stat: &Metadata) -> bool {
        let Some((content, seen)) = self.files.get(blob.path) else { return false };
        let number = |at: usize| u32::from_be_bytes([seen[at], seen[at + 1], seen[at + 2], seen[at + 3]]);
        let now = [
            (0, stat.ctime() as u32),
            (4, stat.ctime_nsec() as u32),
            (8, stat.mtime() as u32),
            (12, stat.mtime_nsec() as u32),
            (20, stat.ino() as u32),
            (28, stat.uid()),
            (32, stat.gid()),
            (36, stat.size() as u32),
        ];
        // One that was written as late as the index may have been written again since, and keep its stat.
        let is_settled = |at: usize| number(at).saturating_add(COARSE) < self.written;
        content.oid == blob.oid
            && content.mode == blob.mode
            && is_settled(0)
            && is_settled(8)
            && now.into_iter().all(|(at, now)| number(at) == now)
    }
}
