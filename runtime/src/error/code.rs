//! The kinds of failure: each has one status and one word.

use http::StatusCode;

/// The kind of a failure: each has one status and one word in the problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// 400: the request is not what the protocol asks for.
    BadRequest,
    /// 401: the caller must say who it is.
    Unauthorized,
    /// 403: the caller may not do this.
    Forbidden,
    /// 403: a page of another site asked.
    CrossSite,
    /// 404: there is nothing of that name.
    NotFound,
    /// 405: the method is not one of those in `Allow`.
    MethodNotAllowed,
    /// 406: the answer has no form that `Accept` admits.
    NotAcceptable,
    /// 408: the request's body stopped half-way.
    RequestTimeout,
    /// 409: the request does not fit the state of things.
    Conflict,
    /// 413: the body is larger than this action takes.
    PayloadTooLarge,
    /// 414: the URL is longer than the server takes.
    UriTooLong,
    /// 415: the body's type is not one that actions take.
    UnsupportedMediaType,
    /// 422: the fields are not what the action takes.
    ValidationFailed,
    /// 429: the caller asks too often.
    TooManyRequests,
    /// 431: the head of the request is larger than the server takes.
    HeadersTooLarge,
    /// 500: a fault of ours; the cause is in the log.
    Internal,
    /// 503: too much at once, or going away.
    Overloaded,
    /// 503: something that the server needs does not work at the moment, such as its disk.
    Unavailable,
    /// 504: the action took longer than it may.
    Timeout,
}

impl Code {
    /// Returns the code's word, as it stands in a problem document.
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
            Self::ValidationFailed => "validation_failed",
            Self::TooManyRequests => "too_many_requests",
            Self::HeadersTooLarge => "headers_too_large",
            Self::Internal => "internal",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
        }
    }

    /// Returns the status of RFC 9110 (or RFC 6585) that an answer with this code carries.
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
            Self::ValidationFailed => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}
