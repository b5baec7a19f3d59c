//! The call by hand: bare axum, a layer for each of the origin, the session and the rate, and the
//! crate `cookie`.
//!
//! It does what the same call of Kipo does: the cookie holds a random token, the store has its
//! SHA-256, a session ends after an idle and an absolute time, the rate is the generic cell rate
//! algorithm, and the response names the rate and what is left of it. What it leaves out: sessions
//! and rates grow without a bound, and no other node and no restart knows them.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cookie::{Cookie, SameSite, time};
use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{CALLS_PER_SECOND, LOCKED_ID, TEXT_MAX};
use crate::serve::axum_server;

const COOKIE: &str = "session";

const IDLE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const ABSOLUTE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const NANOS: u64 = 1_000_000_000;

/// Serves until standard input closes.
#[tokio::main]
pub(crate) async fn run() -> io::Result<()> {
    let (sessions, rates) = (Arc::<Sessions>::default(), Arc::<Rates>::default());
    let router = Router::new()
        .route("/note", post(note))
        .layer(middleware::from_fn_with_state(rates, limit_rate))
        .layer(middleware::from_fn_with_state(Arc::clone(&sessions), require_user))
        .route("/sign-in", post(sign_in).with_state(sessions))
        .layer(middleware::from_fn(same_origin));

    axum_server::serve(router).await
}

/// The sessions by the hashes of their tokens.
struct Sessions {
    table: DashMap<[u8; 32], Arc<Session>>,
    /// The time that sessions count from.
    start: Instant,
}

struct Session {
    user: User,
    created: Duration,
    /// When a request last used it, in milliseconds.
    seen_ms: AtomicU64,
}

/// The user of a session.
#[derive(Clone)]
struct User(Arc<str>);

impl Default for Sessions {
    fn default() -> Self {
        Self { table: DashMap::new(), start: Instant::now() }
    }
}

impl Sessions {
    /// Begins a session, and returns its token.
    fn create(&self, user: &str) -> io::Result<String> {
        let mut token = [0; 32];
        getrandom::fill(&mut token).map_err(io::Error::other)?;
        let created = self.start.elapsed();
        let seen_ms = AtomicU64::new(millis(created));
        let session = Session { user: User(user.into()), created, seen_ms };
        self.table.insert(Sha256::digest(token).into(), Arc::new(session));
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Returns the user of a token whose session has not ended.
    fn find(&self, token: &str) -> Option<User> {
        let token: [u8; 32] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let key: [u8; 32] = Sha256::digest(token).into();
        let session = Arc::clone(&*self.table.get(&key)?);
        let now = self.start.elapsed();
        let seen = Duration::from_millis(session.seen_ms.load(Ordering::Relaxed));
        if now.saturating_sub(seen) > IDLE || now.saturating_sub(session.created) > ABSOLUTE {
            self.table.remove(&key);
            return None;
        }
        session.seen_ms.store(millis(now), Ordering::Relaxed);
        Some(session.user.clone())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// When the bucket of each user is full again, in nanoseconds.
struct Rates {
    table: DashMap<Arc<str>, u64>,
    /// The time that buckets count from.
    start: Instant,
}

impl Default for Rates {
    fn default() -> Self {
        Self { table: DashMap::new(), start: Instant::now() }
    }
}

impl Rates {
    /// Takes a permit. Returns how many are left and the time until all of them are back, or the
    /// time until there is one.
    fn take(&self, user: &User) -> Result<(u64, u64), u64> {
        let interval = NANOS / u64::from(CALLS_PER_SECOND);
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut bucket = match self.table.get_mut(&user.0) {
            Some(bucket) => bucket,
            None => self.table.entry(Arc::clone(&user.0)).or_default(),
        };
        let full_at = now.max(*bucket).saturating_add(interval);
        let full_in = full_at - now;
        if full_in > NANOS {
            return Err(full_in - NANOS);
        }
        *bucket = full_at;
        Ok(((NANOS - full_in) / interval, full_in))
    }
}

/// Every failure, as a problem document (RFC 9457).
enum Failure {
    OtherOrigin,
    SignInFirst,
    TooMany { wait: u64 },
    Invalid { field: &'static str, message: String },
    Locked { id: u64, user: User },
    Internal,
}

#[derive(Serialize)]
struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<serde_json::Value>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (mut errors, mut data, mut retry_after) = (None, None, None);
        let (status, code, detail) = match self {
            Self::OtherOrigin => {
                (StatusCode::FORBIDDEN, "forbidden", "the request is from another site".to_owned())
            }
            Self::SignInFirst => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "sign in first".to_owned())
            }
            Self::TooMany { wait } => {
                retry_after = Some(wait.div_ceil(NANOS));
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many calls".to_owned())
            }
            Self::Invalid { field, message } => {
                errors = Some(serde_json::json!({ field: [message] }));
                let detail = "some fields are not valid".to_owned();
                (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail)
            }
            Self::Locked { id, user } => {
                data = Some(serde_json::json!({ "id": id, "user": &*user.0 }));
                (StatusCode::CONFLICT, "locked", format!("note {id} is locked by {}", user.0))
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "an error happened".to_owned())
            }
        };
        let title = status.canonical_reason().unwrap_or_default();
        let problem = Problem { title, status: status.as_u16(), detail, code, errors, data };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Refuses a request that a page of another site sends: the browser adds the cookie to it.
async fn same_origin(request: Request, next: Next) -> Result<Response, Failure> {
    let headers = request.headers();
    let is_same = match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => true,
        Some(_) => false,
        None => match headers.get(header::ORIGIN) {
            None => true,
            Some(origin) => {
                let origin = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
                let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
                origin.as_ref().and_then(|uri| uri.authority()).map(|a| a.as_str()) == host
            }
        },
    };
    if is_same { Ok(next.run(request).await) } else { Err(Failure::OtherOrigin) }
}

async fn require_user(
    State(sessions): State<Arc<Sessions>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let user = token(request.headers()).and_then(|token| sessions.find(token.value()));
    request.extensions_mut().insert(user.ok_or(Failure::SignInFirst)?);
    Ok(next.run(request).await)
}

/// Returns the cookie with the token.
fn token(headers: &HeaderMap) -> Option<Cookie<'_>> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut cookies = fields.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == COOKIE)
}

async fn limit_rate(
    State(rates): State<Arc<Rates>>,
    Extension(user): Extension<User>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let (remaining, full_in) = rates.take(&user).map_err(|wait| Failure::TooMany { wait })?;
    let mut response = next.run(request).await;
    let level = format!(r#""user";r={remaining};t={}"#, full_in.div_ceil(NANOS));
    let level = HeaderValue::try_from(level).map_err(|_| Failure::Internal)?;
    let policy = HeaderValue::from_static(r#""user";q=1000000;w=1"#);
    response.headers_mut().append(RATE_LIMIT_POLICY, policy);
    response.headers_mut().append(RATE_LIMIT, level);
    Ok(response)
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
}

async fn sign_in(
    State(sessions): State<Arc<Sessions>>,
    Json(SignIn { name }): Json<SignIn>,
) -> Result<Response, Failure> {
    let token = sessions.create(&name).map_err(|_| Failure::Internal)?;
    let age = time::Duration::try_from(ABSOLUTE).map_err(|_| Failure::Internal)?;
    let cookie = Cookie::build((COOKIE, token)).path("/").http_only(true).max_age(age);
    let cookie = cookie.same_site(SameSite::Lax).build().to_string();
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

#[derive(Deserialize)]
struct WriteNote {
    id: u64,
    text: String,
}

#[derive(Serialize)]
struct Note {
    id: u64,
    text: String,
}

async fn note(
    Extension(user): Extension<User>,
    Json(WriteNote { id, text }): Json<WriteNote>,
) -> Result<Json<Note>, Failure> {
    if !(1..=TEXT_MAX).contains(&text.chars().count()) {
        let message = format!("must have 1 to {TEXT_MAX} characters");
        return Err(Failure::Invalid { field: "text", message });
    }
    if id == LOCKED_ID {
        return Err(Failure::Locked { id, user });
    }
    Ok(Json(Note { id, text }))
}
