//! The error of a call, a guard or a page, and what its caller may read of it.
//!
//! An [`Error`] has two audiences. The caller reads its code, its message and its field errors,
//! which were all written for a caller. The log contains its source as well. The `?` operator
//! turns an error of another type into [`Code::Internal`]: the caller reads a fixed sentence, and
//! the log contains the cause.

use std::{any::Any, borrow::Cow, error::Error as StdError, fmt};

use http::StatusCode;
use kipo_topic::{PublishError, ReadError};

use crate::error::{code::Code, fields::FieldErrors, redirect::Redirect};

/// The result of an action, a guard or a page: an [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The failure of a call, a guard or a page: what the caller reads, and a source for the log.
///
/// # Examples
///
/// ```
/// use kipo::{Code, Error};
///
/// let error = Error::not_found("no such room");
/// assert_eq!(error.code(), Code::NotFound);
/// assert_eq!(error.message(), "no such room");
///
/// // The caller reads nothing of an error of another type.
/// let foreign: Error = std::io::Error::other("password of the database: hunter2").into();
/// assert_eq!(foreign.code(), Code::Internal);
/// assert!(!foreign.message().contains("hunter2"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    /// The status, where it is not that of the code.
    status: Option<StatusCode>,
    word: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    fields: FieldErrors,
    /// JSON for programs.
    data: Option<String>,
    /// Seconds for `Retry-After`.
    retry_after: Option<u32>,
    /// Methods for `Allow`.
    allow: Option<&'static str>,
    /// Where the browser goes if a page fails with this error.
    redirect: Option<Redirect>,
    /// Only for the log.
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Returns an error of `code` whose `message` the caller may read.
    ///
    /// ```
    /// use kipo::{Code, Error};
    /// assert_eq!(Error::new(Code::Forbidden, "members only").to_string(), "members only");
    /// ```
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            status: None,
            word: None,
            message: message.into(),
            fields: FieldErrors::default(),
            data: None,
            retry_after: None,
            allow: None,
            redirect: None,
            source: None,
        }))
    }

    /// Returns a 400: the request is malformed.
    ///
    /// ```
    /// let error = kipo::Error::bad_request("`from` must be before `to`");
    /// assert_eq!(error.code().status(), 400);
    /// ```
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// Returns a 401: the caller must authenticate first.
    ///
    /// ```
    /// let error = kipo::Error::unauthorized("log in first");
    /// assert_eq!(error.code().status(), 401);
    /// ```
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    /// Returns a 403: the caller may not do this.
    ///
    /// ```
    /// let error = kipo::Error::forbidden("only its author may delete a message");
    /// assert_eq!(error.code().status(), 403);
    /// ```
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Returns a 404: the named resource does not exist.
    ///
    /// ```
    /// let error = kipo::Error::not_found("no such room");
    /// assert_eq!(error.code().status(), 404);
    /// ```
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Returns a 409: the request conflicts with the current state of the resource.
    ///
    /// ```
    /// let error = kipo::Error::conflict("the room is full");
    /// assert_eq!(error.code().status(), 409);
    /// ```
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// Returns a 500 with a fixed sentence for the caller, and `source` for the log.
    ///
    /// ```
    /// let error = kipo::Error::internal("disk 3 is gone");
    /// assert_eq!(error.message(), "the server could not do this");
    /// ```
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(Code::Internal, INTERNAL);
        error.0.source = Some(source.into());
        error
    }

    /// Returns a 422 about one field, named as it is in JSON.
    ///
    /// ```
    /// let error = kipo::Error::invalid("username", "is taken");
    /// assert_eq!(error.fields().get("username"), ["is taken"]);
    /// ```
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut fields = FieldErrors::default();
        fields.add(field, message);
        Self::from(fields)
    }

    /// Redirects the visitor of a page to another path of this app, with a 303.
    ///
    /// The path may come from the visitor. It must begin with exactly one slash; anything else
    /// becomes a 400, so the redirect never leaves the app. Characters that a URL may not contain
    /// are percent-encoded, so no header field can be injected. Only a page responds with a
    /// redirect; in an action this is an internal error.
    ///
    /// ```
    /// use kipo::{Code, Error};
    ///
    /// assert_eq!(Error::redirect("/login?next=/a b").location(), Some("/login?next=/a%20b"));
    /// let error = Error::redirect("//evil.example");
    /// assert_eq!((error.location(), error.code()), (None, Code::BadRequest));
    /// ```
    pub fn redirect(to: impl AsRef<str>) -> Self {
        Self::redirect_with(StatusCode::SEE_OTHER, to.as_ref())
    }

    /// Redirects like [`redirect`](Self::redirect), with a 307: the page has moved for some time.
    ///
    /// ```
    /// assert_eq!(kipo::Error::redirect_temporary("/soon").location(), Some("/soon"));
    /// ```
    pub fn redirect_temporary(to: impl AsRef<str>) -> Self {
        Self::redirect_with(StatusCode::TEMPORARY_REDIRECT, to.as_ref())
    }

    /// Redirects like [`redirect`](Self::redirect), with a 308: the page has moved permanently,
    /// and search engines follow.
    ///
    /// ```
    /// assert_eq!(kipo::Error::redirect_permanent("/blog/new").location(), Some("/blog/new"));
    /// ```
    pub fn redirect_permanent(to: impl AsRef<str>) -> Self {
        Self::redirect_with(StatusCode::PERMANENT_REDIRECT, to.as_ref())
    }

    /// Redirects the visitor of a page to another site, with a 303.
    ///
    /// The URL must be an absolute `http` or `https` URL without a user name; anything else
    /// becomes a 500. Never pass a URL that comes from a visitor.
    ///
    /// ```
    /// let error = kipo::Error::redirect_away("https://id.example/login");
    /// assert_eq!(error.location(), Some("https://id.example/login"));
    /// assert_eq!(kipo::Error::redirect_away("javascript:alert(1)").location(), None);
    /// ```
    pub fn redirect_away(url: impl AsRef<str>) -> Self {
        let url = url.as_ref();
        let error = || Self::internal(format!("`{url}` is not an absolute http or https URL"));
        Redirect::to_url(url).map_or_else(error, Self::of_redirect)
    }

    fn redirect_with(status: StatusCode, to: &str) -> Self {
        let error = || {
            let message = "a redirect must lead to a path of this site, such as `/login`";
            Self::bad_request(message).with_source(format!("`{to}` is not such a path"))
        };
        Redirect::to_path(status, to).map_or_else(error, Self::of_redirect)
    }

    fn of_redirect(redirect: Redirect) -> Self {
        let to = redirect.location();
        let mut error =
            Self::internal(format!("redirect to `{to}`: only a page can respond with a redirect"));
        error.0.redirect = Some(redirect);
        error
    }

    /// Returns an error of an app's own type, with data for programs.
    pub(crate) fn typed(
        status: StatusCode,
        word: &'static str,
        message: Cow<'static, str>,
        data: Option<String>,
    ) -> Self {
        let mut error = Self::new(Code::nearest(status), message).with_word(word);
        error.0.status = Some(status);
        error.0.data = data;
        error
    }

    /// Returns a 405 that lists the allowed methods.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("the allowed methods are: {allow}");
        let mut error = Self::new(Code::MethodNotAllowed, message);
        error.0.allow = Some(allow);
        error
    }

    /// Replaces the word of the code by one of the application, such as `room_full`.
    ///
    /// ```
    /// let error = kipo::Error::conflict("the room is full").with_word("room_full");
    /// assert_eq!(error.word(), "room_full");
    /// assert_eq!(error.code(), kipo::Code::Conflict);
    /// ```
    #[must_use]
    pub fn with_word(mut self, word: impl Into<Cow<'static, str>>) -> Self {
        self.0.word = Some(word.into());
        self
    }

    /// Sets the cause that is logged. The caller never reads it.
    ///
    /// ```
    /// let error = kipo::Error::not_found("no such room").with_source("room 7 was deleted");
    /// assert_eq!(error.message(), "no such room");
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Redirects the visitor of a page to `to`, a path of this app, with a 303.
    ///
    /// Only a browser that loads a page is redirected. Programs and callers of actions read the
    /// error itself, so one guard serves pages and actions. If `to` is not a path of this app
    /// (see [`redirect`](Self::redirect)), nobody is redirected.
    ///
    /// ```
    /// let error = kipo::Error::unauthorized("log in first").or_redirect("/login");
    /// assert_eq!(error.location(), Some("/login"));
    /// assert_eq!(error.code(), kipo::Code::Unauthorized);
    /// ```
    #[must_use]
    pub fn or_redirect(mut self, to: impl AsRef<str>) -> Self {
        let redirect = Redirect::to_path(StatusCode::SEE_OTHER, to.as_ref());
        self.0.redirect = redirect.map(Redirect::only_for_browsers);
        self
    }

    /// Asks the caller to retry after `seconds`, in the `Retry-After` field.
    ///
    /// ```
    /// use kipo::{Code, Error};
    ///
    /// let error = Error::new(Code::TooManyRequests, "slow down").with_retry_after(7);
    /// assert_eq!(error.retry_after(), Some(7));
    /// ```
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the status of a response with this error.
    ///
    /// ```
    /// assert_eq!(kipo::Error::conflict("the room is full").status(), 409);
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status.unwrap_or(self.0.code.status())
    }

    /// Returns the `data` of the problem document as JSON, if a variant of an
    /// [`ActionError`](crate::ActionError) has given it.
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        self.0.data.as_deref()
    }

    /// Returns the `code` of the problem document: the application's word, or that of the code.
    #[must_use]
    pub fn word(&self) -> &str {
        self.0.word.as_deref().unwrap_or(self.0.code.as_str())
    }

    /// Returns the sentence that the caller reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the messages about single fields.
    #[must_use]
    pub fn fields(&self) -> &FieldErrors {
        &self.0.fields
    }

    /// Returns the seconds after which the caller may retry, if they are set.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.0.retry_after
    }

    /// Returns the target of the redirect, if this error redirects the visitor of a page.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.redirect.as_ref().map(Redirect::location)
    }

    pub(crate) fn redirection(&self) -> Option<&Redirect> {
        self.0.redirect.as_ref()
    }

    /// Returns the value of the `Allow` field.
    pub(crate) fn allow(&self) -> Option<&'static str> {
        self.0.allow
    }

    /// Returns the cause and its causes, outermost first, for the log.
    pub(crate) fn chain(&self) -> String {
        let mut text = String::new();
        let mut next = self.source();
        while let Some(error) = next {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }

    /// Returns all that the log should say: the message, unless it is the fixed one, and the causes.
    pub(crate) fn log_text(&self) -> String {
        let chain = self.chain();
        match (self.message(), chain.is_empty()) {
            (message, true) => message.to_owned(),
            (INTERNAL, false) => chain,
            (message, false) => format!("{message}: {chain}"),
        }
    }

    /// Returns the cause. `Error` does not implement `std::error::Error`: if it did, `?` could
    /// not turn every other error into it.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What the caller reads of an internal error.
const INTERNAL: &str = "the server could not do this";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("fields", &self.0.fields)
            .field("source", &self.0.source)
            .finish()
    }
}

/// An error of another type becomes [`Code::Internal`]: the caller reads a fixed sentence, and the
/// log contains the chain of causes. A [`PublishError`] that the caller can act on has a code of
/// its own.
impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let publish_error = (&error as &dyn Any).downcast_ref::<PublishError>();
        let read_error = (&error as &dyn Any).downcast_ref::<ReadError>();
        publish_error
            .and_then(of_publish_error)
            .or_else(|| read_error.and_then(of_read_error))
            .unwrap_or_else(|| Self::internal(error))
    }
}

/// Returns the error for a message that was not published, if the caller can act on it.
fn of_publish_error(error: &PublishError) -> Option<Error> {
    match error {
        PublishError::Key | PublishError::TopicKey => Some(Error::bad_request(error.to_string())),
        PublishError::Unavailable(cause) => {
            let message = "the message could not be saved";
            Some(Error::new(Code::Unavailable, message).with_source(cause.to_string()))
        }
        PublishError::EngineUnavailable(cause) => Some(engine_unavailable(cause)),
        PublishError::NotOpen(_) => Some(not_open(error)),
        _ => None,
    }
}

/// Returns the error for a topic that could not be read, if the caller can act on it.
fn of_read_error(error: &ReadError) -> Option<Error> {
    match error {
        ReadError::TopicKey => Some(Error::bad_request(error.to_string())),
        ReadError::Unavailable(cause) => Some(engine_unavailable(cause)),
        ReadError::NotOpen(_) => Some(not_open(error)),
        _ => None,
    }
}

fn engine_unavailable(cause: &str) -> Error {
    let message = "the server cannot reach its messages now";
    Error::new(Code::EngineUnavailable, message).with_source(cause.to_owned())
}

fn not_open(error: &dyn fmt::Display) -> Error {
    Error::internal(format!(
        "{error}: put `#[kipo::topic]` above it, or call `Topic::open` \
         (`kipo::testing::open_topics` in a test)"
    ))
}

impl From<FieldErrors> for Error {
    fn from(fields: FieldErrors) -> Self {
        let mut error = Self::new(Code::ValidationFailed, "some fields are not valid");
        error.0.fields = fields;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_causes_is_only_logged() {
        let error = Error::from(std::io::Error::other("disk 3 is gone"));
        assert_eq!(error.to_string(), INTERNAL);
        assert_eq!(error.chain(), "disk 3 is gone");
        assert_eq!(error.log_text(), "disk 3 is gone");
        let error = Error::not_found("no such room");
        assert_eq!(error.log_text(), "no such room");
        assert_eq!(error.with_source("disk 3 is gone").log_text(), "no such room: disk 3 is gone");
    }

    #[test]
    fn a_publish_error_has_a_code_that_the_caller_can_act_on() {
        let of = |error: PublishError| Error::from(error);
        assert_eq!(of(PublishError::Key).code(), Code::BadRequest);
        let unavailable = of(PublishError::Unavailable("disk 3 is full".into()));
        assert_eq!(unavailable.code(), Code::Unavailable);
        assert_eq!(unavailable.message(), "the message could not be saved");
        assert_eq!(unavailable.chain(), "disk 3 is full");
        let not_open = of(PublishError::NotOpen("room".into()));
        assert_eq!((not_open.code(), not_open.message()), (Code::Internal, INTERNAL));
        assert!(not_open.chain().contains("#[kipo::topic]"), "{}", not_open.chain());
        let away = of(PublishError::EngineUnavailable("nobody answers".into()));
        assert_eq!((away.code(), away.code().status().as_u16()), (Code::EngineUnavailable, 503));
        assert_eq!(Error::from(ReadError::TopicKey).code(), Code::BadRequest);
        let unread = Error::from(ReadError::Unavailable("nobody answers".into()));
        assert_eq!(
            (unread.code(), unread.chain()),
            (Code::EngineUnavailable, "nobody answers".into())
        );
        let broken = serde_json::from_str::<u8>("x").unwrap_err();
        assert_eq!(of(PublishError::Encode(broken)).code(), Code::Internal);
    }

    #[test]
    fn an_error_is_as_small_as_a_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
