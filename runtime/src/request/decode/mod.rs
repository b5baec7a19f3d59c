//! The typed input of an action, from the body or the query of its request.
//!
//! `input` decodes by content type and checks the rules. `body` reads bytes up to a limit, `multipart` is
//! the grammar of a form with files, and `form_data` reads such a form and stores its files. Start reading
//! at `input`.

mod body;
mod form_data;
mod input;
mod multipart;

pub(in crate::request) use self::body::read;
pub(in crate::request) use self::input::json_body;
pub(crate) use self::{
    input::{query, query_of, receive},
    multipart::{Event, Parser, boundary},
};
