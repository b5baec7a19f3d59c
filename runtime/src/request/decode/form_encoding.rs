//! The two encodings in which browsers send forms.

use crate::{
    error::{Error, Result},
    header::essence,
    request::decode::multipart::boundary,
};

/// How a form is encoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FormEncoding {
    UrlEncoded,
    /// With its boundary.
    Multipart(String),
}

impl FormEncoding {
    /// Returns the encoding that a `Content-Type` names, or `None` if that is no encoding of forms.
    ///
    /// # Errors
    ///
    /// A 400 for a multipart form without a boundary.
    pub(crate) fn of(content_type: &str) -> Result<Option<Self>> {
        match essence(content_type).as_str() {
            "application/x-www-form-urlencoded" => Ok(Some(Self::UrlEncoded)),
            "multipart/form-data" => match boundary(content_type) {
                Some(boundary) => Ok(Some(Self::Multipart(boundary))),
                None => Err(Error::bad_request("the multipart body has no boundary")),
            },
            _ => Ok(None),
        }
    }
}
