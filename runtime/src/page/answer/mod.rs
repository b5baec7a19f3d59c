//! The answer to a request for a page or a file: head fields, copies, ranges, failures. Start
//! reading at [`respond`].

mod failure;
pub(crate) mod respond;

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::failure::wants_html;
pub(crate) use self::respond::Keep;
pub(super) use self::{
    failure::{Audience, answer, elsewhere, with_head},
    respond::{finish, page},
};
