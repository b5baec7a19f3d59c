//! Cookies and sessions: what a visitor's browser sends back, and what the server keeps for it.
//!
//! A session's cookie holds a random token, and the store holds the token's SHA-256: who reads the
//! store cannot sign in. This room knows requests as plain data (`action`), errors, counters, the words
//! of HTTP and the engines of `kipo-topic`. It knows no socket and no stream: a stream asks
//! [`Context`](crate::Context) what ends it. Start reading at `visitor_session`, then `sessions`.

mod cache;
mod carried;
mod cookies;
mod ended_users;
mod ends;
mod identity;
mod record;
mod secret;
mod sessions;
mod setting;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod visitor_session;

pub use self::{
    cookies::{Cookies, PrivateCookies, SignedCookies},
    secret::CookieSecret,
    sessions::Sessions,
    store::SessionStore,
    visitor_session::Session,
};

pub(crate) use self::{identity::rate_identity, setting::missing_states};
