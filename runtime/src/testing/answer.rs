//! The response to a call.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::de::DeserializeOwned;

use crate::{action::Action, error::ActionError, testing::response::Response};

/// The response to a call of the action `A`, which knows the type of the output. It is a [`Response`] as
/// well.
///
/// # Examples
///
/// See [`Client::call`](crate::testing::Client::call).
pub struct Answer<A> {
    response: Response,
    action: PhantomData<fn() -> A>,
}

impl<A> Answer<A> {
    pub(super) fn new(response: Response) -> Self {
        Self { response, action: PhantomData }
    }

    /// Returns the output of the action. A test that only expects success calls it too.
    ///
    /// # Panics
    ///
    /// Panics if the action was refused or failed.
    #[track_caller]
    pub fn output<E: ActionError>(&self) -> A::Output
    where
        A: Action<E>,
        A::Output: DeserializeOwned,
    {
        if !self.status().is_success() {
            self.fail("the call has no output");
        }
        self.json()
    }
}

impl<A> Clone for Answer<A> {
    fn clone(&self) -> Self {
        Self::new(self.response.clone())
    }
}

impl<A> Deref for Answer<A> {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl<A> fmt::Display for Answer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.response.fmt(f)
    }
}

impl<A> fmt::Debug for Answer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
