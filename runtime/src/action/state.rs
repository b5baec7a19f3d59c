//! The state of the application, found by its type.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use crate::error::{Error, Result};

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

/// A type of application state that an action, a page or a value from the request needs. The app
/// checks at start that it has the state.
///
/// # Examples
///
/// See [`FromContext::NEEDS`](crate::FromContext::NEEDS).
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
pub(crate) struct States(Arc<HashMap<TypeId, Slot>>);

/// The value of one type. It is empty until the app has opened that state at start.
type Slot = OnceLock<Arc<dyn Any + Send + Sync>>;

impl States {
    /// Adds a value; it replaces an earlier one of the same type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, state: T) {
        let state: Arc<dyn Any + Send + Sync> = Arc::new(state);
        Arc::make_mut(&mut self.0).insert(TypeId::of::<T>(), state.into());
    }

    /// Adds a type whose value [`open`](Self::open) adds later. Keeps a value that is already there.
    pub(crate) fn declare<T: Send + Sync + 'static>(&mut self) {
        Arc::make_mut(&mut self.0).entry(TypeId::of::<T>()).or_default();
    }

    /// Adds the value of a declared type, for all clones. Keeps a value that is already there.
    pub(crate) fn open<T: Send + Sync + 'static>(&self, state: T) {
        if let Some(slot) = self.0.get(&TypeId::of::<T>()) {
            let _ = slot.set(Arc::new(state));
        }
    }

    /// Returns whether the type has a value, or will have one when the app has started.
    pub(crate) fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// Returns whether the type has a value.
    pub(crate) fn is_open(&self, id: TypeId) -> bool {
        self.0.get(&id).is_some_and(|slot| slot.get().is_some())
    }

    /// Returns the value of a type, or an internal error if there is none.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Result<State<T>> {
        let slot = self.0.get(&TypeId::of::<T>()).and_then(OnceLock::get);
        let state = slot.and_then(|state| Arc::clone(state).downcast().ok());
        state.map(State).ok_or_else(|| {
            Error::internal(format!("the app has no state of type {}", type_name::<T>()))
        })
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
