//! Files of ours that are as good as not there when they are cut or damaged: what they are, the stamp of all that
//! follows, and that.
use crate::base::Stamp;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// No such file is larger, be it of a million specs. In bytes.
const LARGEST: u64 = 1 << 28;

/// The bytes of such a file; they still are to be opened.
pub fn read(file: &Path) -> Option<Vec<u8>> {
    // Nothing else may be waited for, or read without end.
    file.symlink_metadata().ok().filter(|found| found.is_file() && found.len() <= LARGEST)?;
    fs::read(file).ok()
}

/// What was sealed as `magic`, whole and unchanged.
pub fn open<'b>(magic: &[u8], bytes: &'b [u8]) -> Option<&'b [u8]> {
    let (stamp, body) = bytes.strip_prefix(magic)?.split_at_checked(16)?;
    (Stamp::of(body).as_bytes() == stamp).then_some(body)
}

/// The bytes of such a file.
pub fn seal(magic: &[u8], body: &[u8]) -> Vec<u8> {
    [magic, Stamp::of(body).as_bytes(), body].concat()
}

/// Writes such a file in the place of a former one. Who reads it meanwhile sees the one or the other; of two who write it
/// at once, one may have to give up.
///
/// # Errors
/// Whatever the disk says.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let prefix = format!("{name}.");
    // What a kill left half done.
    for left in fs::read_dir(folder)?.flatten() {
        if left.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            drop(fs::remove_file(left.path()));
        }
    }
    let mut new = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder)?;
    new.write_all(bytes)?;
    new.persist(folder.join(name)).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_what_is_whole_is_opened(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let sealed = seal(b"ours\n", &body);
            prop_assert_eq!(open(b"ours\n", &sealed), Some(body.as_slice()));
            prop_assert_eq!(open(b"other\n", &sealed), None);
            for at in 0..sealed.len() {
                prop_assert_eq!(open(b"ours\n", &sealed[..at]), None);
                for bit in 0..8 {
                    let mut bytes = sealed.clone();
                    bytes[at] ^= 1 << bit;
                    prop_assert_eq!(open(b"ours\n", &bytes), None);
                }
            }
        }
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("x");
        assert_eq!(read(&place), None);
        fs::write(folder.path().join("x.half"), b"").unwrap();
        write(folder.path(), "x", b"1").unwrap();
        write(folder.path(), "x", b"2").unwrap();
        assert_eq!(read(&place).as_deref(), Some(&b"2"[..]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        std::os::unix::fs::symlink(&place, folder.path().join("link")).unwrap();
        assert_eq!(read(&folder.path().join("link")), None);
        assert_eq!(read(folder.path()), None);
    }
}
