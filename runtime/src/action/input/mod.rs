//! What an input is made of: the method that sends it, the form of its body, and its fields.

mod body_form;
mod field;
mod input_method;
mod json;
mod raw_body;

pub use self::{
    body_form::BodyForm, field::Field, input_method::InputMethod, json::Json, raw_body::RawBody,
};

pub(crate) use self::field::sentence;
