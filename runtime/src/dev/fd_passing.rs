//! Sends open sockets to another process over a Unix socket (`SCM_RIGHTS`), together with some
//! bytes.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The most sockets in one message.
const SOCKETS_MAX: usize = 4;

/// Sends sockets and bytes in one message: all of it or nothing.
pub(super) fn send(
    to: impl AsFd,
    sockets: &[BorrowedFd<'_>],
    bytes: &[IoSlice<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(sockets));
    sendmsg(to, bytes, &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives the sockets of one [`send`]; also returns how many bytes came with them.
///
/// # Errors
///
/// The error of the system; or another one if the message has more bytes than `bytes` has room for.
pub(super) fn receive(from: impl AsFd, bytes: &mut [u8]) -> io::Result<(Vec<OwnedFd>, usize)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let bytes = &mut [IoSliceMut::new(bytes)];
    let message = recvmsg(from, bytes, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let sockets = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    let sockets: Vec<OwnedFd> = sockets.flatten().collect();
    if message.flags.contains(ReturnFlags::TRUNC) {
        return Err(incomplete());
    }
    Ok((sockets, message.bytes))
}

/// Returns the sockets of a message that has exactly so many.
pub(super) fn exactly<const N: usize>(sockets: Vec<OwnedFd>) -> io::Result<[OwnedFd; N]> {
    sockets.try_into().map_err(|_| incomplete())
}

fn incomplete() -> io::Error {
    io::Error::other("the message of sockets is incomplete")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    #[test]
    fn a_message_without_its_sockets_is_an_error() {
        let (parent, child) = UnixStream::pair().unwrap();
        send(&parent, &[parent.as_fd()], &[IoSlice::new(b"a")]).unwrap();
        let (sockets, _) = receive(&child, &mut [0; 8]).unwrap();
        assert!(exactly::<2>(sockets).is_err());
        drop(parent);
        let (sockets, _) = receive(&child, &mut [0; 8]).unwrap();
        assert!(exactly::<1>(sockets).is_err());
    }

    #[test]
    fn a_message_larger_than_the_buffer_is_an_error() {
        let (parent, child) = UnixDatagram::pair().unwrap();
        let sent = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
        for (room, expected) in [(2, None), (3, Some(3)), (4, Some(3))] {
            send(&parent, &[parent.as_fd()], &sent).unwrap();
            let received = receive(&child, &mut vec![0; room]);
            assert_eq!(received.ok().map(|(_, bytes)| bytes), expected);
        }
    }
}
