//! The typed input of an action, from the body or the query of its request.
//!
//! `input` decodes by content type and checks the rules, `pairs` a form or a query. `body` reads bytes, `multipart` is
//! the grammar of a form with files, `form_encoding` says which of the two encodings a form has, and
//! `form_data` reads a form with files and stores them. `references` finds the uploads that have arrived
//! before, `fault` says where an input is not valid. Start reading at `input`.

mod body;
mod fault;
mod form_data;
mod form_encoding;
mod input;
mod multipart;
mod pairs;
mod references;

pub(in crate::request) use self::body::{Pieces, read};
pub(in crate::request) use self::input::json_body;
pub(crate) use self::{
    form_encoding::FormEncoding,
    input::{query, query_of, receive},
    multipart::{Event, Parser},
    references::Referenced,
};
