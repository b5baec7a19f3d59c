//! What may travel between the browser and an action, and how generated code asks for it.
//!
//! A derive of serde tells of a field's type at every place where it uses it. So generated code
//! asks once, by a bound on [`Incoming`] or [`Outgoing`] at the type itself, and does all the rest
//! by a [`Way`], which compiles for any type.

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserializer, Serialize, de::DeserializeOwned};

/// What the browser can send.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "not a type that the browser can send",
    note = "put `#[kipo::data]` above each struct or enum that an action takes"
)]
pub trait Incoming: DeserializeOwned + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> Incoming for T {}

/// What the browser can be sent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to the browser",
    label = "not a type that the browser can read",
    note = "put `#[kipo::data]` above each struct or enum that an action answers or an event carries"
)]
pub trait Outgoing {
    /// Writes the value as JSON.
    ///
    /// # Errors
    ///
    /// When the value has no form in JSON, such as a map whose keys are lists.
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;

    /// Describes the type.
    fn describe(generator: &mut SchemaGenerator) -> Schema;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema> Outgoing for T {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }

    fn describe(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// Asks for a type that can be read.
pub const fn incoming<T: Incoming>() {}

/// Asks for a type that can be sent.
pub const fn outgoing<T: Outgoing>() {}

/// How a `T` is read, written and described, if it can be.
///
/// A method of its own is found first; where a bound of it does not hold, the method of
/// [`NoWay`] is, so that code which is not right compiles and one message says why.
#[derive(Debug)]
pub struct Way<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Way<T> {
    /// The way of a `T`.
    pub const OF: Self = Self(PhantomData);
}

impl<T: DeserializeOwned> Way<T> {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Those of the type.
    pub fn read<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

impl<T: Serialize + ?Sized> Way<T> {
    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// Those of the type.
    pub fn write(self, value: &T, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, value)
    }
}

impl<T: JsonSchema + ?Sized> Way<T> {
    /// Describes the type.
    pub fn describe(self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// What is found where a type has no way. It is compiled beside an error and never runs.
pub trait NoWay<T: ?Sized> {
    /// Reads no value.
    ///
    /// # Errors
    ///
    /// None.
    fn read<'de, D: Deserializer<'de>>(&self, _: D) -> Result<T, D::Error>
    where
        T: Sized,
    {
        unreachable!()
    }

    /// Writes no value.
    ///
    /// # Errors
    ///
    /// None.
    fn write(&self, _: &T, _: &mut Vec<u8>) -> serde_json::Result<()> {
        unreachable!()
    }

    /// Describes nothing.
    fn describe(&self, _: &mut SchemaGenerator) -> Schema {
        unreachable!()
    }
}

impl<T: ?Sized> NoWay<T> for Way<T> {}
