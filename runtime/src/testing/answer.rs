//! The response to a call.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::de::DeserializeOwned;

use crate::testing::response::Response;

/// The response to a call, which knows the type of the output. It is a [`Response`] as well.
///
/// # Examples
///
/// See [`Client::call`](crate::testing::Client::call).
#[derive(Clone)]
pub struct Answer<O> {
    response: Response,
    output: PhantomData<fn() -> O>,
}

impl<O> Answer<O> {
    pub(super) fn new(response: Response) -> Self {
        Self { response, output: PhantomData }
    }

    /// Returns the output of the action. A test that only expects success calls it too.
    ///
    /// # Panics
    ///
    /// Panics if the action was refused or failed.
    #[track_caller]
    pub fn output(&self) -> O
    where
        O: DeserializeOwned,
    {
        if !self.status().is_success() {
            self.fail("the call has no output");
        }
        self.json()
    }
}

impl<O> Deref for Answer<O> {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl<O> fmt::Display for Answer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.response.fmt(f)
    }
}

impl<O> fmt::Debug for Answer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
