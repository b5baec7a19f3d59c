//! Values that an action or a page takes from the request instead of its input. Start reading at
//! `from_context`.

mod client_ip;
mod extract;
mod from_context;
mod provided;
mod values;

pub use self::{client_ip::ClientIp, extract::Extract, from_context::FromContext, values::Values};

pub(crate) use self::{from_context::take, provided::Provided};
