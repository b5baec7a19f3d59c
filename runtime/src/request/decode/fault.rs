//! Where the fault of an input is that is not valid.

use serde::{Deserialize, Deserializer};

use crate::{
    action::{Input, sentence},
    error::FieldErrors,
};

/// The body of an input with serde's trait, for serde's functions.
pub(super) struct Decoded<A: Input>(pub(super) A::Body);

impl<'de, A: Input> Deserialize<'de> for Decoded<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        A::decode(deserializer).map(Self)
    }
}

/// Adds the error of a deserializer with the path at which it occurred.
pub(super) fn add_path_error<E: std::fmt::Display>(
    errors: &mut FieldErrors,
    error: &serde_path_to_error::Error<E>,
) {
    let (path, text) = (error.path().to_string(), error.inner().to_string());
    let path = if path == "." { "" } else { path.as_str() };
    // The path of a duplicate field is that of its object, so the name is added.
    let duplicate = text.strip_prefix("duplicate field `").and_then(|text| text.split('`').next());
    let field = match (path, duplicate) {
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    };
    errors.add(field, sentence(&text));
}
