//! What an action may know of its request, as plain data.

mod effects;

use std::{
    any::type_name,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request};
use tokio_util::sync::CancellationToken;

use crate::{
    action::{
        effects::Effects,
        state::{State, States},
    },
    error::{Error, Result},
    header::RequestId,
};

/// The longest key of [`Context::idempotency_key`], in bytes: a UUID has 36.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// One request, as an action sees it; cheap to clone.
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
pub struct Context(Arc<Inner>);

struct Inner {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    peer: SocketAddr,
    request_id: RequestId,
    states: States,
    /// Made when somebody asks; most calls never do.
    gone: OnceLock<CancellationToken>,
    /// A std lock: held for a push, never over an `.await`.
    response_headers: Mutex<Vec<(HeaderName, HeaderValue)>>,
    /// A std lock, for the same reason.
    effects: Mutex<Effects>,
}

impl Context {
    pub(crate) fn new(
        head: request::Parts,
        peer: SocketAddr,
        request_id: RequestId,
        states: States,
    ) -> Self {
        Self(Arc::new(Inner {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            peer,
            request_id,
            states,
            gone: OnceLock::new(),
            response_headers: Mutex::new(Vec::new()),
            effects: Mutex::default(),
        }))
    }

    /// Returns the context of no request at all, for calling an action in a test.
    #[must_use]
    pub fn test() -> Self {
        let (head, ()) = http::Request::new(()).into_parts();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::new(head, peer, RequestId::next(), States::default())
    }

    /// Returns the same context with a request header more, for tests.
    ///
    /// # Panics
    ///
    /// Panics if the name or the value is not one that HTTP allows, or if the context is shared.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.unshared().headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Returns the same context with a piece of application state more, for tests.
    ///
    /// # Panics
    ///
    /// Panics if the context is shared.
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.unshared().states.insert(state);
        self
    }

    fn unshared(&mut self) -> &mut Inner {
        Arc::get_mut(&mut self.0).expect("a context is built before it is cloned")
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Returns the request's target.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Returns the request's header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns a header field as text, if it is there and visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// Returns the value of a cookie as it was sent, without its quotes.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.0.headers.get_all(header::COOKIE).iter();
        pairs.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';')).find_map(
            |pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key == name).then(|| value.trim_matches('"'))
            },
        )
    }

    /// Returns the key by which the caller marks a request that it may send more than once: the
    /// `Idempotency-Key` header field, as the IETF's draft of that name has it. The browser
    /// client sends one with every call that retries, the same for all its attempts.
    ///
    /// For [`Topic::publish_once`](crate::Topic::publish_once), or a table of one's own.
    ///
    /// # Errors
    ///
    /// [`Code::BadRequest`](crate::Code) when the field is there but not one quoted string of 1 to 128
    /// characters.
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
        let mut fields = self.0.headers.get_all("idempotency-key").iter();
        let Some(field) = fields.next() else { return Ok(None) };
        // A string of RFC 9651; escapes are left to those who need a backslash in a key.
        let quoted = field.to_str().ok().map(str::trim);
        let key = quoted.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        let sound = |key: &&str| {
            matches!(key.len(), 1..=IDEMPOTENCY_KEY_BYTES_MAX)
                && key.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
        };
        match key.filter(sound) {
            Some(key) if fields.next().is_none() => Ok(Some(key)),
            _ => Err(Error::bad_request(
                "Idempotency-Key is one quoted string of 1 to 128 characters",
            )),
        }
    }

    /// Returns the address of the peer of the connection. Behind a proxy that is the proxy.
    #[must_use]
    pub fn client_ip(&self) -> IpAddr {
        self.0.peer.ip()
    }

    /// Returns the request's id, as it stands in the log, the `X-Request-Id` header and problem
    /// documents.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// Returns a piece of application state by its type, as given to
    /// [`App::state`](crate::App::state).
    ///
    /// Name the type in `#[action(state(T))]`, and a missing one is reported at start instead.
    ///
    /// # Errors
    ///
    /// A 500 if the app was given no such state.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>> {
        self.0.states.get().ok_or_else(|| {
            Error::internal(format!("the app has no state of type {}", type_name::<T>()))
        })
    }

    /// Waits until the client has left. A call runs to its end all the same; select on this in
    /// one that would rather stop.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn cancelled(&self) {
        self.gone().cancelled().await;
    }

    /// Tells whether the client has left.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.gone().is_cancelled()
    }

    /// Adds a header field to the response, beside those of its body.
    pub fn append_header(&self, name: HeaderName, value: HeaderValue) {
        self.response_headers().push((name, value));
    }

    /// Returns the same request in memory of its own.
    ///
    /// What hyper parsed refers to the buffer it was read into, 8 KiB; a stream would hold that
    /// for as long as it lives.
    pub(crate) fn detached(&self) -> Self {
        let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        let fields = self.headers().iter().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_str().as_bytes()).ok()?, copy(value)?))
        });
        let mut headers = HeaderMap::with_capacity(self.headers().len());
        fields.for_each(|(name, value)| _ = headers.append(name, value));
        let request_id = self.0.request_id.detached();
        Self(Arc::new(Inner {
            method: self.0.method.clone(),
            uri: self.uri().to_string().parse().unwrap_or_default(),
            headers,
            peer: self.0.peer,
            request_id,
            states: self.0.states.clone(),
            gone: OnceLock::new(),
            response_headers: Mutex::new(std::mem::take(&mut *self.response_headers())),
            effects: Mutex::new(Effects::refused(
                "the head of a stream is written before its action runs; send an event instead",
            )),
        }))
    }

    /// Tells those who wait that the client has left.
    pub(crate) fn cancel(&self) {
        self.gone().cancel();
    }

    /// Returns whether a field of that name will be added to the response.
    pub(crate) fn adds_header(&self, name: &HeaderName) -> bool {
        self.response_headers().iter().any(|(added, _)| added == name)
    }

    /// Moves the fields that the action added into the head of its response.
    pub(crate) fn take_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in self.response_headers().drain(..) {
            headers.append(name, value);
        }
    }

    fn gone(&self) -> &CancellationToken {
        self.0.gone.get_or_init(CancellationToken::new)
    }

    fn response_headers(&self) -> std::sync::MutexGuard<'_, Vec<(HeaderName, HeaderValue)>> {
        // A panic while pushing leaves a vector that is as good as before.
        self.0.response_headers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("method", &self.0.method)
            .field("uri", &self.0.uri)
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

    #[test]
    fn state_that_is_not_there_is_a_fault_of_ours() {
        let error = Context::test().state::<u8>().unwrap_err();
        assert_eq!(error.code(), crate::error::Code::Internal);
    }
}
