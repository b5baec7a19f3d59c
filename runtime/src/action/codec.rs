//! Which types the browser can send and receive, and how generated code reads and writes them.
//!
//! If a type is not serializable, a serde derive reports that at every use of the type. Generated
//! code avoids this: it has one bound on [`Incoming`] or [`Outgoing`], with the span of the type,
//! and does everything else through a [`Way`], which compiles for any type. So the author reads one
//! error for one mistake.

use std::{future::Ready, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserializer, Serialize, de::DeserializeOwned};

use crate::{
    action::{
        context::Context,
        input::{FileField, FileKind},
        output::Download,
        value::{self, FromContext},
    },
    error::Result,
};

/// A type that the browser can send.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    label = "not a type that the browser can send",
    note = "put `#[kipo::data]` above each struct or enum that an action takes"
)]
pub trait Incoming: DeserializeOwned + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> Incoming for T {}

/// A type that the browser can receive.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to the browser",
    label = "not a type that the browser can read",
    note = "put `#[kipo::data]` above each struct or enum that an action returns or an event carries"
)]
pub trait Outgoing {
    /// Whether it is a [`Download`], and no JSON.
    const IS_DOWNLOAD: bool = false;

    /// Returns the file that the value is, if it is one.
    fn download(&self) -> Option<Download> {
        None
    }

    /// Writes the value as JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if JSON cannot represent the value, such as a map whose keys are lists.
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;

    /// Returns the schema of the type.
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

impl Outgoing for Download {
    const IS_DOWNLOAD: bool = true;

    fn download(&self) -> Option<Download> {
        Some(self.clone())
    }

    fn write(&self, _: &mut Vec<u8>) -> serde_json::Result<()> {
        Err(serde::ser::Error::custom("a `Download` is no JSON"))
    }

    fn describe(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "binary" })
    }
}

/// Compiles only for a type that the browser can send.
pub const fn incoming<T: Incoming>() {}

/// Compiles only for a type that the browser can receive.
pub const fn outgoing<T: Outgoing>() {}

/// Fails to compile if a public action or page takes a value that a request may lack.
#[track_caller]
pub const fn public(is_proof: bool) {
    assert!(
        !is_proof,
        "this is public, so it takes no value that a request may lack: make it an `Option`, or set \
         `FromContext::IS_PROOF` to `false` if every request has it"
    );
}

/// Reads, writes and describes a `T`, and takes it from the request, if its type allows it.
///
/// Method resolution prefers an inherent method. If the bound of that method does not hold, it
/// finds the method of [`NoWay`], so generated code compiles for every type, and the bound on
/// [`Incoming`], [`Outgoing`] or [`FromContext`] reports the only error.
#[derive(Debug)]
pub struct Way<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Way<T> {
    /// The only value.
    pub const OF: Self = Self(PhantomData);
}

impl<T: DeserializeOwned> Way<T> {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Returns the error of the type's `Deserialize`.
    pub fn read<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

impl<T: Serialize + ?Sized> Way<T> {
    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// Returns the error of the type's `Serialize`.
    pub fn write(self, value: &T, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, value)
    }
}

impl<T: JsonSchema + ?Sized> Way<T> {
    /// Returns the schema of the type.
    pub fn describe(self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T: FileField> Way<T> {
    /// What kind of files a field of this type takes.
    pub const FILE: Option<FileKind> = Some(T::KIND);
}

impl<T: FromContext> Way<T> {
    /// Whether a request may lack the value.
    pub const IS_PROOF: bool = T::IS_PROOF;

    /// Takes a value from the request.
    ///
    /// # Errors
    ///
    /// Returns the error of the type's `FromContext`.
    ///
    /// # Cancel safety
    ///
    /// That of the type's `FromContext`.
    pub async fn take(self, cx: &Context) -> Result<T> {
        value::take(cx).await
    }
}

/// The methods of [`Way`] for a type that lacks a trait. They compile beside an error and never
/// run.
pub trait NoWay<T: ?Sized> {
    /// Whether a request may lack the value.
    const IS_PROOF: bool = false;

    /// A field of this type takes no files.
    const FILE: Option<FileKind> = None;

    /// Stands for taking a value from the request.
    ///
    /// # Errors
    ///
    /// None: this never runs.
    fn take(&self, _: &Context) -> Ready<Result<T>>
    where
        T: Sized,
    {
        unreachable!()
    }

    /// Stands for reading a value.
    ///
    /// # Errors
    ///
    /// None: this never runs.
    fn read<'de, D: Deserializer<'de>>(&self, _: D) -> Result<T, D::Error>
    where
        T: Sized,
    {
        unreachable!()
    }

    /// Stands for writing a value.
    ///
    /// # Errors
    ///
    /// None: this never runs.
    fn write(&self, _: &T, _: &mut Vec<u8>) -> serde_json::Result<()> {
        unreachable!()
    }

    /// Stands for describing the type.
    fn describe(&self, _: &mut SchemaGenerator) -> Schema {
        unreachable!()
    }
}

impl<T: ?Sized> NoWay<T> for Way<T> {}
