//! The set of templates: read as a whole and replaced as a whole. Start reading at [`store`].

mod asset;
mod error_pages;
mod escape;
mod failure;
mod head;
pub(super) mod json;
#[cfg(all(feature = "dev", debug_assertions))]
pub(super) mod list;
mod page;
mod per_prefix;
mod refs;
mod store;
mod url;
#[cfg(any(test, all(feature = "dev", debug_assertions)))]
pub(super) mod uses;

pub(crate) use self::failure::PageFailure;
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::list::Listed;
#[cfg(test)]
pub(super) use self::store::blank;
pub(super) use self::{
    failure::{Failure, Fault},
    head::Head,
    page::{Constant, Page},
    per_prefix::PerPrefix,
    store::{Set, error_data, page_data},
};
