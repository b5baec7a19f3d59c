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
const SOCKETS_MAX: usize = 3;

/// Sends sockets and bytes in one message: all of it or nothing.
pub(super) fn send<const N: usize>(
    to: impl AsFd,
    sockets: [BorrowedFd<'_>; N],
    bytes: &[IoSlice<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&sockets));
    sendmsg(to, bytes, &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives the sockets of one [`send`]; also returns how many bytes came with them.
///
/// # Errors
///
/// The error of the system; or another one if the message does not hold exactly `N` sockets, or
/// more bytes than `bytes` has room for.
pub(super) fn receive<const N: usize>(
    from: impl AsFd,
    bytes: &mut [u8],
) -> io::Result<([OwnedFd; N], usize)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let bytes = &mut [IoSliceMut::new(bytes)];
    let message = recvmsg(from, bytes, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let sockets = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    let sockets: Vec<OwnedFd> = sockets.flatten().collect();
    match <[OwnedFd; N]>::try_from(sockets) {
        Ok(sockets) if !message.flags.contains(ReturnFlags::TRUNC) => Ok((sockets, message.bytes)),
        _ => Err(io::Error::other("the message of sockets is incomplete")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    #[test]
    fn a_message_without_its_sockets_is_an_error() {
        let (parent, child) = UnixStream::pair().unwrap();
        send(&parent, [parent.as_fd()], &[IoSlice::new(b"a")]).unwrap();
        assert!(receive::<2>(&child, &mut [0; 8]).is_err());
        drop(parent);
        assert!(receive::<1>(&child, &mut [0; 8]).is_err());
    }

    #[test]
    fn a_message_larger_than_the_buffer_is_an_error() {
        let (parent, child) = UnixDatagram::pair().unwrap();
        let sent = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
        for (room, expected) in [(2, None), (3, Some(3)), (4, Some(3))] {
            send(&parent, [parent.as_fd()], &sent).unwrap();
            let received = receive::<1>(&child, &mut vec![0; room]);
            assert_eq!(received.ok().map(|(_, bytes)| bytes), expected);
        }
    }
}
