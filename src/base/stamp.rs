//! The blake3 of an ingredient or a result. The only importer of `blake3`.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The first 128 bits of a blake3 hash, written as 32 hexadecimal digits.
///
/// blake3 may be cut anywhere (its paper, section 2.6); 128 bits keep a trailer line readable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Stamp([u8; 16]);

impl Stamp {
    /// The stamp of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Stamper::new("bytes").field(bytes).stamp()
    }

    /// The stamp of a file as git stores it: its mode (`100644`, `100755`, `120000`, `160000`) and its blob.
    pub fn of_blob(mode: u32, content: &[u8]) -> Self {
        Stamper::new("blob").field(&mode.to_be_bytes()).field(content).stamp()
    }

    /// The raw bytes, for a database column.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A stamp from its raw bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is not a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stamp is 32 hexadecimal digits")]
pub struct BadStamp;

impl FromStr for Stamp {
    type Err = BadStamp;

    fn from_str(text: &str) -> Result<Self, BadStamp> {
        if text.len() != 32 || !text.is_ascii() {
            return Err(BadStamp);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| BadStamp)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| BadStamp)?;
        }
        Ok(Self(bytes))
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.to_string()
    }
}

impl TryFrom<String> for Stamp {
    type Error = BadStamp;

    fn try_from(text: String) -> Result<Self, BadStamp> {
        text.parse()
    }
}

/// Builds a stamp from fields, each with its length before it, so that no two lists of fields are alike.
pub struct Stamper(blake3::Hasher);

impl Stamper {
    /// A stamper for one kind of thing; the same fields under another kind give another stamp.
    pub fn new(kind: &str) -> Self {
        Self(blake3::Hasher::new()).field(kind.as_bytes())
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds another stamp as a field.
    #[must_use]
    pub fn stamped(self, stamp: Stamp) -> Self {
        self.field(&stamp.0)
    }

    /// The stamp of all the fields.
    pub fn stamp(self) -> Stamp {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        Stamp(bytes)
    }
}

/// Builds the stamp of a file, as [`Stamp::of_blob`] makes it, from pieces of its content.
pub struct BlobStamper(blake3::Hasher);

impl BlobStamper {
    /// A file of this mode and of so many bytes.
    pub fn new(mode: u32, length: u64) -> Self {
        let Stamper(mut hasher) = Stamper::new("blob").field(&mode.to_be_bytes());
        hasher.update(&length.to_le_bytes());
        Self(hasher)
    }

    /// Takes in the next piece.
    pub fn take(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The stamp of all the pieces, which must come to the length that was said.
    pub fn stamp(self) -> Stamp {
        Stamper(self.0).stamp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_its_own_text() {
        let stamp = Stamp::of(b"spec");
        assert_eq!(stamp.to_string().parse(), Ok(stamp));
        assert_eq!("xyz".parse::<Stamp>(), Err(BadStamp));
        assert_eq!("é".repeat(16).parse::<Stamp>(), Err(BadStamp));
    }

    #[test]
    fn fields_do_not_run_together() {
        let one = Stamper::new("k").field(b"ab").field(b"c").stamp();
        let other = Stamper::new("k").field(b"a").field(b"bc").stamp();
        assert_ne!(one, other);
    }

    #[test]
    fn a_blob_may_come_in_pieces() {
        let mut pieces = BlobStamper::new(0o100_755, 5);
        pieces.take(b"ab");
        pieces.take(b"cde");
        assert_eq!(pieces.stamp(), Stamp::of_blob(0o100_755, b"abcde"));
    }

    #[test]
    fn mode_is_part_of_a_blob() {
        assert_ne!(Stamp::of_blob(0o100_644, b"x"), Stamp::of_blob(0o100_755, b"x"));
    }
}
