//! Locks and what waits on them: those of std, or those of loom, which tries every order in which
//! threads can meet (`RUSTFLAGS="--cfg kipo_loom" cargo test -p kipo --lib loom`).
//!
//! Only `topic` goes through here: it is where a wake-up could be missed.

#[cfg(not(kipo_loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(kipo_loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks, whatever became of those who held the lock before: what runs under the locks here
/// panics only for want of memory.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
