//! `files!()`: the pages and public files of an app.

mod model;

pub(crate) use model::{File, files};
