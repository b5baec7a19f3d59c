//! What `bench` and `chaos` share: how a client speaks HTTP/1.1 and reads an event stream, and
//! what the machine is.

pub mod http;
pub mod machine;
pub mod sse;

mod cursor;

pub use cursor::Cursor;
