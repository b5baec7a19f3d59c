//! Open sockets that go from one process to another, with some bytes.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// How many sockets are sent at once.
const SOCKETS_MAX: usize = 3;

/// Hands sockets to the other end, with some bytes; all of it or nothing.
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

/// Takes the sockets that [`send`] sent, and says how many bytes came with them.
///
/// # Errors
///
/// What the system says; and if there are not so many sockets, or more bytes than there is room.
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
        _ => Err(io::Error::other("not all of it was handed over")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    #[test]
    fn without_its_sockets_there_is_an_error() {
        let (parent, child) = UnixStream::pair().unwrap();
        send(&parent, [parent.as_fd()], &[IoSlice::new(b"a")]).unwrap();
        assert!(receive::<2>(&child, &mut [0; 8]).is_err());
        drop(parent);
        assert!(receive::<1>(&child, &mut [0; 8]).is_err());
    }

    #[test]
    fn what_has_no_room_is_not_half_taken() {
        let (parent, child) = UnixDatagram::pair().unwrap();
        let sent = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
        for (room, taken) in [(2, None), (3, Some(3)), (4, Some(3))] {
            send(&parent, [parent.as_fd()], &sent).unwrap();
            let received = receive::<1>(&child, &mut vec![0; room]);
            assert_eq!(received.ok().map(|(_, bytes)| bytes), taken);
        }
    }
}
