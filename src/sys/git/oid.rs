//! File modes, and what they and object names make together: the content that git keeps at a path.
use super::error::GitError;
use std::fmt;

pub use crate::base::Oid;

/// The mode that git keeps of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mode(pub u32);

impl Mode {
    /// An ordinary file.
    pub const FILE: Self = Self(0o100_644);
    /// A file that may be executed.
    pub const EXECUTABLE: Self = Self(0o100_755);
    /// A symbolic link; its content is the link's text.
    pub const LINK: Self = Self(0o120_000);
    /// A submodule; its content is a commit of another repository.
    pub const GITLINK: Self = Self(0o160_000);
    /// A folder.
    pub const TREE: Self = Self(0o040_000);

    /// From git's octal digits.
    ///
    /// # Errors
    /// They are no octal number.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        u32::from_str_radix(text, 8)
            .map(Self)
            .map_err(|_| GitError::Unreadable { what: format!("`{text}` is no file mode") })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06o}", self.0)
    }
}

/// What git keeps at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Content {
    /// The mode.
    pub mode: Mode,
    /// The blob, or the commit of a submodule.
    pub oid: Oid,
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What is there.
    pub content: Content,
    /// Where, as text (see [`super::path`]).
    pub path: String,
}

/// One path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// Where, as text (see [`super::path`]).
    pub path: String,
    /// What was there, if anything was.
    pub old: Option<Content>,
    /// What is there now, if anything is.
    pub new: Option<Content>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        assert_eq!(Mode::parse("100755").unwrap(), Mode::EXECUTABLE);
        assert_eq!(Mode::TREE.to_string(), "040000");
        assert!(Mode::parse("9").is_err());
    }
}
