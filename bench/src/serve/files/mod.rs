//! A form and a file, on both servers.

pub(super) mod axum_server;
mod kipo_server;

/// The largest file that both servers take.
const FILE_BYTES_MAX: usize = 4 << 30;
