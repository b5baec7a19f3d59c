//! The header fields of the protocol.

use std::time::SystemTime;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result, typed_error};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName =
    HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The one version of the protocol.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

/// The content type of the bytes of an upload.
pub(super) const CONTENT_TYPE: &str = "application/offset+octet-stream";

/// Refuses a request of another version.
pub(super) fn check_version(headers: &HeaderMap) -> Result<()> {
    match one(headers, &TUS_RESUMABLE)? == Some("1.0.0") {
        true => Ok(()),
        false => Err(typed_error(412, "tus_version", "send Tus-Resumable: 1.0.0", None)),
    }
}

/// Returns the value of a field, if it is there.
///
/// # Errors
///
/// A 400 if it is there twice, or is no visible ASCII.
pub(super) fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::to_str).transpose();
    match (value, values.next()) {
        (Ok(value), None) => Ok(value),
        _ => Err(Error::bad_request(format!("{name} must be one text"))),
    }
}

/// Returns the number of a field, if it is there.
///
/// # Errors
///
/// A 400 if it is no whole number from 0.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>> {
    let Some(text) = one(headers, name)? else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    let wrong = || Error::bad_request(format!("{name} must be a whole number from 0"));
    number.map(Some).ok_or_else(wrong)
}

/// What a sender says of an upload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) action: Option<String>,
    pub(super) field: Option<String>,
    pub(super) name: Option<String>,
    pub(super) content_type: Option<String>,
}

impl Metadata {
    /// Reads the value of `Upload-Metadata`: keys with values in Base64, with commas between them.
    ///
    /// # Errors
    ///
    /// A 400 if it is malformed.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::bad_request("Upload-Metadata is a list of keys with values in Base64");
        let mut metadata = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = BASE64_STANDARD.decode(value.trim()).map_err(|_| wrong())?;
            let slot = match key {
                "action" => &mut metadata.action,
                "field" => &mut metadata.field,
                "filename" => &mut metadata.name,
                "filetype" => &mut metadata.content_type,
                _ => continue,
            };
            let value = String::from_utf8(value).map_err(|_| wrong())?;
            if slot.replace(value).is_some() {
                return Err(wrong());
            }
        }
        Ok(metadata)
    }
}

/// Returns the value of a number.
pub(super) fn of_number(number: u64) -> HeaderValue {
    HeaderValue::from(number)
}

/// Returns the value of a time.
pub(super) fn of_time(time: SystemTime) -> Option<HeaderValue> {
    HeaderValue::try_from(httpdate::fmt_http_date(time)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metadata_has_keys_with_values_in_base64() {
        let metadata =
            Metadata::parse("action YS5C, field Zg==,filename w6kudHh0,empty,is_x ").unwrap();
        assert_eq!(metadata.action.as_deref(), Some("a.B"));
        assert_eq!(metadata.field.as_deref(), Some("f"));
        assert_eq!(metadata.name.as_deref(), Some("é.txt"));
        assert_eq!(metadata.content_type, None);
        for wrong in ["action *", "action YQ==,action YQ==", "filename /w=="] {
            assert_eq!(Metadata::parse(wrong).unwrap_err().status(), 400, "{wrong}");
        }
    }

    #[test]
    fn a_number_has_digits_only() {
        for (text, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("-1", None),
            ("+1", None),
            ("", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(UPLOAD_LENGTH, HeaderValue::from_static(text));
            assert_eq!(number(&headers, &UPLOAD_LENGTH).ok().flatten(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_metadata_panics(text in "[ -~]{0,80}") {
            let _ = Metadata::parse(&text);
        }
    }
}
