//! Limits on what a client can send, and on how long its calls and streams may run.

use std::time::Duration;

/// The limits of one action, where they differ from those of the app.
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
/// let limits = Limits::new().timeout(Duration::from_secs(120)).body_bytes_max(8 << 20);
/// assert_eq!(Print::LIMITS, limits);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) ping: Option<Duration>,
    pub(crate) stream_time: Option<Duration>,
}

/// The default of [`Limits::body_bytes_max`]. Forms and messages are far smaller; an action that
/// accepts files sets its own limit.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The default of [`Limits::timeout`]: about as long as a person waits for a response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The default of [`Limits::ping`]. Proxies close a connection after 30 to 60 s without data.
const PING: Duration = Duration::from_secs(15);

impl Limits {
    /// Returns limits that are all unset, so those of the app apply.
    #[must_use]
    pub const fn new() -> Self {
        Self { body_bytes_max: None, timeout: None, ping: None, stream_time: None }
    }

    /// Sets the largest body of a request, in bytes. The default is 1 MiB. A larger body is a 413.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().body_bytes_max(8 << 20);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = Some(bytes);
        self
    }

    /// Sets how long a call may run. The default is 30 s. After that time the action is dropped
    /// and the response is a 504. Streams have no such limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().timeout(Duration::from_secs(120));
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long a stream may be silent before it sends a comment. The default is 15 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().ping(Duration::from_secs(5));
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn ping(mut self, ping: Duration) -> Self {
        self.ping = Some(ping);
        self
    }

    /// Sets how long one connection of a stream may last. The default is no limit.
    ///
    /// The connection ends at a random moment in the last quarter of that time. As in a drain, its
    /// client reconnects and resumes. Use this limit behind a proxy that may go on reading after
    /// its client has disconnected: without it, the server does not notice.
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

    /// Returns the limits that apply: each one is that of the action, or that of the app, or the
    /// default.
    pub(crate) fn within(self, app: Self) -> Bounds {
        Bounds {
            body_bytes_max: self.body_bytes_max.or(app.body_bytes_max).unwrap_or(BODY_BYTES_MAX),
            timeout: self.timeout.or(app.timeout).unwrap_or(TIMEOUT),
            ping: self.ping.or(app.ping).unwrap_or(PING),
            stream_time: self.stream_time.or(app.stream_time),
        }
    }
}

/// The limits that apply to one action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) body_bytes_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) ping: Duration,
    /// `None` is no limit.
    pub(crate) stream_time: Option<Duration>,
}
