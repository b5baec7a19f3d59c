//! Messages that are no longer in memory, read from the engine once for all the listeners that need
//! them at the same time.

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use crate::{
    engine::Entry,
    log::{Log, cursor::Cursor, record::Head},
};

/// How many pages stay for the listeners that come next: they catch up close behind each other.
const RECENT_MAX: usize = 8;

/// How often a read that does not fit the log is tried, each time after a check of the engine: a
/// replica of a server may be behind for a while.
const UNFIT_MAX: u32 = 3;

/// Messages that follow a position. The engine is read once; the listeners that need them share
/// the page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The number of the message before the first one.
    after: u64,
    /// The messages, once the read has ended; `None` if it gave none that fit.
    messages: OnceLock<Option<Log>>,
}

impl Page {
    /// Returns the messages, if they are here.
    pub(crate) fn messages(&self) -> Option<&Log> {
        self.messages.get()?.as_ref()
    }

    /// Returns whether the page has the message after a position.
    fn follows(&self, cursor: Cursor) -> bool {
        self.messages().is_some_and(|log| log.holds(cursor) && log.head().cursor != cursor)
    }

    fn is_being_read_for(&self, cursor: Cursor) -> bool {
        self.messages.get().is_none() && self.after == cursor.seq
    }

    fn end(&self, messages: Option<Log>) {
        // A page is ended once: its read is taken from those that have not ended.
        let _ = self.messages.set(messages);
    }
}

/// A read that the engine is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Identifies the read in its answer.
    pub(crate) id: u64,
    /// The number of the message before the first one.
    pub(crate) after: u64,
}

/// The pages of one topic, while listeners are behind.
#[derive(Debug, Default)]
pub(super) struct Pages {
    reads: Vec<Read>,
    read_next: u64,
    /// The newest last.
    recent: VecDeque<Arc<Page>>,
    /// How many listeners read older messages.
    behind: usize,
    /// How many reads in a row did not fit the log.
    unfit: u32,
    /// No read begins before the check of the engine with this number has ended.
    check: u64,
}

/// A read that has not ended.
#[derive(Debug)]
struct Read {
    id: u64,
    page: Arc<Page>,
    /// The slots of the listeners that wait for it.
    slots: Vec<usize>,
}

/// What a read gave, compared with the log.
enum Fit {
    /// Messages that go on from the position that was asked for.
    Messages(Log),
    /// The engine has trimmed the messages up to this number.
    Trimmed(u64),
    /// Messages of another history, or none.
    Nothing,
}

/// What is to be done after a read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing beside waking the listeners that wait.
    Wake,
    /// A check of the engine: it may have another history.
    Check,
    /// The messages before those in memory are given up: the engine does not have them.
    GiveUp,
}

impl Pages {
    /// Counts a listener that reads older messages from now on.
    pub(super) fn enter(&mut self) {
        self.behind += 1;
    }

    /// Counts a listener that does not read older messages any more. Returns whether it was the last
    /// one.
    pub(super) fn leave(&mut self) -> bool {
        self.behind -= 1;
        self.behind == 0
    }

    /// Looks for the page with the message after a position, and sets `page` to it: to one that is
    /// being read for the listener in `slot` if there is none. Returns the read to begin, if any.
    pub(super) fn find(
        &mut self,
        page: &mut Option<Arc<Page>>,
        cursor: Cursor,
        slot: usize,
        checked: u64,
    ) -> Option<Wanted> {
        let fits = |page: &Arc<Page>| page.follows(cursor);
        if page.as_ref().is_some_and(|page| fits(page) || page.is_being_read_for(cursor)) {
            return None;
        }
        *page = self.recent.iter().rev().find(|page| fits(page)).cloned();
        if page.is_some() || checked < self.check {
            return None;
        }
        if let Some(read) = self.reads.iter_mut().find(|read| read.page.after == cursor.seq) {
            read.slots.push(slot);
            *page = Some(Arc::clone(&read.page));
            return None;
        }
        let (id, after) = (self.read_next, cursor.seq);
        self.read_next += 1;
        let begun = Arc::new(Page { after, messages: OnceLock::new() });
        *page = Some(Arc::clone(&begun));
        self.reads.push(Read { id, page: begun, slots: vec![slot] });
        Some(Wanted { id, after })
    }

    /// Takes what a read gave; nothing if it failed. Returns the slots of the listeners to wake and
    /// what is to be done.
    pub(super) fn end(
        &mut self,
        id: u64,
        entries: Option<Vec<Entry>>,
        log: &mut Log,
        is_shared: bool,
    ) -> (Vec<usize>, After) {
        let at = self.reads.iter().position(|read| read.id == id);
        // Otherwise the log is another one by now.
        let Some(Read { page, slots, .. }) = at.map(|at| self.reads.swap_remove(at)) else {
            return (Vec::new(), After::Wake);
        };
        let is_needed = page.after >= log.base().seq && page.after < log.window().seq;
        let Some(entries) = entries.filter(|_| is_needed) else {
            page.end(None);
            return (slots, After::Wake);
        };
        let (messages, after) = match Fit::of(log, page.after, entries) {
            Fit::Messages(messages) => (Some(messages), After::Wake),
            Fit::Trimmed(seq) => {
                log.forget_older(seq);
                (None, After::Wake)
            }
            Fit::Nothing if is_shared && self.unfit + 1 < UNFIT_MAX => {
                self.unfit += 1;
                page.end(None);
                return (slots, After::Check);
            }
            Fit::Nothing => {
                log.forget_older(log.window().seq);
                (None, After::GiveUp)
            }
        };
        self.unfit = 0;
        if messages.is_some() {
            self.recent.push_back(Arc::clone(&page));
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
        page.end(messages);
        (slots, after)
    }

    /// Returns how many pages stay for the listeners that come next.
    #[cfg(all(test, not(kipo_loom)))]
    pub(super) fn recent_count(&self) -> usize {
        self.recent.len()
    }

    /// Lets reads wait for the check with this number.
    pub(super) fn wait_for_check(&mut self, number: u64) {
        self.check = number;
    }

    /// Forgets all pages: the log is another one. The listeners ask again for what they need.
    pub(super) fn clear(&mut self) {
        self.reads.clear();
        self.recent.clear();
        self.unfit = 0;
    }
}

impl Fit {
    /// Compares what the engine gave with the log, which knows the fingerprint of each message.
    fn of(log: &Log, after: u64, entries: Vec<Entry>) -> Self {
        let expected = log.cursor(after);
        let before = entries.first().map_or(expected, Entry::before);
        if before.seq > expected.seq && log.holds(before) {
            return Self::Trimmed(before.seq);
        }
        let mut messages = Log::after(Head { cursor: expected, stamp_ms: 0 });
        for entry in entries {
            let goes_on = entry.before() == messages.head().cursor;
            if !goes_on || !log.holds(entry.cursor()) {
                break;
            }
            messages.push(entry.record);
        }
        if messages.head().cursor == expected { Self::Nothing } else { Self::Messages(messages) }
    }
}
