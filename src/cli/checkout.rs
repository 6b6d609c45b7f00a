//! The files of a checkout on a disk, as loading a Specfile asks for them.
use crate::model::{Files, Pattern};
use crate::syntax;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a spec's text is written in.
const TEXTS: &[&str] = &["md", "markdown", "mdx", "txt", "rst", "adoc", "org", "yaml", "yml"];

/// A checkout.
#[derive(Debug)]
pub struct Checkout {
    top: PathBuf,
    looked_at: RefCell<BTreeSet<String>>,
}

impl Checkout {
    /// The checkout with this top folder.
    pub fn new(top: &Path) -> Self {
        Self { top: top.to_owned(), looked_at: RefCell::default() }
    }

    /// A path on the disk; that it was looked at is noted.
    fn at(&self, path: &str) -> PathBuf {
        self.looked_at.borrow_mut().insert(path.to_owned());
        self.top.join(path)
    }

    /// Adds the files that match, not deeper than `levels`, and never through a link.
    fn walk(&self, folder: &str, levels: usize, pattern: &Pattern, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(self.at(folder)) else { return };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if matches!(name.as_str(), ".git" | ".specmake") {
                continue;
            }
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if levels > 1 {
                    self.walk(&path, levels - 1, pattern, found);
                }
            } else if pattern.matches(&path) {
                found.push(path);
            }
        }
    }
}

impl Files for Checkout {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = self.at(path);
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut bytes = Vec::new();
        // One byte more than is taken tells that there is more.
        File::open(path)?.take(syntax::LARGEST as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn glob(&self, pattern: &Pattern) -> Vec<String> {
        const DEEPEST: usize = 64;
        let root = pattern.root();
        let rest = pattern.resolved().strip_prefix(root).unwrap_or("").trim_start_matches('/');
        let levels = if rest.contains("**") { DEEPEST } else { rest.matches('/').count() + 1 };
        let mut found = Vec::new();
        self.walk(root, levels, pattern, &mut found);
        found.sort_unstable();
        found
    }

    fn spec_folder_has_text(&self, folder: &str) -> bool {
        let Ok(entries) = std::fs::read_dir(self.at(folder)) else { return false };
        entries.flatten().any(|entry| {
            let path = entry.path();
            let is_text = path.extension().and_then(|e| e.to_str()).is_some_and(|e| TEXTS.contains(&e));
            if !is_text {
                return false;
            }
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                self.at(&format!("{folder}/{name}"));
            }
            path.is_file() && has_text(&path).unwrap_or(false)
        })
    }

    fn folder_exists(&self, folder: &str) -> bool {
        self.at(folder).is_dir()
    }

    fn looked_at(&self) -> Vec<String> {
        self.looked_at.borrow().iter().cloned().collect()
    }
}

fn has_text(path: &Path) -> io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(path)?.take(64 * 1024).read_to_end(&mut bytes)?;
    Ok(bytes.iter().any(|byte| !byte.is_ascii_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_texts_and_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        write("specs/b/Specfile", "");
        write("specs/a/Specfile", "");
        write("specs/a/x/Specfile", "");
        write("specs/a/spec.md", " \n");
        write("specs/b/spec.md", "text");
        write(".git/Specfile", "");
        let checkout = Checkout::new(folder.path());
        let glob = |text: &str| checkout.glob(&Pattern::new(text, text).expect("a pattern"));
        assert_eq!(glob("specs/*/Specfile"), ["specs/a/Specfile", "specs/b/Specfile"]);
        assert_eq!(glob("**/Specfile").len(), 3);
        assert!(!checkout.spec_folder_has_text("specs/a") && checkout.spec_folder_has_text("specs/b"));
        assert!(checkout.folder_exists("specs/a") && !checkout.folder_exists("specs/c"));
        assert!(checkout.read("specs").is_err() && checkout.read("nowhere").is_err());
    }
}
