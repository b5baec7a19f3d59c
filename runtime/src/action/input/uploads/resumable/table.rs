//! How many uploads are begun and not used, and how many bytes they may have: in all, and for each caller.

use std::collections::HashMap;

use super::record::Id;
use crate::error::{Code, Error, Result};

/// After how many seconds a refused caller tries again.
const RETRY_AFTER_S: u32 = 60;

/// The bounds on uploads that are begun and not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) bytes_max: u64,
    pub(crate) bytes_per_caller_max: u64,
    pub(crate) count_max: usize,
    pub(crate) count_per_caller_max: usize,
}

/// What is held, in all or by one caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    count: usize,
    bytes: u64,
}

/// The uploads by id.
#[derive(Debug, Default)]
pub(super) struct Table {
    uploads: HashMap<Id, (String, u64)>,
    all: Held,
    /// Has no caller without uploads.
    by_caller: HashMap<String, Held>,
}

impl Table {
    /// Counts an upload with its whole length.
    ///
    /// # Errors
    ///
    /// A 429 if the caller has too much, and a 503 if all callers have.
    pub(super) fn begin(
        &mut self,
        id: Id,
        caller: &str,
        bytes: u64,
        bounds: &Bounds,
    ) -> Result<()> {
        let own = self.by_caller.get(caller).copied().unwrap_or_default();
        if own.count >= bounds.count_per_caller_max
            || own.bytes.saturating_add(bytes) > bounds.bytes_per_caller_max
        {
            let message = "too many unfinished uploads: finish or remove one of them";
            return Err(Error::new(Code::TooManyRequests, message).with_retry_after(RETRY_AFTER_S));
        }
        if self.all.count >= bounds.count_max
            || self.all.bytes.saturating_add(bytes) > bounds.bytes_max
        {
            let message = "too many unfinished uploads on this server: try again later";
            return Err(Error::new(Code::Overloaded, message).with_retry_after(RETRY_AFTER_S));
        }
        self.insert(id, caller.to_owned(), bytes);
        Ok(())
    }

    /// Counts an upload that is there already.
    pub(super) fn insert(&mut self, id: Id, caller: String, bytes: u64) {
        self.end(&id);
        for held in [&mut self.all, self.by_caller.entry(caller.clone()).or_default()] {
            held.count += 1;
            held.bytes = held.bytes.saturating_add(bytes);
        }
        self.uploads.insert(id, (caller, bytes));
    }

    /// Counts an upload no more.
    pub(super) fn end(&mut self, id: &Id) {
        let Some((caller, bytes)) = self.uploads.remove(id) else { return };
        let less = |held: &mut Held| {
            held.count -= 1;
            held.bytes = held.bytes.saturating_sub(bytes);
            held.count == 0
        };
        less(&mut self.all);
        if self.by_caller.get_mut(&caller).is_some_and(less) {
            self.by_caller.remove(&caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_until_they_end() {
        let bounds = Bounds {
            bytes_max: 100,
            bytes_per_caller_max: 60,
            count_max: 3,
            count_per_caller_max: 2,
        };
        let mut table = Table::default();
        let id = || Id::random().unwrap();
        let (first, second) = (id(), id());
        table.begin(first.clone(), "a", 50, &bounds).unwrap();
        let code = |outcome: Result<()>| outcome.unwrap_err().code();
        assert_eq!(code(table.begin(id(), "a", 11, &bounds)), Code::TooManyRequests);
        table.begin(second.clone(), "a", 0, &bounds).unwrap();
        assert_eq!(code(table.begin(id(), "a", 0, &bounds)), Code::TooManyRequests);
        assert_eq!(code(table.begin(id(), "b", 51, &bounds)), Code::Overloaded);
        table.begin(id(), "b", 50, &bounds).unwrap();
        assert_eq!(code(table.begin(id(), "c", 0, &bounds)), Code::Overloaded);
        table.end(&first);
        table.end(&first);
        table.end(&second);
        assert_eq!((table.all, table.by_caller.len()), (Held { count: 1, bytes: 50 }, 1));
    }
}
