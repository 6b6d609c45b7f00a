//! Paths as text. To git a path is bytes; here it is a `String`, because nearly every path is UTF-8 and
//! every room wants to compare, match and print them. A byte that is no UTF-8 stands as one private
//! character (U+10FF80 to U+10FFFF), and so does each byte of such a character itself, so that the way
//! back is exact: what is written to git or to the disk goes through [`to_bytes`] or [`to_os`].
use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const ESCAPE: u32 = 0x10_FF00;

/// The text that stands for a path of git's.
pub fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if escaped(c).is_none() {
                text.push(c);
                continue;
            }
            let mut buffer = [0; 4];
            text.extend(c.encode_utf8(&mut buffer).bytes().filter_map(escape));
        }
        text.extend(chunk.invalid().iter().copied().filter_map(escape));
    }
    text
}

/// The bytes that a text stands for.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.chars().any(|c| escaped(c).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// The path on disk that a text stands for, relative as the text is.
pub fn to_os(text: &str) -> PathBuf {
    PathBuf::from(OsString::from_vec(to_bytes(text).into_owned()))
}

/// The text that stands for a path on disk.
pub fn from_os(path: &Path) -> String {
    to_text(path.as_os_str().as_bytes())
}

fn escape(byte: u8) -> Option<char> {
    char::from_u32(ESCAPE + u32::from(byte))
}

fn escaped(c: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(c).checked_sub(ESCAPE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn utf8_stays_as_it_is() {
        assert_eq!(to_text("spec/ü.md".as_bytes()), "spec/ü.md");
        assert_ne!(to_text(b"\xff"), to_text("\u{10ffff}".as_bytes()));
    }

    proptest! {
        #[test]
        fn every_path_comes_back(bytes in any::<Vec<u8>>()) {
            assert_eq!(&*to_bytes(&to_text(&bytes)), &bytes[..]);
        }

        #[test]
        fn private_characters_come_back(tail in 0x10_FF70_u32..=0x10_FFFF) {
            let text: String = char::from_u32(tail).into_iter().collect();
            assert_eq!(&*to_bytes(&to_text(text.as_bytes())), text.as_bytes());
        }
    }
}
