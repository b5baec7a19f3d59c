//! Many listeners at once.

use std::{io, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::actor::{
    backoff::ASKED_MAX,
    listener::{CONNECT, Goal, Listener},
};
use load::Cursor;

/// How long listeners may take to hold the last message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// With one connection, once the message is published.
    pub(crate) connection: Duration,
    /// In all, with waits and with connections that fail.
    pub(crate) total: Duration,
}

impl Patience {
    /// What listeners have once there are no more faults.
    ///
    /// One connection has less than the 15 s of a heartbeat: a stream that only its heartbeat
    /// wakes is found. In all there is time for two attempts, each after the longest wait.
    pub(crate) const CALM: Self = {
        let connection = Duration::from_secs(12);
        let attempt = ASKED_MAX.saturating_add(CONNECT).saturating_add(connection);
        Self { connection, total: attempt.saturating_mul(2) }
    };
}

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

    /// Waits until every listener holds `last` or is late; returns them as they are then.
    pub(crate) async fn reach(mut self, last: Cursor, patience: Patience) -> Vec<Listener> {
        self.goal.send_replace(Goal::Reach { position: last, within: patience.connection });
        let deadline = Instant::now() + patience.total;
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

/// Lets each of these listeners follow its topic in turn until it holds `position`.
///
/// # Errors
///
/// Fails at the first one that does not come to it in time.
pub(crate) async fn reach_in_turn(listeners: &mut [Listener], position: Cursor) -> io::Result<()> {
    let Patience { connection, total } = Patience::CALM;
    let goal = watch::Sender::new(Goal::Reach { position, within: connection });
    for listener in listeners {
        // A listener that is late and one that is out of time are the same here.
        let _ = timeout(total, listener.follow(&mut goal.subscribe())).await;
        if listener.reached().is_none() {
            return Err(io::Error::other(format!("a listener never came to {position}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::actor::stage::{Stage, position};

    /// Both a refusal with the longest wait and a second attempt are within the time.
    #[tokio::test(start_paused = true)]
    async fn a_listener_that_is_asked_to_wait_has_the_time_to_come_back() {
        for seed in 0..4 {
            let stage = Stage::start().await;
            let mut crowd = Crowd::new();
            crowd.add(Listener::new(0, stage.address(), &Arc::default(), seed));
            let server = async {
                stage.accept().await.refuse(ASKED_MAX.as_secs()).await;
                let mut guest = stage.accept().await;
                guest.ready(None).await;
                guest.message(1).await;
                guest
            };
            let (listeners, _) = tokio::join!(crowd.reach(position(1), Patience::CALM), server);
            assert!(listeners[0].reached().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_listener_that_never_gets_a_stream_has_an_end() {
        let stage = Stage::start().await;
        let mut crowd = Crowd::new();
        crowd.add(Listener::new(0, stage.address(), &Arc::default(), 1));
        let server = async {
            loop {
                drop(stage.accept().await);
            }
        };
        let began = Instant::now();
        let listeners = tokio::select! {
            listeners = crowd.reach(position(1), Patience::CALM) => listeners,
            () = server => unreachable!("it has no end"),
        };
        assert_eq!(listeners[0].reached(), None);
        assert_eq!(began.elapsed().as_secs(), Patience::CALM.total.as_secs());
    }
}
