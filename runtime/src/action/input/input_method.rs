//! The HTTP method that sends an input.

use http::Method;

/// The method of an action, from `#[action(method = "…")]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputMethod {
    /// Reads. The input is the query.
    Get,
    /// The default.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Deletes.
    Delete,
}

impl InputMethod {
    /// Returns the method as it is on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Returns the method of a request.
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// Returns the value of `Allow`. What has a GET has a HEAD too. (RFC 9110, section 9.1)
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            other => other.as_str(),
        }
    }

    /// Returns whether a request with this method may call the action.
    pub(crate) fn allows(self, method: &Method) -> bool {
        method.as_str() == self.as_str() || (self == Self::Get && *method == Method::HEAD)
    }

    /// Returns whether a call only reads. (RFC 9110, section 9.2.1)
    pub(crate) fn is_safe(self) -> bool {
        self == Self::Get
    }
}
