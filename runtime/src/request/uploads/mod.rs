//! Uploads that go on after a lost connection, by the protocol tus 1.0 (<https://tus.io>), at
//! `{base}/uploads`.
//!
//! `fields` reads and writes its header fields, `append` takes the bytes of a request, and `tus` has the order
//! of the steps. `use_up` ends an upload with the call that has taken it. Start reading at `tus`.

mod append;
mod fields;
mod tus;
mod use_up;

pub(crate) use self::tus::ResumableUploads;
pub(in crate::request) use self::use_up::use_up;
