//! An append on its way to an engine, and the answer to it.

use std::{fmt, sync::Arc};

use crate::{
    engine::{EngineError, Entry, Head},
    log::durability::Durability,
};

/// Entries to append to a topic, all or none.
///
/// # Examples
///
/// An engine whose client is asynchronous answers from a task:
///
/// ```
/// use kipo_topic::engine::{Append, AppendError, EngineError, Outcome};
///
/// fn append(append: Append) {
///     tokio::spawn(async move {
///         let outcome = send(&append).await;
///         append.finish(outcome);
///     });
/// }
///
/// async fn send(_append: &Append) -> Outcome {
///     Err(AppendError::Failed(EngineError::unavailable("nobody answers")))
/// }
/// ```
pub struct Append {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The head that the topic must have; the entries follow it.
    pub after: Head,
    /// One or more, with the next numbers.
    pub entries: Vec<Entry>,
    /// The level that the entries must reach before the answer.
    pub durability: Durability,
    /// The oldest number that the topic still needs: the engine may remove entries below it, at
    /// once or later.
    pub keep_from: u64,
    /// The oldest number whose key is still needed. Below [`keep_from`](Self::keep_from) an engine
    /// where keys ride on entries keeps the entries from here on as well.
    pub keys_from: u64,
    answer: Option<Box<dyn Answer>>,
}

/// What came of an append.
pub type Outcome = Result<(), AppendError>;

/// Why entries were not appended, or may not have been.
#[derive(Clone, Debug)]
pub enum AppendError {
    /// The head is another one. These are the entries after [`Append::after`], as far as the engine
    /// has read them: at least one if the topic goes on from there, unless a follower of the topic in
    /// this process has them by now. None if it does not: another message has that number, or none
    /// has it.
    Moved(Vec<Entry>),
    /// The engine failed. It may have appended the entries, or may yet.
    Failed(EngineError),
}

/// Takes the answer to an append.
pub(crate) trait Answer: Send + Sync {
    fn finish(self: Box<Self>, entries: Vec<Entry>, outcome: Outcome);
}

/// Passes the outcome to a closure. A std lock makes it shareable; nobody waits for it.
struct Closure<F>(std::sync::Mutex<F>);

impl<F: FnOnce(Outcome) + Send> Answer for Closure<F> {
    fn finish(self: Box<Self>, _: Vec<Entry>, outcome: Outcome) {
        let answer = self.0.into_inner();
        answer.unwrap_or_else(std::sync::PoisonError::into_inner)(outcome);
    }
}

impl Append {
    /// Returns an append of entries that follow `after`, whose answer goes to `answer`; it lets the
    /// engine remove nothing.
    #[must_use]
    pub fn new(
        topic: impl Into<Arc<str>>,
        after: Head,
        entries: Vec<Entry>,
        durability: Durability,
        answer: impl FnOnce(Outcome) + Send + 'static,
    ) -> Self {
        let answer = Box::new(Closure(std::sync::Mutex::new(answer)));
        Self::with(topic.into(), after, entries, durability, (0, 0), answer)
    }

    pub(crate) fn with(
        topic: Arc<str>,
        after: Head,
        entries: Vec<Entry>,
        durability: Durability,
        (keep_from, keys_from): (u64, u64),
        answer: Box<dyn Answer>,
    ) -> Self {
        Self { topic, after, entries, durability, keep_from, keys_from, answer: Some(answer) }
    }

    /// Answers. The entries are still there by then: the topic takes them with the answer. An append
    /// that is dropped without an answer has failed.
    pub fn finish(mut self, outcome: Outcome) {
        self.answer_with(outcome);
    }

    fn answer_with(&mut self, outcome: Outcome) {
        if let Some(answer) = self.answer.take() {
            answer.finish(std::mem::take(&mut self.entries), outcome);
        }
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        let error = EngineError::unavailable("the engine gave no answer");
        self.answer_with(Err(AppendError::Failed(error)));
    }
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("topic", &self.topic)
            .field("after", &self.after)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}
