//! Limits on what a client can send and read, and on how long and how often actions run.

use std::time::Duration;

use crate::{
    action::limits::rate::Rate,
    error::{Error, Result},
};

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
    response_bytes_max: Option<usize>,
    slow: Option<Duration>,
    concurrent_max: Option<usize>,
    rate: Option<Rate>,
    file_bytes_max: Option<u64>,
    upload_bytes_max: Option<u64>,
    parts_max: Option<usize>,
    part_head_bytes_max: Option<usize>,
}

/// The default of [`Limits::body_bytes_max`]. Forms and messages are far smaller; an action that
/// accepts files sets its own limit.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The default of [`Limits::file_bytes_max`]: more than a photo, less than a film.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// The default of [`Limits::upload_bytes_max`]: a few files of the largest size.
const UPLOAD_BYTES_MAX: u64 = 128 << 20;

/// The default of [`Limits::parts_max`]. A form has a part for each field, for each checked box and for
/// each file.
const PARTS_MAX: usize = 1000;

/// The default of [`Limits::part_head_bytes_max`]. It has the name of a field and the name of a file.
const PART_HEAD_BYTES_MAX: usize = 16 << 10;

/// The default of [`Limits::timeout`]: about as long as a person waits for a response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The default of [`Limits::ping`]. Proxies close a connection after 30 to 60 s without data.
const PING: Duration = Duration::from_secs(15);

/// The default of [`Limits::response_bytes_max`]: far more than a page can show. A list without a
/// bound reaches it before it uses up the memory of a phone.
const RESPONSE_BYTES_MAX: usize = 16 << 20;

/// The default of [`Limits::slow`]: about when a person begins to wait.
const SLOW: Duration = Duration::from_secs(1);

impl Limits {
    /// Returns limits that are all unset, so those of the app apply.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            body_bytes_max: None,
            timeout: None,
            ping: None,
            stream_time: None,
            response_bytes_max: None,
            slow: None,
            concurrent_max: None,
            rate: None,
            file_bytes_max: None,
            upload_bytes_max: None,
            parts_max: None,
            part_head_bytes_max: None,
        }
    }

    /// Sets the largest body of a request, in bytes. The default is 1 MiB. A larger body is a 413.
    ///
    /// In a form with files this is the limit of all its other fields together.
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

    /// Sets the largest output, in bytes of JSON. The default is 16 MiB. A larger output is a 500
    /// with the code `response_too_large`, and the log contains its size.
    ///
    /// In a stream this is the limit of one event that the action sends, and of the output. Messages
    /// of a topic are not measured again when a stream follows it.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().response_bytes_max(64 << 10);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn response_bytes_max(mut self, bytes: usize) -> Self {
        self.response_bytes_max = Some(bytes);
        self
    }

    /// Sets the time after which the log has a warning, with the name of the action and the time that
    /// it took. The default is 1 s; [`Duration::MAX`] turns it off.
    ///
    /// For a call, this is the time in which the action runs. For a stream, it is the time until the
    /// stream opens: guards, values from the request, and the input.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().slow(Duration::from_millis(200));
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn slow(mut self, time: Duration) -> Self {
        self.slow = Some(time);
        self
    }

    /// Sets how many calls or streams of the action may run at once on one node. One more is a 503
    /// with `Retry-After`. The default is no limit: the connections of the server
    /// ([`ServeLimits`](crate::ServeLimits)) bound them.
    ///
    /// A call whose client has left counts until it has ended, and a stream as long as it is open. If
    /// [`App::limits`](crate::App::limits) sets it, each action has so many.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().concurrent_max(4);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn concurrent_max(mut self, runs: usize) -> Self {
        self.concurrent_max = Some(runs);
        self
    }

    /// Sets how often one caller may call the action. The default is no limit. One more is a 429 with
    /// `Retry-After`, before the body is read. A stream counts when it opens.
    ///
    /// Every response of such an action has the fields `RateLimit-Policy` and `RateLimit`
    /// (draft-ietf-httpapi-ratelimit-headers-09), so a caller can slow down by itself.
    ///
    /// Each action counts by itself, also if [`App::limits`](crate::App::limits) sets the rate of all
    /// of them. One node counts alone, in memory. Nodes that share an engine
    /// ([`App::engine`](crate::App::engine)) count together: see the
    /// [guide](crate::guide::actions#rates).
    ///
    /// ```
    /// use kipo::{Key, Limits, Rate};
    ///
    /// let limits = Limits::new().rate(Rate::per_minute(5).burst(10).by(Key::Session));
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets the largest file that the action takes, in bytes. The default is 32 MiB. A larger file is a
    /// 413. A rule `file(bytes_max = …)` of a field is an error of that field instead.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().file_bytes_max(1 << 30).upload_bytes_max(1 << 30);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn file_bytes_max(mut self, bytes: u64) -> Self {
        self.file_bytes_max = Some(bytes);
        self
    }

    /// Sets the largest body of a form with files, in bytes. The default is 128 MiB. A larger body is a
    /// 413, and if its `Content-Length` shows that, no byte of it is stored.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().upload_bytes_max(1 << 30);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn upload_bytes_max(mut self, bytes: u64) -> Self {
        self.upload_bytes_max = Some(bytes);
        self
    }

    /// Sets how many parts a multipart form may have: a part for each value and each file. The default is
    /// 1000. One more is a 413.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().parts_max(20);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn parts_max(mut self, parts: usize) -> Self {
        self.parts_max = Some(parts);
        self
    }

    /// Sets the largest head of a part of a multipart form, in bytes: the names of the field and of the
    /// file, and the type. The default is 16 KiB. A larger head is a 413.
    ///
    /// ```
    /// use kipo::Limits;
    ///
    /// let limits = Limits::new().part_head_bytes_max(1 << 10);
    /// assert_ne!(limits, Limits::new());
    /// ```
    #[must_use]
    pub const fn part_head_bytes_max(mut self, bytes: usize) -> Self {
        self.part_head_bytes_max = Some(bytes);
        self
    }

    /// Returns the rate that applies, if there is one: that of the action, or that of the app.
    pub(crate) fn rate_within(self, app: Self) -> Option<Rate> {
        self.rate.or(app.rate)
    }

    /// Returns how many runs may be concurrent, if that is limited.
    pub(crate) fn concurrent_within(self, app: Self) -> Option<usize> {
        self.concurrent_max.or(app.concurrent_max)
    }

    /// Returns the limits that apply: each one is that of the action, or that of the app, or the
    /// default.
    pub(crate) fn within(self, app: Self) -> Bounds {
        Bounds {
            body_bytes_max: self.body_bytes_max.or(app.body_bytes_max).unwrap_or(BODY_BYTES_MAX),
            timeout: self.timeout.or(app.timeout).unwrap_or(TIMEOUT),
            ping: self.ping.or(app.ping).unwrap_or(PING),
            stream_time: self.stream_time.or(app.stream_time),
            response_max: ResponseMax(
                self.response_bytes_max.or(app.response_bytes_max).unwrap_or(RESPONSE_BYTES_MAX),
            ),
            slow: self.slow.or(app.slow).unwrap_or(SLOW),
            file_bytes_max: self.file_bytes_max.or(app.file_bytes_max).unwrap_or(FILE_BYTES_MAX),
            upload_bytes_max: self
                .upload_bytes_max
                .or(app.upload_bytes_max)
                .unwrap_or(UPLOAD_BYTES_MAX),
            parts_max: self.parts_max.or(app.parts_max).unwrap_or(PARTS_MAX),
            part_head_bytes_max: self
                .part_head_bytes_max
                .or(app.part_head_bytes_max)
                .unwrap_or(PART_HEAD_BYTES_MAX),
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
    pub(crate) response_max: ResponseMax,
    pub(crate) slow: Duration,
    pub(crate) file_bytes_max: u64,
    pub(crate) upload_bytes_max: u64,
    pub(crate) parts_max: usize,
    pub(crate) part_head_bytes_max: usize,
}

/// The largest output or event, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseMax(pub(crate) usize);

impl ResponseMax {
    /// Returns an error if an output or an event is larger. The log contains both sizes.
    pub(crate) fn check(self, bytes: usize) -> Result<()> {
        let Self(max) = self;
        if bytes <= max {
            return Ok(());
        }
        let cause = format!("{bytes} bytes: `Limits::response_bytes_max` is {max}");
        Err(Error::internal(cause).with_word("response_too_large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_size_of_an_output_that_is_too_large() {
        let max = Limits::new().within(Limits::new().response_bytes_max(100)).response_max;
        assert!(max.check(100).is_ok());
        let error = max.check(101).unwrap_err();
        assert_eq!((error.code().status().as_u16(), error.word()), (500, "response_too_large"));
        assert_eq!(error.chain(), "101 bytes: `Limits::response_bytes_max` is 100");
        assert!(!error.message().contains("101"));
    }
}
