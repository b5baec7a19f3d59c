//! Fields that a request has at most once. Two of one name are an attempt to have two readers of
//! the request see different values (RFC 9112, section 11.2).

use http::{HeaderMap, HeaderName, HeaderValue};

/// A field that does not follow its RFC. The sentence is for the client that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Returns the value of a field, or `several` if the request has more than one field of that name.
pub(crate) fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    several: &'static str,
) -> Result<Option<&'h HeaderValue>, Malformed> {
    // Nearly no request has two fields of any name.
    if headers.len() == headers.keys_len() {
        return Ok(headers.get(name));
    }
    let mut fields = headers.get_all(name).iter();
    let field = fields.next();
    match fields.next() {
        None => Ok(field),
        Some(_) => Err(Malformed(several)),
    }
}
