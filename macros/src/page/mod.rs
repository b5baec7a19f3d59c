//! `#[page]` on an `async fn`.

mod model;

pub(crate) use model::{Argument, Cache, Page, page};
