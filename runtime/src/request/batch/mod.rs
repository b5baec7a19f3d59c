//! Several calls in one request.
//!
//! `run` reads the calls and writes their responses, `part` makes each call the request that it would be
//! alone, and `late_cookies` has the cookies of parts that end after the head was sent. Start reading at
//! `run`.

mod late_cookies;
mod part;
mod run;

pub(crate) use self::run::Batch;
