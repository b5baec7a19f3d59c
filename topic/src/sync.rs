//! Locks and condition variables: those of std, or those of loom, which tries every order in which
//! threads can meet (`RUSTFLAGS="--cfg kipo_loom" cargo test -p kipo-topic --lib loom`).
//!
//! Every lock of this crate is one of these.

#[cfg(not(kipo_loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(kipo_loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks a mutex, a poisoned one too: code under the locks of this crate panics only when memory
/// runs out, and leaves the data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A waker for threads of loom. A loom lock waits for the wake-ups, so that loom sees who waits for
/// whom.
#[cfg(all(test, kipo_loom))]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

#[cfg(all(test, kipo_loom))]
impl std::task::Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        *lock(&self.rung) = true;
        self.heard.notify_one();
    }
}

#[cfg(all(test, kipo_loom))]
impl Bell {
    pub(crate) fn new() -> Self {
        Self { rung: Mutex::new(false), heard: Condvar::new() }
    }

    pub(crate) fn wait(&self) {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = self.heard.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Runs a future on this thread of loom.
#[cfg(all(test, kipo_loom))]
pub(crate) fn block_on<F: Future>(mut future: std::pin::Pin<&mut F>) -> F::Output {
    let bell = std::sync::Arc::new(Bell::new());
    let waker = std::task::Waker::from(std::sync::Arc::clone(&bell));
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => bell.wait(),
        }
    }
}
