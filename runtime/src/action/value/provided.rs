//! Values that a test puts in place of those that the request yields.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::Extensions;

use crate::action::context::Context;

/// Whether a test of this process has provided a value. An app that serves provides none, so taking
/// a value costs it one relaxed load.
static IN_USE: AtomicBool = AtomicBool::new(false);

/// A value of the type `T` for every request that carries it. Only this crate can name the type.
pub(crate) struct Provided<T>(Arc<dyn Fn() -> T + Send + Sync>);

impl<T: Any> Provided<T> {
    /// Returns a function that adds the value to a request.
    pub(crate) fn adding(value: T) -> impl Fn(&mut Extensions) + Send + Sync + 'static
    where
        T: Clone + Send + Sync,
    {
        IN_USE.store(true, Ordering::Relaxed);
        let provided = Self(Arc::new(move || value.clone()));
        move |extensions| _ = extensions.insert(provided.clone())
    }

    /// Returns the value that a test has provided for this request.
    pub(super) fn of(cx: &Context) -> Option<T> {
        if !IN_USE.load(Ordering::Relaxed) {
            return None;
        }
        cx.extensions().get::<Self>().map(|Self(value)| value())
    }
}

impl<T> Clone for Provided<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
