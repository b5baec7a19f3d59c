//! What a page's function takes and gives, besides what it shows. Start reading at
//! [`registration`].

mod cache;
mod guards;
mod meta;
mod query;
mod registration;
mod reply;

pub use self::{
    cache::Cache,
    meta::Meta,
    query::Query,
    registration::{PageContext, PageData, PageRegistration},
};

pub(crate) use self::guards::PageGuards;
pub(super) use self::{registration::not_found, reply::Reply};
