//! What `bench` and `chaos` share: a client of HTTP/1.1 and of event streams that is light enough
//! for ten thousand connections, a server as a process, and the machine that both run on.
//!
//! Nothing here depends on Kipo: a measurement or a check does not use the code that it is about.

pub mod console;
pub mod engine;
pub mod http;
pub mod machine;
pub mod sse;

mod cursor;
mod server;

pub use cursor::Cursor;
pub use server::Server;
