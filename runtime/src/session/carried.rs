//! What one request carries: its cookies, those of its response, and its session.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

use crate::{
    action::{Attachment, Context, Ended},
    error::{Error, Result},
    header::{Authority, Host},
    session::{
        record::Record,
        sessions::Sessions,
        token::{Key, Token},
    },
};

/// The longest name and value of a cookie together, in bytes: browsers ignore a longer cookie.
const COOKIE_BYTES_MAX: usize = 4096;

/// The cookies and the session of one request. It refers to no buffer of the connection, so a stream
/// may hold it.
pub(super) struct Carried {
    /// The `Cookie` fields of the request, as one.
    received: Box<str>,
    /// Whether new cookies are `Secure`.
    is_secure: bool,
    /// The `Path` of new cookies.
    path: Cow<'static, str>,
    /// A std lock: held for one change, never across an `.await`.
    head: Mutex<Head>,
    /// A std lock, for the same reason.
    session: Mutex<Option<Loaded>>,
    /// Held while the session is read, so that it is read once.
    loading: tokio::sync::Mutex<()>,
    /// Whether a stream of this request ends with the session. A rate that only counts by the session
    /// does not set it.
    ends_stream: AtomicBool,
}

/// The cookies that the response sets.
#[derive(Default)]
struct Head {
    is_sent: bool,
    set: Vec<Cookie<'static>>,
}

/// The session of the request.
#[derive(Clone)]
pub(super) struct Loaded {
    sessions: Sessions,
    /// `None` if the visitor has no session.
    pub(super) active: Option<(Key, Arc<Record>)>,
    /// How often sessions of a user were ended together before.
    ends_before: u64,
}

impl Loaded {
    /// Returns the user of the session, unless all sessions of the user have ended since.
    pub(super) fn user(&self) -> Option<&str> {
        let (_, record) = self.active.as_ref()?;
        let ended = self.sessions.ended_users();
        record.user.as_deref().filter(|user| !ended.has_ended_since(user, self.ends_before))
    }
}

impl Carried {
    /// Returns what a request carries.
    pub(super) fn of(cx: &Context) -> Arc<Self> {
        cx.attachment(|| {
            let fields = cx.headers().get_all(header::COOKIE).iter();
            let texts: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
            Self {
                received: texts.join("; ").into(),
                is_secure: !came_to_loopback(cx),
                path: match cx.cookie_path() {
                    "/" => Cow::Borrowed("/"),
                    prefix => Cow::Owned(prefix.to_owned()),
                },
                head: Mutex::default(),
                session: Mutex::default(),
                loading: tokio::sync::Mutex::default(),
                ends_stream: AtomicBool::new(false),
            }
        })
    }

    /// Returns the values of all cookies of a name, as they were sent.
    pub(super) fn received<'c>(&'c self, name: &str) -> impl Iterator<Item = &'c str> {
        self.received.split(';').filter_map(move |pair| {
            let (key, value) = pair.split_once('=')?;
            let value = value.trim();
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            (key.trim() == name).then(|| quoted.unwrap_or(value))
        })
    }

    /// Returns the value of a cookie as the browser will have it after this response.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        if let Some(set) = self.head().set.iter().find(|set| set.name() == name) {
            let is_removed = set.max_age().is_some_and(|age| age.is_zero());
            return (!is_removed).then(|| set.value().to_owned());
        }
        let value = self.received(name).next()?;
        // One that does not decode was not set here, and is returned as it was sent.
        let decoded = Cookie::parse_encoded(format!("x={value}")).ok();
        Some(decoded.map_or_else(|| value.to_owned(), |cookie| cookie.value().to_owned()))
    }

    /// Sets a cookie in the response.
    pub(super) fn set(&self, mut cookie: Cookie<'static>) -> Result<()> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let is_plain = |text: Option<&str>| {
            text.is_none_or(|text| text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b';'))
        };
        if cookie.name().is_empty() || !cookie.name().bytes().all(is_token) {
            let name = cookie.name();
            let message = format!(
                "{name:?} is no name of a cookie: it has letters, digits, `-`, `_` and `.`"
            );
            return Err(Error::internal(message));
        }
        if !is_plain(cookie.path()) || !is_plain(cookie.domain()) {
            let name = cookie.name();
            let message = format!("the path or the domain of the cookie `{name}` is malformed");
            return Err(Error::internal(message));
        }
        cookie.set_http_only(cookie.http_only().unwrap_or(true));
        cookie.set_secure(cookie.secure().unwrap_or(self.is_secure));
        cookie.set_same_site(cookie.same_site().unwrap_or(SameSite::Lax));
        if cookie.path().is_none() {
            cookie.set_path(self.path.clone());
        }
        let length = cookie.stripped().encoded().to_string().len();
        if length > COOKIE_BYTES_MAX {
            let message = format!(
                "the cookie `{}` has {length} bytes, and browsers take at most {COOKIE_BYTES_MAX}: \
                 keep the data in a session",
                cookie.name()
            );
            return Err(Error::internal(message));
        }
        let mut head = self.head();
        head.check(cookie.name())?;
        let is_same = |set: &Cookie<'_>| {
            (set.name(), set.path(), set.domain())
                == (cookie.name(), cookie.path(), cookie.domain())
        };
        head.set.retain(|set| !is_same(set));
        head.set.push(cookie);
        Ok(())
    }

    /// Removes a cookie from the browser.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let mut cookie = Cookie::new(name.to_owned(), "");
        cookie.make_removal();
        self.set(cookie)
    }

    /// Returns an error if the head of the response is sent, so that no cookie can be set.
    pub(super) fn check_head(&self, name: &str) -> Result<()> {
        self.head().check(name)
    }

    /// Reads the session of the request, once.
    pub(super) async fn load(&self, sessions: &Sessions) -> Result<()> {
        if self.session().is_some() {
            return Ok(());
        }
        let _loading = self.loading.lock().await;
        if self.session().is_some() {
            return Ok(());
        }
        let name = sessions.cookie_name();
        let mut received = self.received(name);
        let (first, second) = (received.next(), received.next());
        let key = match second {
            None => first.and_then(Token::parse).map(|token| token.key()),
            // One of them may be from another site below the same domain.
            Some(_) => None,
        };
        let record = match key {
            Some(key) => {
                let visited = sessions.visit(&key).await;
                let visited =
                    visited.inspect_err(|_| sessions.count(|meter| &meter.unavailable))?;
                visited.map(|record| (key, record))
            }
            None => None,
        };
        if first.is_some() {
            let is_found = record.is_some();
            sessions.count(|meter| if is_found { &meter.found } else { &meter.missing });
        }
        if record.is_none() && first.is_some() && !self.head().is_sent {
            self.remove(name)?;
        }
        self.put_session(sessions, record);
        Ok(())
    }

    /// Lets a stream of this request end with the session.
    pub(super) fn end_stream_with_session(&self) {
        self.ends_stream.store(true, Ordering::Relaxed);
    }

    /// Returns the session of the request, if it was read.
    pub(super) fn loaded(&self) -> Option<Loaded> {
        self.session().clone()
    }

    /// Replaces the session of the request.
    pub(super) fn put_session(&self, sessions: &Sessions, active: Option<(Key, Arc<Record>)>) {
        let ends_before = sessions.ended_users().count();
        *self.session() = Some(Loaded { sessions: sessions.clone(), active, ends_before });
    }

    fn head(&self) -> MutexGuard<'_, Head> {
        // A panic while a cookie is set leaves the list valid.
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Head {
    fn check(&self, name: &str) -> Result<()> {
        if !self.is_sent {
            return Ok(());
        }
        Err(Error::internal(format!(
            "the cookie `{name}` cannot be set: the head of the response is sent. A stream sets \
             cookies in a `#[context]` value or a guard, or leaves them to a call"
        )))
    }
}

impl Attachment for Carried {
    fn write_head(&self, headers: &mut HeaderMap) {
        let mut head = self.head();
        head.is_sent = true;
        for cookie in head.set.drain(..) {
            // `set` has admitted only characters of a field.
            if let Ok(value) = HeaderValue::from_str(&cookie.encoded().to_string()) {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }

    fn ended(self: Arc<Self>) -> Option<Ended> {
        if !self.ends_stream.load(Ordering::Relaxed) {
            return None;
        }
        let Loaded { sessions, active, .. } = self.loaded()?;
        let (key, record) = active?;
        Some(Box::pin(sessions.ended(key, record.user.clone())))
    }
}

/// It shows no cookie: a session's token is in one.
impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

/// Returns whether the request was sent to this machine by a name that only this machine has. A
/// browser sends such a request without TLS, and ignores a `Secure` cookie in its response.
fn came_to_loopback(cx: &Context) -> bool {
    let field = Authority::field(cx.headers()).ok().flatten();
    let Ok(Some(authority)) = Authority::of(cx.uri(), field) else { return false };
    match authority.host {
        Host::Ip(ip) => ip.to_canonical().is_loopback(),
        Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
    }
}
