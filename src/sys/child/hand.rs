//! An open file, handed from one process to another over the line between them.
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// What goes over the line with it: nothing goes without a byte.
const HANDED: u8 = b'h';

/// Hands a file over. It arrives whenever the other side asks for it.
pub(super) fn over(line: &UnixStream, file: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = [file];
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("no room for a file"));
    }
    sendmsg(line, &[IoSlice::new(&[HANDED])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Takes the file that was handed over.
pub(super) fn taken(line: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(line, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let file = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    file.ok_or_else(|| io::Error::other("no file was handed over"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_file_gets_to_the_other_side() {
        let (ours, theirs) = UnixStream::pair().expect("a line");
        let (mut reader, writer) = io::pipe().expect("a pipe");
        over(&ours, writer.as_fd()).expect("handed over");
        drop(writer);
        let mut file = File::from(taken(&theirs).expect("a file"));
        file.write_all(b"hello").expect("written");
        drop(file);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("the end, since no copy is left");
        assert_eq!(text, "hello");
        drop(ours);
        assert!(taken(&theirs).is_err(), "nothing more");
    }
}
