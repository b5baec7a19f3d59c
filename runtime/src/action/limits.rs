//! Named bounds on what a stranger can send and hold open.

use std::time::Duration;

/// The bounds of one action, where they differ from the app's.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use kipo::{Action, Context, Limits, Result, action};
///
/// /// Takes a whole book.
/// #[action]
/// pub struct Print {
///     text: String,
/// }
///
/// impl Action for Print {
///     type Output = ();
///     const LIMITS: Limits =
///         Limits::new().body_bytes_max(8 << 20).timeout(Duration::from_secs(120));
///
///     async fn call(self, _cx: Context) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// assert_eq!(Print::LIMITS, Limits::new().timeout(Duration::from_secs(120)).body_bytes_max(8 << 20));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) ping: Option<Duration>,
    pub(crate) stream_time: Option<Duration>,
}

/// The largest body of a request in bytes, unless set. Forms and messages are far smaller; an
/// action that takes files says so.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The longest that a call may run, unless set: what a person still waits for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest silence of a stream, unless set. Proxies close what is silent for 30 to 60 s.
const PING: Duration = Duration::from_secs(15);

impl Limits {
    /// Returns no bounds of its own: the app's hold.
    #[must_use]
    pub const fn new() -> Self {
        Self { body_bytes_max: None, timeout: None, ping: None, stream_time: None }
    }

    /// Sets the largest body, in bytes; 1 MiB unless set. More is a 413.
    #[must_use]
    pub const fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = Some(bytes);
        self
    }

    /// Sets how long a call may run; 30 s unless set. Longer is a 504, and the action is dropped.
    /// Streams run as long as their client stays.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets after how much silence a stream sends a comment; 15 s unless set.
    #[must_use]
    pub const fn ping(mut self, ping: Duration) -> Self {
        self.ping = Some(ping);
        self
    }

    /// Sets how long one connection of a stream may last; for ever unless set. It ends at a
    /// random moment of the last quarter of that time, as in a drain: its client comes back and
    /// resumes. A reader behind a proxy may be gone while the proxy goes on reading; this finds it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kipo::Limits;
    ///
    /// // Each connection lasts for 45 to 60 minutes.
    /// let limits = Limits::new().stream_time(Duration::from_secs(3600));
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn stream_time(mut self, time: Duration) -> Self {
        self.stream_time = Some(time);
        self
    }

    /// Returns the bounds that hold: these, else the app's, else the defaults.
    pub(crate) fn within(self, app: Self) -> Bounds {
        Bounds {
            body_bytes_max: self.body_bytes_max.or(app.body_bytes_max).unwrap_or(BODY_BYTES_MAX),
            timeout: self.timeout.or(app.timeout).unwrap_or(TIMEOUT),
            ping: self.ping.or(app.ping).unwrap_or(PING),
            stream_time: self.stream_time.or(app.stream_time),
        }
    }
}

/// The bounds that hold for one action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) body_bytes_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) ping: Duration,
    /// `None` is for ever.
    pub(crate) stream_time: Option<Duration>,
}
