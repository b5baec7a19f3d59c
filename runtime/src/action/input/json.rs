//! A body that is any JSON.

use std::{borrow::Cow, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use crate::{action::validate::Validate, error::FieldErrors};

/// A body that is one JSON value, and no object of fields: a list, a text, a number, an enum.
///
/// It is the only field that the caller sends, under any name. The browser client passes the value
/// itself: `action.lists.Replace([1, 2])`.
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, Json, Result, action};
///
/// /// Adds numbers.
/// #[action]
/// async fn sum(numbers: Json<Vec<u32>>) -> Result<u32> {
///     Ok(numbers.iter().sum())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sum = Sum { numbers: Json(vec![1, 2, 3]) }.call(Context::test()).await;
/// assert_eq!(sum.unwrap(), 6);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// The schema of `T`, which gets the name of the action.
impl<T: JsonSchema> JsonSchema for Json<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Validate> Validate for Json<T> {
    fn validate(&self, errors: &mut FieldErrors) {
        self.0.validate(errors);
    }
}
