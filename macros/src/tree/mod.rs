//! `actions!()`: a module for each file of a folder.

mod model;

pub(crate) use model::{Body, Module, actions};
