//! What the supervisor and a serving process say to each other: lines of JSON on a socket that
//! the process finds as its standard input. The first byte carries the sockets to serve on.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use crate::dev::{outcome::LastBuild, report::Report, watch::Changes};

/// How many sockets are sent at once.
const SOCKETS_MAX: usize = 3;

/// What a serving process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Open the topics, accept connections.
    Serve,
    /// Accept no more; let go of everything, and leave open connections to the next process.
    HandOff,
    /// Accept no more; let go of everything, for good.
    Retire,
    /// Files of pages have changed.
    Changed(Changes),
    /// This is wrong with what shall take its place; nothing any more if it is empty.
    Wrong(Vec<Report>),
    /// What the last build was about, for the panel.
    Built(LastBuild),
}

/// What a serving process tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// Everything is checked; it waits to be told to serve.
    Ready {
        base: String,
    },
    /// It cannot start.
    Failed(Vec<Report>),
    Serving,
    /// It has acted on a change, or could not.
    Acted {
        what: String,
        did: String,
        ms: u64,
        wrong: Vec<Report>,
    },
    /// It accepts nothing any more, and its topics are closed.
    Released,
}

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

/// Returns one message as it travels.
pub(crate) fn line(message: &impl Serialize) -> Vec<u8> {
    // Names and texts always are JSON.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
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

    #[test]
    fn messages_are_lines() {
        let word = Word::Ready { base: "/_kipo\n".to_owned() };
        let line = line(&word);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Word>(&line).unwrap(), word);
    }
}
