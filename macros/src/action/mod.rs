//! `#[action]` on a struct or on an `async fn`.

mod model;

pub(crate) use model::{Action, Argument, Call, action, check_no_impl, name_of, stream};
