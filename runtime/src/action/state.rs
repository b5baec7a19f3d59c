//! The state of the application, found by its type.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::Arc,
};

/// A value of application state, shared by all requests.
///
/// [`App::state`](crate::App::state) adds it, and [`Context::state`](crate::Context::state) returns
/// it. An `#[action]` or `#[page]` function may have it as an argument; the app then checks at
/// start that the state is there.
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, Result, State, action};
///
/// struct Greeting(&'static str);
///
/// #[action]
/// async fn greet(greeting: State<Greeting>) -> Result<String> {
///     Ok(greeting.0.to_owned())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cx = Context::test().with_state(Greeting("Hello"));
/// assert_eq!(Greet {}.call(cx).await.unwrap(), "Hello");
/// # });
/// ```
#[derive(Debug)]
pub struct State<T>(Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A type of application state that an action or a page needs. The app checks it at start.
#[derive(Clone, Copy, Debug)]
pub struct StateNeed {
    pub(crate) id: fn() -> TypeId,
    pub(crate) name: fn() -> &'static str,
}

impl StateNeed {
    /// Returns the need for a `T`.
    #[must_use]
    pub const fn of<T: Send + Sync + 'static>() -> Self {
        Self { id: TypeId::of::<T>, name: type_name::<T> }
    }
}

/// The application's state, by type.
#[derive(Clone, Default)]
pub(crate) struct States(Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl States {
    /// Adds a value; it replaces an earlier one of the same type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, state: T) {
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), Arc::new(state));
    }

    pub(crate) fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let state = Arc::clone(self.0.get(&TypeId::of::<T>())?);
        state.downcast().ok().map(State)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
