//! Extractors of axum as values from the request.

use std::ops::Deref;

use axum::{
    body,
    extract::FromRequestParts,
    response::{IntoResponse as _, Response},
};
use http::{Request, StatusCode, header};

use crate::{
    action::{context::Context, value::from_context::FromContext},
    error::{Code, Error, Result},
};

/// The longest text of a rejection that its caller reads, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024;

/// A value that an extractor of axum takes from the head of the request, such as the
/// [`Extension`](axum::Extension) that a layer has set.
///
/// The rejection of the extractor becomes an [`Error`](crate::Error): a 4xx with its text, a redirect
/// for the visitors of pages, or a 500 whose text only the log shows.
///
/// A stream takes it as a `#[context]` field or argument: the context of a running stream does not
/// retain the extensions of its request.
///
/// # Examples
///
/// ```
/// use axum::Extension;
/// use kipo::{Context, Extract, FromContext, Result, action};
///
/// /// A layer around the app sets it.
/// #[derive(Clone)]
/// pub struct Tenant(String);
///
/// #[action]
/// async fn show_tenant(#[context] tenant: Extract<Extension<Tenant>>) -> Result<String> {
///     Ok(tenant.0.0.0)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cx = Context::test().with_extension(Tenant("acme".into()));
/// let tenant = Extract::<Extension<Tenant>>::from_context(&cx).await.unwrap();
/// assert_eq!(tenant.0.0.0, "acme");
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extract<T>(pub T);

impl<T> Deref for Extract<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromRequestParts<()> + Send + 'static> FromContext for Extract<T> {
    const IS_PROOF: bool = false;

    async fn from_context(cx: &Context) -> Result<Self> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = cx.method().clone();
        parts.uri = cx.uri().clone();
        parts.headers = cx.headers().clone();
        parts.extensions = cx.extensions().clone();
        let rejection = match T::from_request_parts(&mut parts, &()).await {
            Ok(value) => return Ok(Self(value)),
            Err(rejection) => rejection.into_response(),
        };
        Err(error_of(rejection).await)
    }
}

/// Returns the error that says what a rejection says.
async fn error_of(rejection: Response) -> Error {
    let (head, body) = rejection.into_parts();
    let field = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    if head.status.is_redirection() {
        let to = field(header::LOCATION).unwrap_or_default();
        return Error::unauthorized("this is for visitors that follow a redirect").or_redirect(to);
    }
    let is_text = field(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/plain"));
    let text = match is_text {
        true => body::to_bytes(body, MESSAGE_BYTES_MAX).await.unwrap_or_default(),
        false => bytes::Bytes::new(),
    };
    let reason = head.status.canonical_reason().unwrap_or("the request was refused");
    let text = match String::from_utf8_lossy(&text).trim() {
        "" => reason.to_owned(),
        text => text.to_owned(),
    };
    match code_of(head.status) {
        Code::Internal => Error::internal(text),
        code => Error::new(code, text),
    }
}

/// Returns the code whose status is nearest to that of a rejection.
fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthorized,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::CONFLICT => Code::Conflict,
        StatusCode::UNPROCESSABLE_ENTITY => Code::ValidationFailed,
        StatusCode::TOO_MANY_REQUESTS => Code::TooManyRequests,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_client_error() => Code::BadRequest,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use axum::{Extension, response::Redirect};

    use super::*;

    /// Refuses every request with the response of `R`.
    #[derive(Debug)]
    struct Refuses<R>(std::marker::PhantomData<R>);

    trait Refusal: Send + 'static {
        fn response() -> Response;
    }

    impl<R: Refusal> FromRequestParts<()> for Refuses<R> {
        type Rejection = Response;

        async fn from_request_parts(
            _: &mut http::request::Parts,
            _: &(),
        ) -> Result<Self, Self::Rejection> {
            Err(R::response())
        }
    }

    async fn refused<R: Refusal>() -> Error {
        Extract::<Refuses<R>>::from_context(&Context::test()).await.map(drop).unwrap_err()
    }

    #[tokio::test]
    async fn the_caller_reads_the_text_of_a_refusal() {
        struct Teapot;
        impl Refusal for Teapot {
            fn response() -> Response {
                (StatusCode::IM_A_TEAPOT, "no coffee here").into_response()
            }
        }
        let error = refused::<Teapot>().await;
        assert_eq!((error.code(), error.message()), (Code::BadRequest, "no coffee here"));
    }

    #[tokio::test]
    async fn a_redirect_is_for_the_visitors_of_pages() {
        struct ToLogin;
        impl Refusal for ToLogin {
            fn response() -> Response {
                Redirect::to("/login").into_response()
            }
        }
        let error = refused::<ToLogin>().await;
        assert_eq!((error.code(), error.location()), (Code::Unauthorized, Some("/login")));
    }

    #[tokio::test]
    async fn a_missing_extension_is_an_error_of_the_server() {
        let cx = Context::test().with_extension(7_u8);
        assert_eq!(Extract::<Extension<u8>>::from_context(&cx).await.unwrap().0.0, 7);
        let error = Extract::<Extension<u16>>::from_context(&cx).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.message().contains("u16") && error.chain().contains("u16"), "{error:?}");
    }
}
