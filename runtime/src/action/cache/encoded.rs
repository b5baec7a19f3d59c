//! The output of an action as it travels.

use bytes::Bytes;

use crate::{
    action::codec::Outgoing,
    error::{Error, Result},
};

/// An output as JSON. A clone shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// `None` for a type without data, such as `()`.
    pub(crate) json: Option<Bytes>,
}

impl Encoded {
    /// Writes an output.
    ///
    /// # Errors
    ///
    /// Returns an internal error if JSON cannot represent the output.
    pub(crate) fn of<T: Outgoing>(output: &T) -> Result<Self> {
        let mut json = Vec::with_capacity(128);
        output.write(&mut json).map_err(Error::internal)?;
        let is_empty = size_of::<T>() == 0 && json == b"null";
        Ok(Self { json: (!is_empty).then(|| json.into()) })
    }
}
