//! The kinds of failure: each has one status code and one word.

use http::StatusCode;

/// The kind of a failure. Each has one status code, and one word in the problem document.
///
/// # Examples
///
/// ```
/// use kipo::Code;
///
/// assert_eq!(Code::NotFound.status(), 404);
/// assert_eq!(Code::NotFound.as_str(), "not_found");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// 400: the request is malformed.
    BadRequest,
    /// 401: the caller must authenticate first.
    Unauthorized,
    /// 403: the caller may not do this.
    Forbidden,
    /// 403: the request comes from a page of another site.
    CrossSite,
    /// 404: the named resource does not exist.
    NotFound,
    /// 405: the method is not allowed; the `Allow` field lists those that are.
    MethodNotAllowed,
    /// 406: the response has no content type that the `Accept` field allows.
    NotAcceptable,
    /// 408: the body of the request stopped before its end.
    RequestTimeout,
    /// 409: the request conflicts with the current state of the resource.
    Conflict,
    /// 413: the body is larger than this action accepts.
    PayloadTooLarge,
    /// 414: the URL is longer than the server accepts.
    UriTooLong,
    /// 415: the content type of the body is not one that actions accept.
    UnsupportedMediaType,
    /// 421: the request names a host that the app does not serve.
    Misdirected,
    /// 422: a field of the input is missing or not valid.
    ValidationFailed,
    /// 429: the caller sends too many requests.
    TooManyRequests,
    /// 431: the head of the request is larger than the server accepts.
    HeadersTooLarge,
    /// 500: an error of the server; the log contains its cause.
    Internal,
    /// 503: the server is overloaded, or it is shutting down.
    Overloaded,
    /// 503: something that the server needs does not work at the moment, such as its disk.
    Unavailable,
    /// 503: the engine that keeps the topics of many nodes cannot be reached at the moment.
    EngineUnavailable,
    /// 504: the action took longer than its time limit.
    Timeout,
}

impl Code {
    /// All codes, in the order of their declaration.
    pub(crate) const ALL: [Self; 21] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::CrossSite,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PayloadTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::Misdirected,
        Self::ValidationFailed,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Overloaded,
        Self::Unavailable,
        Self::EngineUnavailable,
        Self::Timeout,
    ];

    /// Returns the word of the code: the `code` member of a problem document.
    ///
    /// ```
    /// assert_eq!(kipo::Code::ValidationFailed.as_str(), "validation_failed");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::CrossSite => "cross_site",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::RequestTimeout => "request_timeout",
            Self::Conflict => "conflict",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Misdirected => "misdirected",
            Self::ValidationFailed => "validation_failed",
            Self::TooManyRequests => "too_many_requests",
            Self::HeadersTooLarge => "headers_too_large",
            Self::Internal => "internal",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::EngineUnavailable => "engine_unavailable",
            Self::Timeout => "timeout",
        }
    }

    /// Returns the status code (RFC 9110 or RFC 6585) of a response with this code.
    ///
    /// ```
    /// assert_eq!(kipo::Code::Conflict.status(), 409);
    /// ```
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::ValidationFailed => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded | Self::Unavailable | Self::EngineUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Returns a code for an error of an app's own type, for what asks for the kind of a failure.
    pub(crate) fn nearest(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            413 => Self::PayloadTooLarge,
            422 => Self::ValidationFailed,
            429 => Self::TooManyRequests,
            503 => Self::Unavailable,
            504 => Self::Timeout,
            500.. => Self::Internal,
            _ => Self::BadRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_all_codes_is_in_the_order_of_the_enum_and_whole() {
        assert!(Code::ALL.iter().enumerate().all(|(index, code)| *code as usize == index));
        let source = include_str!("code.rs");
        let variants = source.split("pub enum Code {").nth(1).unwrap().split("\n}").next().unwrap();
        assert_eq!(variants.lines().filter(|line| line.ends_with(',')).count(), Code::ALL.len());
    }
}
