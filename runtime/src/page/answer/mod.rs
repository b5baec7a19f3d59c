//! The answer to a request for a page or a file: head fields, copies, ranges, failures. Start
//! reading at [`respond`].

mod failure;
mod range;
pub(crate) mod respond;

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::failure::wants_html;
pub(crate) use self::respond::Keep;
pub(super) use self::{
    failure::{Audience, answer, with_head},
    respond::{finish, page},
};
