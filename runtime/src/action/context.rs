//! One request as an action sees it: plain data, no socket.

mod additions;
pub(crate) mod attachment;
mod effects;
mod elements;
mod head;
mod position;
mod prefix;
mod reduced;
pub(crate) mod toast;

use std::{
    any::Any,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request};
use tokio_util::sync::CancellationToken;

use crate::{
    action::{
        context::{
            additions::{Additions, Answer},
            attachment::{Attachment, Ended},
            head::{Packed, Parsed},
        },
        state::{State, States},
    },
    error::{Error, Result},
    header::RequestId,
};

/// The longest key of [`Context::idempotency_key`], in bytes: a UUID has 36.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// One request, as an action sees it. A clone is cheap and shares the same request.
///
/// # Examples
///
/// ```
/// use kipo::Context;
///
/// let cx = Context::test()
///     .with_header("cookie", "theme=dark; room=7")
///     .with_state(String::from("the database"));
/// assert_eq!(cx.cookie("room"), Some("7"));
/// assert_eq!(*cx.state::<String>().unwrap(), "the database");
/// ```
#[derive(Clone)]
pub struct Context(Request);

/// A request with a head of either form: one that was parsed is four times as large as a packed one,
/// and a stream has no room for it.
#[derive(Clone)]
enum Request {
    Parsed(Arc<Inner<Parsed>>),
    Packed(Arc<Inner<Packed>>),
}

/// What both forms have stands at the same place, so that reading it asks for no form.
#[repr(C)]
struct Inner<H> {
    common: Common,
    head: H,
}

struct Common {
    /// What layers have set, and the path prefix if there is one. A running stream holds only the
    /// prefix: the others would take memory for as long as it runs.
    extensions: Extensions,
    peer: SocketAddr,
    request_id: RequestId,
    states: States,
    answer: Answer,
    /// Created on first use.
    additions: OnceLock<Box<Additions>>,
    /// Created on first use: cookies and the session.
    attachment: OnceLock<Arc<dyn Attachment>>,
}

impl Common {
    fn new(
        extensions: Extensions,
        peer: SocketAddr,
        request_id: RequestId,
        states: States,
        answer: Answer,
    ) -> Self {
        let (additions, attachment) = (OnceLock::new(), OnceLock::new());
        Self { extensions, peer, request_id, states, answer, additions, attachment }
    }
}

impl Request {
    fn parsed(common: Common, head: Parsed) -> Self {
        Self::Parsed(Arc::new(Inner { common, head }))
    }

    fn packed(common: Common, head: Packed) -> Self {
        Self::Packed(Arc::new(Inner { common, head }))
    }

    fn head(&self) -> &Parsed {
        match self {
            Self::Parsed(inner) => &inner.head,
            Self::Packed(inner) => inner.head.parsed(),
        }
    }
}

impl Deref for Request {
    type Target = Common;

    fn deref(&self) -> &Common {
        match self {
            Self::Parsed(inner) => &inner.common,
            Self::Packed(inner) => &inner.common,
        }
    }
}

impl Context {
    pub(crate) fn new(
        head: request::Parts,
        peer: SocketAddr,
        request_id: RequestId,
        states: States,
    ) -> Self {
        let common = Common::new(head.extensions, peer, request_id, states, Answer::Call);
        let head = Parsed { method: head.method, uri: head.uri, headers: head.headers };
        Self(Request::parsed(common, head))
    }

    /// Returns the context of an empty request, for tests that call an action.
    ///
    /// ```
    /// let cx = kipo::Context::test();
    /// assert!(cx.headers().is_empty() && !cx.is_cancelled());
    /// ```
    #[must_use]
    pub fn test() -> Self {
        let (head, ()) = http::Request::new(()).into_parts();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::new(head, peer, RequestId::next(), States::default())
    }

    /// Adds a header field to the request, for tests.
    ///
    /// # Panics
    ///
    /// Panics if HTTP does not allow the name or the value, or if the context has been cloned.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test().with_header("accept-language", "fr");
    /// assert_eq!(cx.header("Accept-Language"), Some("fr"));
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.unshared().1.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Adds a value of application state, for tests.
    ///
    /// # Panics
    ///
    /// Panics if the context has been cloned.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test().with_state(7_u32);
    /// assert_eq!(*cx.state::<u32>().unwrap(), 7);
    /// ```
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.unshared().0.states.insert(state);
        self
    }

    /// Adds an extension of the request, as a layer sets it, for tests.
    ///
    /// # Panics
    ///
    /// Panics if the context has been cloned.
    ///
    /// # Examples
    ///
    /// See [`Extract`](crate::Extract).
    #[must_use]
    pub fn with_extension<T: Clone + Send + Sync + 'static>(mut self, extension: T) -> Self {
        self.unshared().0.extensions.insert(extension);
        self
    }

    /// Returns a request for a change, before it is a stream.
    fn unshared(&mut self) -> (&mut Common, &mut Parsed) {
        let inner = match &mut self.0 {
            Request::Parsed(inner) => Arc::get_mut(inner),
            Request::Packed(_) => None,
        };
        let Inner { common, head } = inner.expect("a context is changed before it is cloned");
        (common, head)
    }

    /// Returns the method of the request.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.head().method
    }

    /// Returns the target of the request.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.head().uri
    }

    /// Returns the header fields of the request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.head().headers
    }

    /// Returns the value of a header field, if the field is present and visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Returns the value of a cookie as it was sent, without quotes.
    ///
    /// ```
    /// let cx = kipo::Context::test().with_header("cookie", "theme=dark; room=\"7\"");
    /// assert_eq!(cx.cookie("room"), Some("7"));
    /// assert_eq!(cx.cookie("name"), None);
    /// ```
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.headers().get_all(header::COOKIE).iter();
        pairs.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';')).find_map(
            |pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key == name).then(|| value.trim_matches('"'))
            },
        )
    }

    /// Returns the idempotency key of the request, if it has one.
    ///
    /// A caller that may send a request more than once marks it with the `Idempotency-Key` header
    /// field, as in the IETF draft of that name. The browser client sends one with every call that
    /// it may retry, the same for all attempts. Pass the key to
    /// [`Topic::publish_once`](crate::Topic::publish_once), or store it in your own table.
    ///
    /// # Errors
    ///
    /// Returns a [`Code::BadRequest`](crate::Code::BadRequest) if the field is present but is not
    /// exactly one quoted string of 1 to 128 characters.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test().with_header("idempotency-key", r#""7f3a""#);
    /// assert_eq!(cx.idempotency_key().unwrap(), Some("7f3a"));
    /// assert_eq!(kipo::Context::test().idempotency_key().unwrap(), None);
    /// let cx = kipo::Context::test().with_header("idempotency-key", "7f3a");
    /// assert!(cx.idempotency_key().is_err());
    /// ```
    pub fn idempotency_key(&self) -> Result<Option<&str>> {
        let mut fields = self.headers().get_all("idempotency-key").iter();
        let Some(field) = fields.next() else { return Ok(None) };
        // A string of RFC 9651 without escapes: no key needs a quote or a backslash.
        let quoted = field.to_str().ok().map(str::trim);
        let key = quoted.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        let is_valid = |key: &&str| {
            matches!(key.len(), 1..=IDEMPOTENCY_KEY_BYTES_MAX)
                && key.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
        };
        match key.filter(is_valid) {
            Some(key) if fields.next().is_none() => Ok(Some(key)),
            _ => Err(Error::bad_request(
                "Idempotency-Key must be one quoted string of 1 to 128 characters",
            )),
        }
    }

    /// Returns the address of the peer of the connection. Behind a proxy, the peer is the proxy, and
    /// [`ClientIp`](crate::ClientIp) is the address of the client.
    #[must_use]
    pub fn client_ip(&self) -> IpAddr {
        self.0.peer.ip()
    }

    /// Returns the address and the port of the peer of the connection.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Returns the id of the request. The log, the `X-Request-Id` field and problem documents
    /// contain it.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// Returns the application state of type `T` that [`App::state`](crate::App::state) or
    /// [`App::state_async`](crate::App::state_async) added.
    ///
    /// With `#[action(state(T))]` the app reports missing state at start instead.
    ///
    /// # Errors
    ///
    /// Returns a 500 if the app has no state of this type.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::Context::test().with_state(String::from("the database"));
    /// assert_eq!(*cx.state::<String>().unwrap(), "the database");
    /// assert_eq!(cx.state::<u32>().unwrap_err().code(), kipo::Code::Internal);
    /// ```
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>> {
        self.0.states.get()
    }

    /// Returns the application's state.
    pub(crate) fn states(&self) -> &States {
        &self.0.states
    }

    /// Returns what layers have set on the request.
    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// Waits until the client disconnects.
    ///
    /// By default a call runs to its end without its client. A call that should stop selects on
    /// this future.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Error, Result, action};
    ///
    /// #[action]
    /// async fn report(cx: Context) -> Result<String> {
    ///     tokio::select! {
    ///         report = write_report() => Ok(report),
    ///         () = cx.cancelled() => Err(Error::conflict("nobody waits for the report")),
    ///     }
    /// }
    ///
    /// async fn write_report() -> String {
    ///     // …
    /// #   String::from("all is well")
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use kipo::Action;
    /// assert_eq!(Report {}.call(Context::test()).await.unwrap(), "all is well");
    /// # });
    /// ```
    pub async fn cancelled(&self) {
        self.cancellation().cancelled().await;
    }

    /// Returns whether the client has disconnected.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation().is_cancelled()
    }

    /// Adds a header field to the response.
    ///
    /// ```
    /// use kipo::{Context, Result, action, http};
    ///
    /// #[action]
    /// async fn log_out(cx: Context) -> Result<()> {
    ///     let expired = http::HeaderValue::from_static("session=; Max-Age=0");
    ///     cx.append_header(http::header::SET_COOKIE, expired);
    ///     Ok(())
    /// }
    /// ```
    pub fn append_header(&self, name: HeaderName, value: HeaderValue) {
        self.response_headers().push((name, value));
    }

    /// Returns a copy of the request that does not refer to hyper's buffer.
    ///
    /// The head that hyper parsed refers to the buffer of 8 KiB that it was read into. A stream
    /// would hold that buffer for as long as it runs.
    pub(crate) fn detached(&self) -> Self {
        let mut extensions = Extensions::new();
        if !self.path_prefix().is_none() {
            extensions.insert(self.path_prefix().clone());
        }
        let (request_id, states) = (self.0.request_id.clone(), self.0.states.clone());
        let common = Common::new(extensions, self.0.peer, request_id, states, Answer::Stream);
        let common = Common { attachment: self.0.attachment.clone(), ..common };
        Self(Request::packed(common, Packed::of(self.0.head())))
    }

    /// Notes that the client has disconnected, and wakes what waits for that.
    pub(crate) fn cancel(&self) {
        self.cancellation().cancel();
    }

    /// Returns whether the action has added a header field with this name.
    pub(crate) fn adds_header(&self, name: &HeaderName) -> bool {
        self.0.additions.get().is_some_and(|additions| {
            lock(&additions.headers).iter().any(|(added, _)| added == name)
        })
    }

    /// Moves the fields that the action added into the head of its response.
    pub(crate) fn take_headers(&self, headers: &mut HeaderMap) {
        if let Some(additions) = self.0.additions.get() {
            for (name, value) in lock(&additions.headers).drain(..) {
                headers.append(name, value);
            }
        }
        if let Some(attached) = self.0.attachment.get() {
            attached.write_head(headers);
        }
    }

    /// Returns the attachment of the request, which the first caller makes.
    pub(crate) fn attachment<A: Attachment>(&self, make: impl FnOnce() -> A) -> Arc<A> {
        let attached = self.0.attachment.get_or_init(|| Arc::new(make()));
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(attached) as _;
        any.downcast().expect("only the room `session` attaches something")
    }

    /// Returns whether something is attached: then the response is about one visitor.
    pub(crate) fn has_attachment(&self) -> bool {
        self.0.attachment.get().is_some()
    }

    /// Returns what ends a stream of this request besides its action, if something does.
    pub(crate) fn ended(&self) -> Option<Ended> {
        Arc::clone(self.0.attachment.get()?).ended()
    }

    fn cancellation(&self) -> &CancellationToken {
        self.additions().cancellation.get_or_init(CancellationToken::new)
    }

    fn response_headers(&self) -> MutexGuard<'_, Vec<(HeaderName, HeaderValue)>> {
        lock(&self.additions().headers)
    }

    fn additions(&self) -> &Additions {
        self.0.additions.get_or_init(|| Box::new(Additions::of(self.0.answer)))
    }
}

/// Locks what is added. A panic while something is added leaves it valid.
fn lock<T>(added: &Mutex<T>) -> MutexGuard<'_, T> {
    added.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("method", self.method())
            .field("uri", self.uri())
            .field("request_id", &self.0.request_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let cx = Context::test().with_header("cookie", "a=1; b=\"2\"; ab=3");
        assert_eq!(cx.cookie("b"), Some("2"));
        assert_eq!(cx.cookie("ab"), Some("3"));
        assert_eq!(cx.cookie("c"), None);
    }

    /// An idle stream holds one, with the counters of its pointer, and beside it only the text of its
    /// head.
    #[test]
    fn the_context_of_a_stream_is_small() {
        assert!(size_of::<Inner<Packed>>() <= 144, "{}", size_of::<Inner<Packed>>());
    }

    #[test]
    fn missing_state_is_an_internal_error() {
        let error = Context::test().state::<u8>().unwrap_err();
        assert_eq!(error.code(), crate::error::Code::Internal);
    }
}
