//! What the supervisor and a serving process say to each other: lines of JSON on a socket that
//! the process finds as its standard input. The first byte carries the listening socket.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use crate::dev::{Changes, LastBuild, Report};

/// The environment variable that tells a process that it is supervised.
pub(crate) const SUPERVISED: &str = "KIPO_SUPERVISED";

/// What a serving process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Open the topics, accept connections.
    Serve,
    /// Accept no more; let go of everything.
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

/// Hands a listening socket to the other end.
pub(crate) fn hand_over(to: &UnixStream, listener: &TcpListener) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let sockets = [listener.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&sockets));
    sendmsg(to, &[IoSlice::new(b"\n")], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Takes the listening socket that [`hand_over`] sent.
pub(crate) fn take(from: &UnixStream) -> io::Result<TcpListener> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    let socket: Option<OwnedFd> = sockets.next().and_then(|mut sockets| sockets.next());
    socket.map(TcpListener::from).ok_or_else(|| io::Error::other("no socket was handed over"))
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
    use super::*;

    #[test]
    fn a_socket_that_is_handed_over_listens_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (parent, child) = UnixStream::pair().unwrap();
        hand_over(&parent, &listener).unwrap();
        let taken = take(&child).unwrap();
        drop(listener);
        let client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(taken.accept().unwrap().1, client.local_addr().unwrap());
    }

    #[test]
    fn without_a_socket_there_is_an_error() {
        let (parent, child) = UnixStream::pair().unwrap();
        drop(parent);
        assert!(take(&child).is_err());
    }

    #[test]
    fn messages_are_lines() {
        let word = Word::Ready { base: "/_kipo\n".to_owned() };
        let line = line(&word);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Word>(&line).unwrap(), word);
    }
}
