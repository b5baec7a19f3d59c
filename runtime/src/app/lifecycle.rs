//! What an app opens before its first request, runs beside its server, and runs after its drain.

use std::{
    any::{TypeId, type_name},
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    action::States,
    app::{start_error::StartError, uploads},
    error::{Result, StartDiagnostic, catch_panic},
    server::Shared,
    server::tasks::{Hooks, Tasks},
};

/// How long a state may take to open before the log names it: until then a person only waits.
const SLOW: Duration = Duration::from_secs(5);

/// The asynchronous states, the tasks and the functions of `on_shutdown` of an app that has not
/// started.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    states: Vec<ClosedState>,
    /// Where some of the states are opened.
    data_dir: PathBuf,
    pub(super) tasks: Tasks,
    pub(super) hooks: Hooks,
}

/// A state that is opened at start.
struct ClosedState {
    id: TypeId,
    name: &'static str,
    open: Box<dyn FnOnce(States, PathBuf) -> Opening + Send>,
}

type Opening = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl Lifecycle {
    /// Adds a state that is opened at start. `open` gets the data directory.
    pub(super) fn add_state<T, F, R>(&mut self, open: F)
    where
        T: Send + Sync + 'static,
        F: FnOnce(PathBuf) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
    {
        let open = |states: States, data_dir: PathBuf| -> Opening {
            let opening = open(data_dir);
            Box::pin(async move {
                states.open(opening.await?);
                Ok(())
            })
        };
        let (id, name) = (TypeId::of::<T>(), type_name::<T>());
        self.states.push(ClosedState { id, name, open: Box::new(open) });
    }

    /// Sets where states are opened that are in the data directory.
    pub(super) fn in_data_dir(self, data_dir: PathBuf) -> Self {
        Self { data_dir, ..self }
    }

    /// Returns whether the app has nothing to open, to run or to end.
    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty() && self.tasks.is_empty() && self.hooks.is_empty()
    }

    /// Returns a diagnostic for each error: two states of one type, and the errors of the tasks.
    pub(super) fn errors(&self, states: &States) -> Vec<StartDiagnostic> {
        let mut seen = BTreeSet::new();
        let twice = |state: &&ClosedState| states.is_open(state.id) || !seen.insert(state.id);
        let error = |state: &ClosedState| {
            let message = format!("the app has two states of the type `{}`", state.name);
            StartDiagnostic::new("App::state_async", message)
        };
        self.states.iter().filter(twice).map(error).chain(self.tasks.errors()).collect()
    }

    /// Opens the states one after the other.
    ///
    /// # Errors
    ///
    /// The first error of a state, with its type.
    pub(super) async fn open(self, states: &States) -> Result<Opened, StartError> {
        for state in self.states {
            let name = state.name;
            let opening =
                catch_panic(async { (state.open)(states.clone(), self.data_dir.clone()).await });
            let mut opening = std::pin::pin!(opening);
            let opened = match timeout(SLOW, &mut opening).await {
                Ok(opened) => opened,
                Err(_) => {
                    tracing::warn!(state = name, "the app waits for this state before it starts");
                    opening.await
                }
            };
            opened.map_err(|error| {
                let message =
                    format!("the state `{name}` could not be opened: {}", error.log_text());
                StartError(vec![StartDiagnostic::new("App::state_async", message)])
            })?;
        }
        Ok(Opened { tasks: self.tasks, hooks: self.hooks })
    }
}

/// The tasks and the functions of `on_shutdown` of an app whose states are open.
#[derive(Debug)]
pub(super) struct Opened {
    tasks: Tasks,
    hooks: Hooks,
}

impl Opened {
    /// Starts the tasks. Returns what runs after the drain.
    pub(super) fn start_tasks(self, shared: &Shared) -> Hooks {
        let cancellation = shared.background.cancellation();
        for task in self.tasks.start(&shared.states, &shared.metrics, cancellation) {
            shared.background.spawn(task);
        }
        uploads::start_sweep(shared);
        self.hooks
    }
}

impl fmt::Debug for ClosedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedState").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::error::Error;

    fn text(error: &StartError) -> String {
        error.to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn states_open_in_order_and_the_first_error_stops_the_start() {
        let (mut lifecycle, mut states) = (Lifecycle::default(), States::default());
        states.declare::<u8>();
        states.declare::<u16>();
        states.declare::<u32>();
        lifecycle.add_state(async |_| {
            sleep(Duration::from_secs(60)).await;
            Ok(1_u8)
        });
        let so_far = states.clone();
        lifecycle.add_state(async move |_| {
            assert_eq!(*so_far.get::<u8>()?, 1);
            let port: u16 = "eight".parse()?;
            Ok(port)
        });
        lifecycle.add_state(async |_| -> Result<u32> { panic!("this one is not opened") });
        assert_eq!(lifecycle.errors(&states), []);
        let error = lifecycle.open(&states).await.unwrap_err();
        assert_eq!(
            text(&error),
            "App::state_async: the state `u16` could not be opened: invalid digit found in string"
        );
        assert!(states.get::<u8>().is_ok() && states.get::<u16>().is_err());
    }

    #[tokio::test]
    async fn a_panic_and_a_message_are_errors_with_the_type() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.add_state(async |_| -> Result<u8> { panic!("no disk {}", 3) });
        let error = lifecycle.open(&States::default()).await.unwrap_err();
        assert!(text(&error).ends_with("the state `u8` could not be opened: panicked: no disk 3"));
        let mut lifecycle = Lifecycle::default();
        lifecycle.add_state(async |_| Err::<u8, _>(Error::not_found("no such disk")));
        let error = lifecycle.open(&States::default()).await.unwrap_err();
        assert!(text(&error).ends_with("the state `u8` could not be opened: no such disk"));
    }

    #[test]
    fn a_type_that_has_two_states_is_an_error() {
        let (mut lifecycle, mut states) = (Lifecycle::default(), States::default());
        states.insert(7_u8);
        lifecycle.add_state(async |_| Ok(1_u8));
        lifecycle.add_state(async |_| Ok(1_u16));
        lifecycle.add_state(async |_| Ok(2_u16));
        let errors: Vec<_> =
            lifecycle.errors(&states).into_iter().map(|error| error.message).collect();
        assert_eq!(
            errors,
            ["the app has two states of the type `u8`", "the app has two states of the type `u16`"]
        );
    }
}
