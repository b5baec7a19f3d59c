//! A function of the app's author that runs beside the server.

use std::{fmt, pin::Pin, sync::Arc};

use crate::{
    error::{Result, catch_panic},
    server::tasks::task_context::TaskContext,
};

/// A function that may run many times.
#[derive(Clone)]
pub(super) struct Work(Arc<dyn Fn(TaskContext) -> Running + Send + Sync>);

/// One run of it.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl Work {
    pub(super) fn new<F, R>(work: F) -> Self
    where
        F: Fn(TaskContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        Self(Arc::new(move |cx| Box::pin(work(cx))))
    }

    /// Runs the function once. A panic in it becomes an error.
    pub(super) async fn run(&self, cx: TaskContext) -> Result<()> {
        catch_panic(async { (self.0)(cx).await }).await
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}
