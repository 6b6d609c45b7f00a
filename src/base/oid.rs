//! The name of a git object.
use std::fmt;
use std::str::FromStr;

/// The name of a git object: SHA-1 (40 digits) or SHA-256 (64 digits).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid {
    bytes: [u8; 32],
    len: u8,
}

/// A text that names no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an object name is 40 or 64 hexadecimal digits")]
pub struct BadOid;

impl FromStr for Oid {
    type Err = BadOid;

    fn from_str(text: &str) -> Result<Self, BadOid> {
        let len = text.len() / 2;
        if !matches!(text.len(), 40 | 64) || !text.is_ascii() {
            return Err(BadOid);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digit = |b: u8| (b as char).to_digit(16).ok_or(BadOid);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).map_err(|_| BadOid)?;
        }
        Ok(Self { bytes, len: u8::try_from(len).map_err(|_| BadOid)? })
    }
}

impl Oid {
    /// The first seven digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }

    /// A name from its raw bytes, 20 or 32 of them.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        if !matches!(raw.len(), 20 | 32) {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { bytes, len: u8::try_from(raw.len()).ok()? })
    }

    /// The raw bytes, 20 or 32 of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    /// The name that git writes for "none", of the same length.
    pub fn zero_like(&self) -> Self {
        Self { bytes: [0; 32], len: self.len }
    }

    /// Whether every digit is 0, git's way to say "none".
    pub fn is_zero(&self) -> bool {
        self.bytes.iter().all(|b| *b == 0)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = String::with_capacity(64);
        for byte in self.as_bytes() {
            digits.push(char::from(DIGITS[usize::from(byte >> 4)]));
            digits.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        f.pad(&digits)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_survives_its_own_text() {
        for text in ["0123456789abcdef0123456789abcdef01234567", &"ab".repeat(32)] {
            assert_eq!(text.parse::<Oid>().map(|oid| oid.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("abc".parse::<Oid>(), Err(BadOid));
        assert_eq!("g".repeat(40).parse::<Oid>(), Err(BadOid));
    }
}
