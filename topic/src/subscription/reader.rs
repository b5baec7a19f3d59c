//! What reads a channel from a position, message by message or in batches.

use std::{
    sync::Arc,
    task::{Context as Task, Poll},
};

use bytes::Bytes;

use crate::{
    channel::{self, Behind, Channel, Entered, Owner, Standing, State, Unconfirmed, View},
    engine::Link,
    log::{
        Follows, Log,
        cursor::Cursor,
        retention::Retention,
        verdict::{Gap, Resume, Verdict},
    },
    message::Message,
};

/// A position in a channel, and the way to read from there.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Keeps the topic in memory while it has listeners.
    topic: Arc<dyn Owner>,
    at: Position,
    /// Its slot among the waiters.
    slot: usize,
    /// What is read before the next message, and the position that follows. In a box, as what a
    /// listener holds while it waits has no room for it.
    gap: Option<Box<(Gap, Cursor)>>,
    /// Whether it reads for the listeners of a topic, and is none itself.
    is_deliverer: bool,
}

/// Where a listener is, and what it was told.
#[derive(Debug)]
struct Position {
    /// The position after the last message that the listener has read.
    cursor: Cursor,
    /// What the listener knows of the channel.
    state: State,
    /// What confirms the position, if the log did not know it when the listener came.
    unconfirmed: Option<Unconfirmed>,
    /// What it reads from while the next message is not in memory.
    behind: Option<Box<Behind>>,
}

/// What a listener reads next.
///
/// # Examples
///
/// See [`Subscription`](crate::Subscription).
#[derive(Clone, Debug)]
pub enum Next {
    /// The next message.
    Message(Message),
    /// Messages that the listener will not read.
    Gap(Gap),
    /// The topic's engine cannot be reached any more ([`Link::Down`]), so messages may be late; or
    /// it can again. All messages that it has are read after that, in order.
    Link(Link),
    /// The topic was removed. There is nothing to read any more.
    Removed,
}

/// What a connection writes next: whole frames at once.
///
/// # Examples
///
/// See [`Subscription::next_batch`](crate::Subscription::next_batch).
#[derive(Clone, Debug)]
pub enum Batch {
    /// One or more whole event-stream frames, in order.
    Frames(Bytes),
    /// Messages that the listener will not read, and the position that follows them.
    Gap(Gap, Cursor),
    /// See [`Next::Link`].
    Link(Link),
    /// See [`Next::Removed`].
    Removed,
}

impl Reader {
    /// Returns a reader that goes on from a cursor, and where that is.
    pub(super) fn new(topic: Arc<dyn Owner>, from: Option<&str>) -> (Self, Resume) {
        let Entered { slot, resume, state, unconfirmed } = topic.channel().enter(from);
        let gap = match resume.verdict {
            Verdict::Gap(gap) => Some(Box::new((gap, resume.from))),
            Verdict::Fresh | Verdict::Resumed => None,
        };
        // A listener that comes while the engine is away is told so.
        let state = State { link: Link::Up, ..state };
        let at = Position { cursor: resume.from, state, unconfirmed, behind: None };
        (Self { topic, at, slot, gap, is_deliverer: false }, resume)
    }

    /// Returns a reader at the position of this one, which is not counted as a listener.
    pub(super) fn deliverer(&self) -> Self {
        let Self { topic, at, .. } = self;
        let at = Position { unconfirmed: None, behind: None, ..*at };
        let slot = topic.channel().enter_deliverer();
        Self { topic: Arc::clone(topic), at, slot, gap: None, is_deliverer: true }
    }

    /// Returns the position after the last message that was read.
    pub(super) fn position(&self) -> Cursor {
        self.at.cursor
    }

    /// Moves to a position further on in the same log.
    pub(super) fn go_to(&mut self, cursor: Cursor) {
        self.at.cursor = cursor;
    }

    pub(super) fn channel(&self) -> &Channel {
        self.topic.channel()
    }

    pub(super) fn slot(&self) -> usize {
        self.slot
    }

    /// Returns what was read.
    pub(super) fn standing(&self) -> Standing {
        Standing { cursor: self.at.cursor, state: self.at.state }
    }

    /// Returns whether a read that waits does so for new messages, and for nothing else.
    pub(super) fn is_at_head(&self) -> bool {
        self.gap.is_none() && self.at.unconfirmed.is_none() && self.at.behind.is_none()
    }

    /// Returns whether the reader waits for a page or reads one.
    #[cfg(all(test, not(kipo_loom)))]
    pub(super) fn is_behind(&self) -> bool {
        self.at.behind.is_some()
    }

    /// Reads one message, or registers the waker until there is one.
    pub(super) fn poll_next(&mut self, task: &Task<'_>) -> Poll<Next> {
        if let Some(gap) = self.gap.take() {
            return Poll::Ready(Next::Gap(gap.0));
        }
        self.poll(task, |at, view| {
            Some(match at.catch_up(view)? {
                News::Messages => {
                    let message = Message::of(at.source(view.log), at.cursor.seq + 1)?;
                    at.advance(message.cursor());
                    Next::Message(message)
                }
                News::Gap(gap) => Next::Gap(gap),
                News::Link(link) => Next::Link(link),
                News::Removed => Next::Removed,
            })
        })
    }

    /// Reads what is pending, or registers the waker until there is something.
    pub(super) fn poll_batch(&mut self, task: &Task<'_>) -> Poll<Batch> {
        if let Some(gap) = self.gap.take() {
            let (gap, to) = *gap;
            return Poll::Ready(Batch::Gap(gap, to));
        }
        self.poll(task, |at, view| {
            Some(match at.catch_up(view)? {
                News::Messages => {
                    let (bytes, to) = at.source(view.log).frames(at.cursor.seq)?;
                    at.advance(to);
                    Batch::Frames(bytes)
                }
                News::Gap(gap) => Batch::Gap(gap, at.cursor),
                News::Link(link) => Batch::Link(link),
                News::Removed => Batch::Removed,
            })
        })
    }

    /// Reads, or registers the waker until there is something to read. Both happen under one
    /// lock, so that no message falls in between.
    fn poll<T>(
        &mut self,
        task: &Task<'_>,
        read: impl FnOnce(&mut Position, &mut View<'_>) -> Option<T>,
    ) -> Poll<T> {
        let at = &mut self.at;
        self.topic.channel().poll(self.slot, task.waker(), |view| read(at, view))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.is_deliverer {
            self.topic.channel().leave_deliverer();
        }
        self.topic.channel().leave(self.slot, self.at.behind.is_some());
    }
}

/// What there is for a listener.
enum News {
    /// The next message, in what [`Position::source`] returns.
    Messages,
    Gap(Gap),
    Link(Link),
    Removed,
}

impl Position {
    /// Returns what there is for a listener at this position, if anything.
    fn catch_up(&mut self, view: &mut View<'_>) -> Option<News> {
        let (log, state) = (view.log, view.state);
        if let Some(Unconfirmed { check }) = self.unconfirmed {
            let resume = log.resume_at(view.retention, self.cursor);
            if channel::is_unknown(resume.verdict) && view.checked < check.get() {
                return self.link_news(state);
            }
            (self.unconfirmed, self.state.epoch) = (None, state.epoch);
            self.cursor = resume.from;
            if let Verdict::Gap(gap) = resume.verdict {
                return Some(News::Gap(gap));
            }
        }
        if self.state.epoch != state.epoch {
            self.state.epoch = state.epoch;
            view.catch_up(&mut self.behind);
            // It is connected, so it reads all of the new log that it has not seen.
            let resume = log.resume_at(&Retention::ALL, self.cursor);
            self.cursor = resume.from;
            if let Verdict::Gap(gap) = resume.verdict {
                return Some(News::Gap(gap));
            }
        }
        let is_removed = self.state.removals != state.removals;
        match log.follows(self.cursor.seq) {
            Follows::Record => {
                view.catch_up(&mut self.behind);
                Some(News::Messages)
            }
            Follows::Trimmed { gap, to } => {
                self.cursor = to;
                Some(News::Gap(gap))
            }
            // The engine does not have the older messages any more.
            Follows::Older | Follows::Nothing if is_removed => Some(News::Removed),
            Follows::Older if view.find_page(&mut self.behind, self.cursor) => Some(News::Messages),
            Follows::Older => self.link_news(state),
            Follows::Nothing => {
                view.catch_up(&mut self.behind);
                self.link_news(state)
            }
        }
    }

    /// Returns what has the message after the position: the page that the listener reads, or the
    /// log.
    fn source<'a>(&'a self, log: &'a Log) -> &'a Log {
        self.behind.as_deref().and_then(Behind::messages).unwrap_or(log)
    }

    fn advance(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        if let Some(behind) = &mut self.behind {
            behind.advance(cursor);
        }
    }

    /// Returns whether the engine can be reached, if that has changed.
    fn link_news(&mut self, state: State) -> Option<News> {
        let before = std::mem::replace(&mut self.state.link, state.link);
        (before != state.link).then_some(News::Link(state.link))
    }
}
