//! What can go wrong with a call, and which words of it a stranger may read.
//!
//! An [`Error`] has two audiences. The caller reads its code, its message and its field errors,
//! all of which someone wrote for strangers. The log reads its source as well. An error of
//! another type that arrives by `?` is [`Code::Internal`]: the caller gets a fixed sentence, the
//! log gets the cause.

use std::{any::Any, borrow::Cow, error::Error as StdError, fmt};

use http::StatusCode;
use kipo_topic::PublishError;

use crate::error::{code::Code, fields::FieldErrors, redirect::Redirect};

/// The result of an action, a guard or a page: an [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call, as the caller and the log may know it.
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
/// // A foreign error says nothing to a stranger.
/// let foreign: Error = std::io::Error::other("password of the database: hunter2").into();
/// assert_eq!(foreign.code(), Code::Internal);
/// assert!(!foreign.message().contains("hunter2"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    word: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    fields: FieldErrors,
    /// Seconds for `Retry-After`.
    retry_after: Option<u32>,
    /// Methods for `Allow`.
    allow: Option<&'static str>,
    /// Where a page sends its visitor.
    redirect: Option<Redirect>,
    /// For the log alone.
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
            word: None,
            message: message.into(),
            fields: FieldErrors::default(),
            retry_after: None,
            allow: None,
            redirect: None,
            source: None,
        }))
    }

    /// Returns a 400: the request makes no sense as it stands.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// Returns a 401: the caller must say who it is.
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unauthorized, message)
    }

    /// Returns a 403: the caller may not do this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Returns a 404: there is no such thing.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Returns a 409: the request does not fit the state of things.
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

    /// Sends the visitor of a page to another path of this app, by a 303.
    ///
    /// Nobody is sent away from the app by it, whoever gave the path, and no header field can be
    /// smuggled in: what is no path from a single slash on is a 400 instead, and what may not
    /// stand in an address is percent-encoded. Only a page answers with a redirect; for an
    /// action it is a fault of ours.
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

    /// Does what [`redirect`](Self::redirect) does by a 307: the page is elsewhere for now.
    ///
    /// ```
    /// assert_eq!(kipo::Error::redirect_for_now("/soon").location(), Some("/soon"));
    /// ```
    pub fn redirect_for_now(to: impl AsRef<str>) -> Self {
        Self::redirect_with(StatusCode::TEMPORARY_REDIRECT, to.as_ref())
    }

    /// Does what [`redirect`](Self::redirect) does by a 308: the page has moved for good, so
    /// that search engines follow.
    ///
    /// ```
    /// assert_eq!(kipo::Error::redirect_for_good("/blog/new").location(), Some("/blog/new"));
    /// ```
    pub fn redirect_for_good(to: impl AsRef<str>) -> Self {
        Self::redirect_with(StatusCode::PERMANENT_REDIRECT, to.as_ref())
    }

    /// Sends the visitor of a page to another site, by a 303: an `http` or `https` address
    /// without a user's name in it. Never hand it an address that a visitor gave.
    ///
    /// ```
    /// let error = kipo::Error::redirect_away("https://id.example/login");
    /// assert_eq!(error.location(), Some("https://id.example/login"));
    /// assert_eq!(kipo::Error::redirect_away("javascript:alert(1)").location(), None);
    /// ```
    pub fn redirect_away(url: impl AsRef<str>) -> Self {
        let url = url.as_ref();
        let error = || Self::internal(format!("`{url}` is no address to send a visitor to"));
        Redirect::away(url).map_or_else(error, Self::of_redirect)
    }

    fn redirect_with(status: StatusCode, to: &str) -> Self {
        let error = || {
            let error = Self::bad_request("a redirect leads to a path of this site: `/login`");
            error.with_source(format!("not to `{to}`"))
        };
        Redirect::within(status, to).map_or_else(error, Self::of_redirect)
    }

    fn of_redirect(redirect: Redirect) -> Self {
        let to = redirect.location();
        let mut error =
            Self::internal(format!("a redirect to `{to}`, which only a page answers with"));
        error.0.redirect = Some(redirect);
        error
    }

    /// Returns a 405 that lists the methods that would do.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut error = Self::new(Code::MethodNotAllowed, format!("this takes {allow}"));
        error.0.allow = Some(allow);
        error
    }

    /// Replaces the code's word by the application's own, such as `room_full`.
    #[must_use]
    pub fn with_word(mut self, word: impl Into<Cow<'static, str>>) -> Self {
        self.0.word = Some(word.into());
        self
    }

    /// Adds a cause for the log; the caller never sees it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sends the visitor of a page to `to`, a path of this app, by a 303. Programs, and the
    /// callers of actions, are told the error all the same; so one guard does for both.
    ///
    /// A `to` that is no such path (see [`redirect`](Self::redirect)) changes nothing.
    ///
    /// ```
    /// let error = kipo::Error::unauthorized("log in first").or_redirect("/login");
    /// assert_eq!(error.location(), Some("/login"));
    /// assert_eq!(error.code(), kipo::Code::Unauthorized);
    /// ```
    #[must_use]
    pub fn or_redirect(mut self, to: impl AsRef<str>) -> Self {
        let redirect = Redirect::within(StatusCode::SEE_OTHER, to.as_ref());
        self.0.redirect = redirect.map(Redirect::for_people);
        self
    }

    /// Asks the caller to come back after `seconds`, by `Retry-After`.
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

    /// Returns the word for the problem document: the application's own, else the code's.
    #[must_use]
    pub fn word(&self) -> &str {
        self.0.word.as_deref().unwrap_or(self.0.code.as_str())
    }

    /// Returns the sentence that the caller reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns what is wrong with which field.
    #[must_use]
    pub fn fields(&self) -> &FieldErrors {
        &self.0.fields
    }

    /// Returns the seconds after which the caller may try again, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.0.retry_after
    }

    /// Returns where the visitor of a page is sent, if anywhere.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.redirect.as_ref().map(Redirect::location)
    }

    pub(crate) fn redirection(&self) -> Option<&Redirect> {
        self.0.redirect.as_ref()
    }

    /// Returns the methods for `Allow`.
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

    /// Returns the cause. `Error` itself does not implement `std::error::Error`, so that any
    /// other error turns into one by `?`.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What a stranger reads of a fault that is ours.
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

/// An error of another type is [`Code::Internal`]: the caller reads a fixed sentence, the log the
/// chain of causes. A [`PublishError`] has a code of its own where the caller can act on it.
impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let publish_error = (&error as &dyn Any).downcast_ref::<PublishError>();
        publish_error.and_then(of_publish_error).unwrap_or_else(|| Self::internal(error))
    }
}

/// Returns what the caller of an action reads of a message that was not published.
fn of_publish_error(error: &PublishError) -> Option<Error> {
    match error {
        PublishError::Key => Some(Error::bad_request(error.to_string())),
        PublishError::Unavailable(cause) => {
            let message = "the message could not be saved";
            Some(Error::new(Code::Unavailable, message).with_source(cause.to_string()))
        }
        PublishError::NotOpen(_) => Some(Error::internal(format!(
            "{error}: put `#[kipo::topic]` above it, or call `Topic::open` \
             (`kipo::testing::open_topics` in a test)"
        ))),
        _ => None,
    }
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
    fn the_chain_of_causes_is_for_the_log() {
        let error = Error::from(std::io::Error::other("disk 3 is gone"));
        assert_eq!(error.to_string(), INTERNAL);
        assert_eq!(error.chain(), "disk 3 is gone");
    }

    #[test]
    fn a_message_that_was_not_published_has_the_code_that_its_caller_can_act_on() {
        let of = |error: PublishError| Error::from(error);
        assert_eq!(of(PublishError::Key).code(), Code::BadRequest);
        let unavailable = of(PublishError::Unavailable("disk 3 is full".into()));
        assert_eq!(unavailable.code(), Code::Unavailable);
        assert_eq!(unavailable.message(), "the message could not be saved");
        assert_eq!(unavailable.chain(), "disk 3 is full");
        let not_open = of(PublishError::NotOpen("room"));
        assert_eq!((not_open.code(), not_open.message()), (Code::Internal, INTERNAL));
        assert!(not_open.chain().contains("#[kipo::topic]"), "{}", not_open.chain());
        let broken = serde_json::from_str::<u8>("x").unwrap_err();
        assert_eq!(of(PublishError::Encode(broken)).code(), Code::Internal);
    }

    #[test]
    fn an_error_is_as_small_as_a_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
