//! Many listeners at once.

use std::time::Duration;

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    cursor::Cursor,
    listener::{Goal, Listener},
};

/// Listeners that follow the room, each in a task of its own.
#[derive(Debug)]
pub(crate) struct Crowd {
    tasks: JoinSet<Listener>,
    goal: watch::Sender<Goal>,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), goal: watch::Sender::new(Goal::Follow) }
    }

    /// Adds a listener, which begins at once.
    pub(crate) fn add(&mut self, mut listener: Listener) {
        let mut goal = self.goal.subscribe();
        self.tasks.spawn(async move {
            listener.follow(&mut goal).await;
            listener
        });
    }

    /// Waits until every listener holds `last`, for so long; then they stop where they are.
    pub(crate) async fn reach(mut self, last: Cursor, within: Duration) -> Vec<Listener> {
        self.goal.send_replace(Goal::Reach(last));
        let deadline = Instant::now() + within;
        let mut listeners = Vec::with_capacity(self.tasks.len());
        loop {
            tokio::select! {
                joined = self.tasks.join_next() => match joined {
                    Some(Ok(listener)) => listeners.push(listener),
                    Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                    None => break,
                },
                () = sleep_until(deadline) => {
                    self.goal.send_replace(Goal::Stop);
                    while let Some(Ok(listener)) = self.tasks.join_next().await {
                        listeners.push(listener);
                    }
                    break;
                }
            }
        }
        listeners
    }
}
