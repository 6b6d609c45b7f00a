//! What objects are called, and writing one without a process, as a file of its own below `objects/` (`gitformat-loose(5)`): the type and the
//! length, a NUL and the content, deflated, under the SHA-1 of what was deflated.
use super::oid::Oid;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha1::{Digest, Sha1};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a commit or a tree, as `kind` says. It is on the disk when this returns; one that is there already stays as it
/// is.
///
/// # Errors
/// The disk's.
pub(super) fn write_object(common_dir: &Path, kind: &str, content: &[u8]) -> io::Result<Oid> {
    let head = format!("{kind} {}\0", content.len());
    let name = Sha1::new().chain_update(&head).chain_update(content).finalize();
    let oid = Oid::from_bytes(&name).ok_or(ErrorKind::InvalidData)?;
    let digits = oid.to_string();
    let folder = common_dir.join("objects").join(&digits[..2]);
    let place = folder.join(&digits[2..]);
    if place.try_exists()? {
        return Ok(oid);
    }
    std::fs::create_dir_all(&folder)?;
    // git tidies up what is left under such a name.
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("tmp_obj_").permissions(PermissionsExt::from_mode(0o444));
    let mut deflating = ZlibEncoder::new(builder.tempfile_in(&folder)?, Compression::fast());
    deflating.write_all(head.as_bytes())?;
    deflating.write_all(content)?;
    let file = deflating.finish()?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    Ok(oid)
}

/// The name of a blob, from pieces of its content.
pub(crate) struct BlobName(Sha1);

impl BlobName {
    /// Of so many bytes.
    pub(crate) fn new(length: u64) -> Self {
        Self(Sha1::new().chain_update(format!("blob {length}\0")))
    }

    /// Takes in the next piece.
    pub(crate) fn take(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The name of all the pieces, which must come to the length that was said.
    pub(crate) fn oid(self) -> Option<Oid> {
        Oid::from_bytes(&self.0.finalize())
    }
}
