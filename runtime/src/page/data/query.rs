//! The query of a page's address, as a type.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::action::Validate;

/// What stands behind the `?` of a page's address, as an argument of a
/// [`#[page]`](macro@crate::page) function: a [`#[data]`](macro@crate::data) struct.
///
/// A field that is missing or does not parse, and a rule that is broken, is a 422 that names it; a
/// field that may be missing is an `Option`, or has `#[serde(default)]`. Names that are not fields
/// are passed over.
///
/// # Examples
///
/// ```
/// use kipo::{PageContext, Query, Result, data, page};
///
/// #[data]
/// pub struct Search {
///     #[validate(length(max = 100))]
///     q: String,
///     page: Option<u32>,
/// }
///
/// #[data]
/// pub struct Hits {
///     text: String,
/// }
///
/// /// `/search?q=tea&page=2`
/// #[page("search")]
/// async fn search(query: Query<Search>) -> Result<Hits> {
///     Ok(Hits { text: format!("{}, page {}", query.q, query.page.unwrap_or(1)) })
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let hits = search(Query(Search { q: "tea".to_owned(), page: None })).await.unwrap();
/// assert_eq!(hits.text, "tea, page 1");
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What a query can be read as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a query",
    label = "not a type that a page's query can be",
    note = "put `#[kipo::data]` above the struct that has the query's fields"
)]
pub trait FromQuery: DeserializeOwned + Validate {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Validate> FromQuery for T {}
