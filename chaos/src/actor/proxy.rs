//! A TCP proxy that does what networks and proxies do.
//!
//! What happens to connection `n` is drawn from the seed and `n` alone; which listener has that
//! connection depends on the moment.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
    time::{sleep, sleep_until, timeout},
};

use crate::actor::listener::Scene;

/// How many clients may wait to be accepted: all of them come at once when the proxy is back. One
/// more would try again after 1 s, 3 s, 7 s, and measure nothing but that.
const BACKLOG: u32 = 4_096;

/// How long the server may take to accept.
const CONNECT: Duration = Duration::from_secs(2);

/// The whole answer of a proxy whose server is away.
const BAD_GATEWAY: &str =
    "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// After so many bytes of the answer the client is cut off.
    CutAnswer(u64, Cut),
    /// After so many bytes of the request both sides are cut off.
    CutRequest(u64, Cut),
    /// After so many bytes of the answer, at least one, the client's side of the connection ends.
    HalfClose(u64),
    /// Each piece waits so long.
    Delay(Duration),
    /// The answer comes in pieces of so many bytes.
    Drip(usize),
    BadGateway,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// A reset; what is on its way is lost.
    Reset,
    /// An end, as if the answer were complete.
    Fin,
}

impl Fault {
    fn draw(rng: &mut Rng) -> Self {
        // Every size of a cut is as likely: in the head, in the replay, in the live part.
        let within = |rng: &mut Rng, bits: std::ops::Range<u32>| {
            let most = 1u64 << rng.u32(bits);
            rng.u64(0..most)
        };
        let cut = |rng: &mut Rng| if rng.bool() { Cut::Reset } else { Cut::Fin };
        match rng.u8(0..100) {
            0..15 => Self::None,
            15..60 => Self::CutAnswer(within(rng, 4..16), cut(rng)),
            60..68 => Self::CutRequest(within(rng, 2..9), cut(rng)),
            68..76 => Self::HalfClose(1 + within(rng, 4..15)),
            76..84 => Self::Delay(Duration::from_millis(rng.u64(1..300))),
            84..94 => Self::Drip(rng.usize(1..40)),
            _ => Self::BadGateway,
        }
    }
}

/// A running proxy; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    calm: Arc<AtomicBool>,
    accepting: AbortHandle,
}

impl Proxy {
    /// Starts a proxy before `target`, on an address of its own.
    pub(crate) fn start(target: SocketAddr, seed: u64, scene: &Arc<Scene>) -> io::Result<Self> {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let (address, calm) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let front = Front { target, seed, scene: Arc::clone(scene), calm: Arc::clone(&calm) };
        let accepting = tokio::spawn(front.run(listener, address)).abort_handle();
        Ok(Self { address, calm, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all faults, those of open connections too.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Release);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The side where clients come in.
struct Front {
    target: SocketAddr,
    seed: u64,
    scene: Arc<Scene>,
    calm: Arc<AtomicBool>,
}

impl Front {
    async fn run(self, mut listener: TcpListener, address: SocketAddr) {
        let mut rng = Rng::with_seed(self.seed);
        let mut leaves = next_absence(&mut rng);
        for number in 1u64.. {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sleep_until(leaves) => {
                    leaves = next_absence(&mut rng);
                    if !self.calm.load(Ordering::Acquire) {
                        self.scene.tally.absences.add();
                        drop(listener);
                        sleep(Duration::from_millis(rng.u64(100..1_000))).await;
                        listener = listen_again(address).await;
                    }
                    continue;
                }
            };
            // Too many files, or a client that is gone already: the next one may do.
            let Ok((client, _)) = accepted else { continue };
            let calm = self.calm.load(Ordering::Acquire);
            let mut rng = Rng::with_seed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let fault = if calm { Fault::None } else { Fault::draw(&mut rng) };
            let (scene, calm) = (Arc::clone(&self.scene), Arc::clone(&self.calm));
            // Ends with its sockets: whichever side goes away.
            tokio::spawn(Link { fault, calm, scene }.run(client, self.target));
        }
    }
}

fn next_absence(rng: &mut Rng) -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_millis(rng.u64(5_000..15_000))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens at the address again: no other process uses it, but the system may need a moment.
async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match listen(address) {
            Ok(listener) => return listener,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// One connection through the proxy.
struct Link {
    fault: Fault,
    calm: Arc<AtomicBool>,
    scene: Arc<Scene>,
}

impl Link {
    async fn run(self, mut client: TcpStream, target: SocketAddr) {
        let tally = &self.scene.tally;
        if self.fault == Fault::BadGateway {
            tally.bad_gateways.add();
            return bad_gateway(&mut client).await;
        }
        let Ok(Ok(server)) = timeout(CONNECT, TcpStream::connect(target)).await else {
            // The server is away: what a proxy in front of it answers.
            tally.bad_gateways.add();
            return bad_gateway(&mut client).await;
        };
        match self.fault {
            Fault::Delay(_) => tally.delays.add(),
            Fault::Drip(_) => tally.drips.add(),
            _ => {}
        }
        let (mut client_read, mut client_write) = client.into_split();
        let (mut server_read, mut server_write) = server.into_split();
        let half_close = tokio::sync::Notify::new();
        let cut = {
            let request = self.request(&mut client_read, &mut server_write, &half_close);
            let answer = self.answer(&mut server_read, &mut client_write, &half_close);
            tokio::pin!(request, answer);
            tokio::select! {
                cut = &mut request => match cut {
                    // The request is complete: the answer goes on.
                    None => answer.await,
                    cut => cut,
                },
                cut = &mut answer => cut,
            }
        };
        if cut.is_some() {
            tally.cuts.add();
        }
        if cut == Some(Cut::Reset) {
            // As halves they would end politely when they are dropped.
            let halves = [(client_read, client_write), (server_read, server_write)];
            for stream in halves.into_iter().filter_map(|(read, write)| read.reunite(write).ok()) {
                // If it is gone already there is nothing to reset.
                let _ = stream.set_zero_linger();
            }
        }
    }

    /// Carries the request. Returns how the connection is to be cut, if it is.
    async fn request(
        &self,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        half_close: &tokio::sync::Notify,
    ) -> Option<Cut> {
        let limit = match self.fault {
            Fault::CutRequest(bytes, cut) => Some((bytes, cut)),
            _ => None,
        };
        tokio::select! {
            cut = self.carry(from, to, limit, usize::MAX) => cut,
            () = half_close.notified() => {
                self.scene.tally.half_closes.add();
                // Fails if the server is gone already, which changes nothing.
                let _ = to.shutdown().await;
                None
            }
        }
    }

    /// Carries the answer. Returns how the connection is to be cut, if it is.
    async fn answer(
        &self,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        half_close: &tokio::sync::Notify,
    ) -> Option<Cut> {
        match self.fault {
            Fault::CutAnswer(bytes, cut) => {
                self.carry(from, to, Some((bytes, cut)), usize::MAX).await
            }
            Fault::Drip(piece) => self.carry(from, to, None, piece).await,
            Fault::HalfClose(bytes) => {
                let cut = self.carry(from, to, Some((bytes, Cut::Fin)), usize::MAX).await;
                cut?;
                half_close.notify_one();
                self.carry(from, to, None, usize::MAX).await
            }
            _ => self.carry(from, to, None, usize::MAX).await,
        }
    }

    /// Carries bytes until one side ends, or until the limit: then returns how to cut.
    async fn carry(
        &self,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        limit: Option<(u64, Cut)>,
        piece: usize,
    ) -> Option<Cut> {
        let (mut buffer, mut carried) = (vec![0; 4096], 0);
        loop {
            let limit = limit.filter(|_| !self.calm.load(Ordering::Acquire));
            let left = limit.map_or(u64::MAX, |(bytes, _)| bytes.saturating_sub(carried));
            // A cut at byte 0 too waits until there is something to cut.
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            let room = buffer.len().min(left.max(1));
            let count = match from.read(&mut buffer[..room]).await {
                Ok(0) | Err(_) => break,
                Ok(count) => count.min(left),
            };
            if !self.carry_pieces(&buffer[..count], to, piece).await {
                break;
            }
            carried += count as u64;
            if let Some((bytes, cut)) = limit
                && carried >= bytes
            {
                return Some(cut);
            }
        }
        // Ends the other side too, unless it is gone already.
        let _ = to.shutdown().await;
        None
    }

    /// Writes bytes with the delays of this connection. Returns whether they were taken.
    async fn carry_pieces(&self, bytes: &[u8], to: &mut OwnedWriteHalf, piece: usize) -> bool {
        for part in bytes.chunks(piece) {
            let calm = self.calm.load(Ordering::Acquire);
            match self.fault {
                Fault::Delay(time) if !calm => sleep(time).await,
                Fault::Drip(_) if !calm => sleep(Duration::from_millis(1)).await,
                _ => {}
            }
            if to.write_all(part).await.is_err() {
                return false;
            }
        }
        true
    }
}

async fn bad_gateway(client: &mut TcpStream) {
    // The request is taken first: closing on unread bytes is a reset, and loses the answer.
    let mut request = [0; 1024];
    if client.read(&mut request).await.is_ok() {
        let _ = client.write_all(BAD_GATEWAY.as_bytes()).await;
        let _ = client.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every connection with these bytes, and then ends.
    async fn target(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 16];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer).await;
            }
        });
        address
    }

    /// What a client gets through one connection with this fault.
    async fn through(fault: Fault) -> (Vec<u8>, io::Result<()>) {
        let target = target(b"0123456789").await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (scene, calm) = (Arc::default(), Arc::default());
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            Link { fault, calm, scene }.run(client, target).await;
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut got = Vec::new();
        let read = client.read_to_end(&mut got).await.map(drop);
        (got, read)
    }

    #[tokio::test]
    async fn an_answer_is_cut_at_the_byte() {
        for bytes in 0..10 {
            let (got, read) = through(Fault::CutAnswer(bytes, Cut::Fin)).await;
            assert_eq!(got, b"0123456789"[..usize::try_from(bytes).unwrap()]);
            assert!(read.is_ok());
        }
        let (_, read) = through(Fault::CutAnswer(3, Cut::Reset)).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn what_is_only_slow_or_half_closed_arrives() {
        for fault in [
            Fault::None,
            Fault::Drip(3),
            Fault::Delay(Duration::from_millis(2)),
            Fault::HalfClose(4),
        ] {
            let (got, read) = through(fault).await;
            assert_eq!((got.as_slice(), read.is_ok()), (&b"0123456789"[..], true), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_request_is_cut_and_a_bad_gateway_answers() {
        let (got, _) = through(Fault::CutRequest(2, Cut::Fin)).await;
        assert_eq!(got, b"");
        let (got, _) = through(Fault::BadGateway).await;
        assert!(got.starts_with(b"HTTP/1.1 502 "), "{got:?}");
    }

    #[test]
    fn a_seed_repeats_its_faults() {
        let draw = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..50).map(|_| Fault::draw(&mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
