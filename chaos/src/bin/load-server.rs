//! The server of `chaos load`: sessions in the data directory, a required user, a rate, and a limit of
//! calls at once. It counts what it runs, and an action returns the numbers.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use kipo::{
    Action, App, Context, Error, FromContext, Key, Limits, Rate, Result, Session, Sessions, State,
    action, data, time::sleep,
};

/// Calls of `load.Work` at once. The load knows it too.
const WORK_MAX: usize = 64;

/// Calls of `load.Rated` of one session: at once, and in a second. The load knows both too.
const RATED_BURST: u32 = 5;
const RATED_PER_SECOND: u32 = 2;

/// The longest body of `load.Upload`. The load sends longer ones.
const UPLOAD_BYTES_MAX: usize = 16 * 1024;

fn main() -> ExitCode {
    App::new().sessions(Sessions::new()).state(Counts::default()).require::<User>().run()
}

/// The calls of `load.Work`.
#[derive(Debug, Default)]
struct Counts {
    admitted: AtomicU64,
    finished: AtomicU64,
    /// The most that ran at once.
    peak: AtomicU64,
}

/// The user of a session.
#[derive(Debug)]
struct User {
    name: String,
}

impl FromContext for User {
    async fn from_context(cx: &Context) -> Result<Self> {
        let session: Session = Session::from_context(cx).await?;
        let name = session.user().ok_or_else(|| Error::unauthorized("sign in first"))?;
        Ok(Self { name })
    }
}

#[action(name = "load.SignIn", public)]
async fn sign_in(
    #[validate(length(min = 1, max = 40))] name: String,
    #[context] session: Session,
) -> Result<()> {
    session.set_user(name).await
}

#[action(name = "load.SignOut")]
async fn sign_out(#[context] session: Session) -> Result<()> {
    session.end().await
}

#[action(name = "load.WhoAmI")]
async fn who_am_i(#[context] user: User) -> Result<String> {
    Ok(user.name)
}

/// Takes a while, and returns its number.
#[action(name = "load.Work", state(Counts))]
struct Work {
    number: u64,
    #[validate(range(max = 1000))]
    ms: u64,
}

impl Action for Work {
    type Output = u64;
    const LIMITS: Limits = Limits::new().concurrent_max(WORK_MAX);

    async fn call(self, cx: Context) -> Result<u64> {
        let counts = cx.state::<Counts>()?;
        let admitted = counts.admitted.fetch_add(1, Ordering::SeqCst) + 1;
        let running = admitted.saturating_sub(counts.finished.load(Ordering::SeqCst));
        counts.peak.fetch_max(running, Ordering::SeqCst);
        sleep(Duration::from_millis(self.ms)).await;
        counts.finished.fetch_add(1, Ordering::SeqCst);
        Ok(self.number)
    }
}

#[action(name = "load.Rated")]
struct Rated {}

impl Action for Rated {
    type Output = ();
    const LIMITS: Limits = Limits::new().rate(
        Rate::per_second(RATED_PER_SECOND)
            .burst(RATED_BURST)
            .by(Key::of(|cx| cx.cookie("kipo-session").map(str::to_owned))),
    );

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

/// Returns the length of a text.
#[action(name = "load.Upload")]
struct Upload {
    text: String,
}

impl Action for Upload {
    type Output = usize;
    const LIMITS: Limits = Limits::new().body_bytes_max(UPLOAD_BYTES_MAX);

    async fn call(self, _cx: Context) -> Result<usize> {
        Ok(self.text.len())
    }
}

#[data]
struct ServerNumbers {
    admitted: u64,
    finished: u64,
    peak: u64,
    /// Tasks of the runtime that have not ended.
    tasks: usize,
}

#[action(name = "load.Numbers", public)]
async fn numbers(counts: State<Counts>) -> Result<ServerNumbers> {
    let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (admitted, finished) = (of(&counts.admitted), of(&counts.finished));
    Ok(ServerNumbers { admitted, finished, peak: of(&counts.peak), tasks })
}
