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
