//! The jobs that wait for the engine's thread.

use crate::{
    engine::{Append, local::contents::Contents},
    sync::{Condvar, Mutex, lock},
};

/// Something for the thread to do.
pub(super) enum Job {
    Append(Append),
    Run(Box<dyn FnOnce(&mut Contents) + Send>),
}

/// The jobs that wait for the thread.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::new(Waiting::default()), filled: Condvar::new() }
    }

    /// Adds a job; after [`close`](Self::close) returns it.
    pub(super) fn push(&self, job: Job) -> Result<(), Job> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(job);
        }
        waiting.jobs.push(job);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Ends the thread after it has taken the jobs that wait.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_one();
    }

    /// Waits for jobs, and takes all of them. Returns nothing once closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = lock(&self.waiting);
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        Some(std::mem::take(&mut waiting.jobs))
    }
}

#[cfg(all(test, kipo_loom))]
mod loom_tests {
    use super::*;

    fn job() -> Job {
        Job::Run(Box::new(|_| {}))
    }

    /// Two that push and one thread that takes: it takes every job, and ends.
    #[test]
    fn loom_every_job_is_taken() {
        loom::model(|| {
            let queue = loom::sync::Arc::new(Queue::new());
            let taking = {
                let queue = queue.clone();
                loom::thread::spawn(move || {
                    let mut taken = 0;
                    while let Some(jobs) = queue.take() {
                        taken += jobs.len();
                    }
                    taken
                })
            };
            let pushing = {
                let queue = queue.clone();
                loom::thread::spawn(move || assert!(queue.push(job()).is_ok()))
            };
            assert!(queue.push(job()).is_ok());
            pushing.join().unwrap();
            queue.close();
            assert_eq!(taking.join().unwrap(), 2);
        });
    }

    /// Closing meets pushing: a job is taken, or returned to whoever pushed it.
    #[test]
    fn loom_a_job_is_never_left_in_a_closed_queue() {
        loom::model(|| {
            let queue = loom::sync::Arc::new(Queue::new());
            let pushing = {
                let queue = queue.clone();
                loom::thread::spawn(move || queue.push(job()).is_ok())
            };
            queue.close();
            let taken = queue.take().map_or(0, |jobs| jobs.len());
            let pushed = pushing.join().unwrap();
            let left = queue.take().map_or(0, |jobs| jobs.len());
            assert_eq!(taken + left, usize::from(pushed));
        });
    }
}
