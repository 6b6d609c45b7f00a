//! Object names, file modes and what they make together: the content that git keeps at a path.
use super::error::GitError;
use std::fmt::{self, Write};
use std::str::FromStr;

/// The name of an object: 20 bytes of SHA-1 or 32 of SHA-256. Small and `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid {
    bytes: [u8; 32],
    len: u8,
}

impl Oid {
    /// The bytes: 20 or 32 of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(7).collect()
    }

    /// The name that git writes for "nothing", in the same hash.
    pub fn zero_like(&self) -> Self {
        Self { bytes: [0; 32], len: self.len }
    }

    /// Whether it is git's name for "nothing".
    pub fn is_zero(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }
}

impl FromStr for Oid {
    type Err = GitError;

    fn from_str(text: &str) -> Result<Self, GitError> {
        let odd = || GitError::Unreadable { what: format!("`{text}` is not the name of an object") };
        if text.len() != 40 && text.len() != 64 {
            return Err(odd());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16).ok_or_else(odd);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).map_err(|_| odd())?;
        }
        Ok(Self { bytes, len: if text.len() == 40 { 20 } else { 32 } })
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(64);
        for byte in self.as_bytes() {
            write!(text, "{byte:02x}")?;
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

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
    fn names_go_there_and_back() {
        for text in ["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", &"a0".repeat(32)] {
            assert_eq!(text.parse::<Oid>().unwrap().to_string(), text);
        }
        for text in ["", "e69de29", &"g".repeat(40), &"é".repeat(20)] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
        let oid: Oid = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391".parse().unwrap();
        assert_eq!(oid.short(), "e69de29");
        assert!(oid.zero_like().is_zero() && !oid.is_zero());
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(Mode::parse("100755").unwrap(), Mode::EXECUTABLE);
        assert_eq!(Mode::TREE.to_string(), "040000");
        assert!(Mode::parse("9").is_err());
    }
}
