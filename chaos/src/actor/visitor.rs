//! One visitor of a server with sessions: right calls and broken ones, slow bodies, sign-ins and
//! sign-outs, on a connection that now and then ends in the middle.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use load::http::{Connection, Request, unexpected};

use crate::record::{Count, Violations};

/// Calls of `load.Rated` of one session: at once, and in a second.
const RATED_BURST: f64 = 5.0;
const RATED_PER_SECOND: f64 = 2.0;

/// Calls of `load.Rated` that follow each other: more than a session has permits.
const RATED_CALLS: u32 = 8;

/// A body that is longer than `load.Upload` takes.
const TOO_LONG: usize = 20_000;

/// How long a response may take on a busy machine.
const ANSWER: Duration = Duration::from_secs(30);

/// The longest pause between two calls, and between two pieces of a slow body.
const PAUSE_MS: u64 = 600;
const PIECE_PAUSE_MS: u64 = 200;

/// What all visitors of a run count together.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    pub(crate) calls: Count,
    pub(crate) sign_ins: Count,
    pub(crate) sign_outs: Count,
    pub(crate) broken: Count,
    pub(crate) slow_bodies: Count,
    /// Connections that the visitor closed during a call or a body.
    pub(crate) aborted: Count,
    pub(crate) refused_busy: Count,
    pub(crate) refused_rate: Count,
    pub(crate) violations: Violations,
}

/// One visitor.
#[derive(Debug)]
pub(crate) struct Visitor {
    name: String,
    address: SocketAddr,
    rng: Rng,
    visits: Arc<Visits>,
    connection: Option<Connection>,
    session: Option<SignedIn>,
    calls: u64,
}

/// The session of a visitor.
#[derive(Debug)]
struct SignedIn {
    cookie: String,
    since: Instant,
    /// Calls of `load.Rated` that the server has admitted.
    rated: u32,
}

/// What the server answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    cookie: Option<String>,
    has_retry_after: bool,
    body: String,
}

impl Visitor {
    pub(crate) fn new(number: usize, address: SocketAddr, seed: u64, visits: &Arc<Visits>) -> Self {
        Self {
            name: format!("user-{number}"),
            address,
            rng: Rng::with_seed(seed.wrapping_add(number as u64)),
            visits: Arc::clone(visits),
            connection: None,
            session: None,
            calls: 0,
        }
    }

    /// Returns whether the visitor has a session.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.session.is_some()
    }

    /// Closes the connection. The session stays.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Visits the server until a moment. Records whatever is not as it has to be.
    pub(crate) async fn visit(&mut self, until: Instant) {
        while Instant::now() < until {
            let step = timeout(ANSWER, self.step()).await;
            let failure = match step {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("no response in time".to_owned()),
            };
            if let Some(failure) = failure {
                self.visits.violations.add(format!("{}: {failure}", self.name));
                self.connection = None;
            }
            sleep(Duration::from_millis(self.rng.u64(0..PAUSE_MS))).await;
        }
    }

    async fn step(&mut self) -> io::Result<()> {
        match self.rng.u32(0..100) {
            0..30 => self.work().await,
            30..42 => self.rated().await,
            42..60 => self.who_am_i().await,
            60..64 => self.sign_in().await,
            64..68 => self.sign_out().await,
            68..82 => self.broken().await,
            82..90 => self.slow_body().await,
            90..94 => self.abandoned_body().await,
            94..97 => self.abandoned_call().await,
            _ => {
                self.connection = None;
                Ok(())
            }
        }
    }

    async fn work(&mut self) -> io::Result<()> {
        self.calls += 1;
        let (number, ms) = (self.calls, self.rng.u64(0..150));
        let answer = self.call("load.Work", &format!(r#"{{"number":{number},"ms":{ms}}}"#)).await?;
        match answer.status {
            // A permit comes before the visitor: one without a session is refused so too.
            503 if answer.has_retry_after => {
                self.visits.refused_busy.add();
                Ok(())
            }
            _ => self.expect(&answer, &number.to_string()),
        }
    }

    async fn rated(&mut self) -> io::Result<()> {
        for _ in 0..RATED_CALLS {
            let answer = self.call("load.Rated", "{}").await?;
            let Some(session) = &mut self.session else {
                // All visitors without a session are one caller, by their address.
                let is_refused = matches!(answer.status, 401 | 429);
                return if is_refused { Ok(()) } else { Err(answer.unexpected()) };
            };
            match answer.status {
                429 if answer.has_retry_after => {
                    self.visits.refused_rate.add();
                    continue;
                }
                204 => session.rated += 1,
                _ => return Err(answer.unexpected()),
            }
            let permits = RATED_BURST + RATED_PER_SECOND * session.since.elapsed().as_secs_f64();
            if f64::from(session.rated) > permits {
                return Err(unexpected(&format!("{} calls of {permits:.1}", session.rated)));
            }
        }
        Ok(())
    }

    async fn who_am_i(&mut self) -> io::Result<()> {
        let answer = self.call("load.WhoAmI", "{}").await?;
        let name = format!("\"{}\"", self.name);
        self.expect(&answer, &name)
    }

    /// Signs in. A session of before ends with that.
    async fn sign_in(&mut self) -> io::Result<()> {
        let since = Instant::now();
        let body = format!(r#"{{"name":"{}"}}"#, self.name);
        let answer = self.call("load.SignIn", &body).await?;
        let Some(cookie) = answer.cookie.clone().filter(|_| answer.status == 204) else {
            return Err(answer.unexpected());
        };
        self.visits.sign_ins.add();
        match self.session.replace(SignedIn { cookie, since, rated: 0 }) {
            Some(before) => self.has_ended(&before.cookie).await,
            None => Ok(()),
        }
    }

    async fn sign_out(&mut self) -> io::Result<()> {
        let answer = self.call("load.SignOut", "{}").await?;
        self.expect(&answer, "")?;
        match self.session.take() {
            Some(before) => {
                self.visits.sign_outs.add();
                self.has_ended(&before.cookie).await
            }
            None => Ok(()),
        }
    }

    /// Checks that the server refuses the cookie of a session that has ended.
    async fn has_ended(&mut self, cookie: &str) -> io::Result<()> {
        let head = self.head("POST", "load.WhoAmI").header("Cookie", cookie);
        let answer = self.ask(&head.json(b"{}")).await?;
        if answer.status == 401 { Ok(()) } else { Err(answer.unexpected()) }
    }

    /// Sends a call that cannot be served, and checks the status.
    async fn broken(&mut self) -> io::Result<()> {
        self.visits.broken.add();
        let user = |status| if self.session.is_some() { status } else { 401 };
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(TOO_LONG));
        let kind = self.rng.u32(0..9);
        let post = |name| self.with_cookie(self.head("POST", name));
        let who = r#"{"number":1,"ms":1}"#;
        let (request, expected) = match kind {
            0 => (post("load.Work").json(b"{\"number\":"), user(400)),
            1 => (post("load.Work").json(br#"{"number":1,"ms":5000}"#), user(422)),
            2 => (post("load.Work").json(br#"{"number":"one","ms":1}"#), user(422)),
            3 => (post("load.None").json(b"{}"), 404),
            4 => (self.with_cookie(self.head("GET", "load.Work")).end(), 405),
            5 => (post("load.Upload").json(long.as_bytes()), user(413)),
            6 => {
                let head = post("load.Work").header("Origin", "https://evil.example");
                (head.header("Sec-Fetch-Site", "cross-site").json(who.as_bytes()), 403)
            }
            7 => {
                let forged = "kipo-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
                let head = self.head("POST", "load.WhoAmI").header("Cookie", forged);
                (head.json(b"{}"), 401)
            }
            _ => {
                let head = post("load.Work").header("Content-Type", "text/plain");
                let mut bytes = head.header("Content-Length", who.len()).end();
                bytes.extend_from_slice(who.as_bytes());
                (bytes, user(415))
            }
        };
        let answer = self.ask(&request).await?;
        // The rest of a body that is too long is not read.
        if answer.status == 413 || expected == 401 {
            self.connection = None;
        }
        if answer.status == 503 && answer.has_retry_after {
            // All permits were taken, which the server sees before what is broken.
            self.visits.refused_busy.add();
            return Ok(());
        }
        if answer.status == expected {
            return Ok(());
        }
        Err(unexpected(&format!("{} for {expected}: {}", answer.status, answer.body)))
    }

    /// Sends a body in pieces.
    async fn slow_body(&mut self) -> io::Result<()> {
        self.visits.slow_bodies.add();
        let (request, pieces) = (self.upload(), self.rng.usize(2..6));
        let (last, rest) = split(&request, pieces);
        for piece in rest {
            let sent = self.connection().await?.write(piece).await;
            if sent.is_err() && self.session.is_none() {
                // The server refuses a visitor without a session before the body, and closes.
                self.connection = None;
                return Ok(());
            }
            sent?;
            sleep(Duration::from_millis(self.rng.u64(0..PIECE_PAUSE_MS))).await;
        }
        let answer = self.ask(last).await;
        if self.session.is_none() {
            self.connection = None;
            return answer.map_or(Ok(()), |answer| self.expect(&answer, ""));
        }
        self.expect(&answer?, "1000")
    }

    /// Leaves in the middle of a body.
    async fn abandoned_body(&mut self) -> io::Result<()> {
        self.visits.aborted.add();
        let request = self.upload();
        let half = request.len() / 2;
        self.connection().await?.write(&request[..half]).await?;
        sleep(Duration::from_millis(self.rng.u64(0..PIECE_PAUSE_MS))).await;
        self.connection = None;
        Ok(())
    }

    /// Leaves before the response to a call that the server has admitted.
    async fn abandoned_call(&mut self) -> io::Result<()> {
        self.visits.aborted.add();
        let head = self.with_cookie(self.head("POST", "load.Work"));
        let request = head.json(br#"{"number":1,"ms":100}"#);
        self.connection().await?.write(&request).await?;
        sleep(Duration::from_millis(20)).await;
        self.connection = None;
        Ok(())
    }

    fn upload(&self) -> Vec<u8> {
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000));
        self.with_cookie(self.head("POST", "load.Upload")).json(body.as_bytes())
    }

    /// Checks the response to a call that needs a user.
    fn expect(&self, answer: &Answer, body: &str) -> io::Result<()> {
        let is_right = match &self.session {
            Some(_) => matches!(answer.status, 200 | 204) && answer.body == body,
            None => answer.status == 401,
        };
        if is_right { Ok(()) } else { Err(answer.unexpected()) }
    }

    fn head(&self, method: &str, action: &str) -> Request {
        let path = format!("/_kipo/actions/{action}");
        Request::new(method, &path, self.address).header("Accept", "application/json")
    }

    fn with_cookie(&self, head: Request) -> Request {
        match &self.session {
            Some(session) => head.header("Cookie", &session.cookie),
            None => head,
        }
    }

    async fn call(&mut self, action: &str, body: &str) -> io::Result<Answer> {
        self.visits.calls.add();
        let request = self.with_cookie(self.head("POST", action)).json(body.as_bytes());
        self.ask(&request).await
    }

    async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let response = self.connection().await?.send(request).await?;
        let cookie = response.head.header("set-cookie").and_then(|text| text.split(';').next());
        let answer = Answer {
            status: response.status,
            cookie: cookie.map(str::to_owned),
            has_retry_after: response.head.header("retry-after").is_some(),
            body: String::from_utf8_lossy(response.body).into_owned(),
        };
        let closes = response.head.header("connection") == Some("close");
        if closes {
            self.connection = None;
        }
        Ok(answer)
    }

    async fn connection(&mut self) -> io::Result<&mut Connection> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(self.address).await?);
        }
        self.connection.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Answer {
    fn unexpected(&self) -> io::Error {
        unexpected(&format!("{}: {}", self.status, self.body))
    }
}

/// Cuts bytes into pieces. Returns the last one, and those before it.
fn split(bytes: &[u8], pieces: usize) -> (&[u8], impl Iterator<Item = &[u8]>) {
    let size = bytes.len() / pieces;
    let (rest, last) = bytes.split_at(bytes.len() - size);
    (last, rest.chunks(size))
}
