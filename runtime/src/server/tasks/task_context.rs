//! What a task gets: its name, the state of the app, and its cancellation.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use crate::{
    action::{State, States},
    error::Result,
};

/// What a function of [`App::task`](crate::App::task), [`App::every`](crate::App::every) and
/// [`App::on_shutdown`](crate::App::on_shutdown) gets. A clone is cheap and belongs to the same run.
///
/// # Examples
///
/// ```
/// use kipo::{Result, TaskContext};
///
/// /// Deletes what is older than a day.
/// async fn tidy(cx: TaskContext) -> Result<()> {
///     let database = cx.state::<String>()?;
///     assert_eq!(*database, "the database");
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cx = TaskContext::test().with_state(String::from("the database"));
/// tidy(cx).await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct TaskContext(Arc<Inner>);

struct Inner {
    name: Cow<'static, str>,
    states: States,
    cancellation: CancellationToken,
    /// Whether the task has asked for its cancellation, so that it may end by itself.
    asked: AtomicBool,
}

impl TaskContext {
    /// Returns the context of one run, which ends with `cancellation`.
    pub(super) fn new(
        name: Cow<'static, str>,
        states: States,
        cancellation: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner { name, states, cancellation, asked: AtomicBool::new(false) }))
    }

    /// Returns a context without state, for tests that run a task.
    ///
    /// ```
    /// let cx = kipo::TaskContext::test();
    /// assert_eq!(cx.name(), "test");
    /// assert!(!cx.is_cancelled());
    /// ```
    #[must_use]
    pub fn test() -> Self {
        Self::new("test".into(), States::default(), CancellationToken::new())
    }

    /// Adds a value of application state, for tests.
    ///
    /// # Panics
    ///
    /// Panics if the context has been cloned.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::TaskContext::test().with_state(7_u32);
    /// assert_eq!(*cx.state::<u32>().unwrap(), 7);
    /// ```
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        let inner = Arc::get_mut(&mut self.0);
        inner.expect("a test builds its context before it clones it").states.insert(state);
        self
    }

    /// Cancels this run, for tests: [`cancelled`](Self::cancelled) completes.
    ///
    /// ```
    /// let cx = kipo::TaskContext::test();
    /// cx.cancel();
    /// assert!(cx.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.0.cancellation.cancel();
    }

    /// Returns the name of the task, as [`App::task`](crate::App::task) set it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the application state of type `T` that [`App::state`](crate::App::state) or
    /// [`App::state_async`](crate::App::state_async) added.
    ///
    /// # Errors
    ///
    /// Returns a [`Code::Internal`](crate::Code::Internal) if the app has no state of this type.
    ///
    /// # Examples
    ///
    /// ```
    /// let cx = kipo::TaskContext::test().with_state(7_u32);
    /// assert_eq!(*cx.state::<u32>().unwrap(), 7);
    /// assert!(cx.state::<String>().is_err());
    /// ```
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>> {
        self.0.states.get()
    }

    /// Makes every cached output with this tag stale, on this node, as
    /// [`Context::invalidate`](crate::Context::invalidate) does.
    ///
    /// ```
    /// // Without a cache, as in this test, there is nothing to do.
    /// kipo::TaskContext::test().invalidate("boards");
    /// ```
    pub fn invalidate(&self, tag: &str) {
        self.0.states.invalidate(tag);
    }

    /// Waits until the server drains.
    ///
    /// A task that calls this, or [`is_cancelled`](Self::is_cancelled), ends by itself after that: the
    /// drain waits for it, at most for [`ServeLimits::drain`](crate::ServeLimits). A task that calls
    /// neither is dropped at its next `.await`.
    ///
    /// In a function of [`App::on_shutdown`](crate::App::on_shutdown) this never completes.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Result, TaskContext};
    ///
    /// async fn import(cx: TaskContext) -> Result<()> {
    ///     loop {
    ///         tokio::select! {
    ///             () = cx.cancelled() => return Ok(()),
    ///             () = import_next_order() => {}
    ///         }
    ///     }
    /// }
    /// # async fn import_next_order() { std::future::pending().await }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let cx = TaskContext::test();
    /// cx.cancel();
    /// assert!(import(cx).await.is_ok());
    /// # });
    /// ```
    pub async fn cancelled(&self) {
        self.0.asked.store(true, Ordering::Relaxed);
        self.0.cancellation.cancelled().await;
    }

    /// Returns whether the server drains, so that the task should end soon.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.asked.store(true, Ordering::Relaxed);
        self.0.cancellation.is_cancelled()
    }

    /// Returns whether the task has asked for its cancellation.
    pub(super) fn has_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext").field("name", &self.0.name).finish_non_exhaustive()
    }
}
