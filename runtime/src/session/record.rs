//! One session as the store keeps it.

use std::{fmt, time::Duration};

/// The first byte of a record: another form of it gets another number.
const VERSION: u8 = 1;

/// The longest name of a user, in bytes.
pub(super) const USER_BYTES_MAX: usize = 256;

/// One session. Its data is JSON.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// When the session began, in milliseconds since 1970.
    pub(super) created_ms: u64,
    /// When a request last used it, give or take the pause between two writes.
    pub(super) seen_ms: u64,
    /// What the mark of the user was when the session got the user.
    pub(super) mark: u64,
    /// At most [`USER_BYTES_MAX`].
    pub(super) user: Option<String>,
    pub(super) data: Vec<u8>,
}

impl Record {
    /// Returns a session that begins now.
    pub(super) fn new(now_ms: u64, data: Vec<u8>) -> Self {
        Self { created_ms: now_ms, seen_ms: now_ms, mark: 0, user: None, data }
    }

    /// Returns how long the session lasts if nobody uses it, or nothing if it has ended.
    pub(super) fn left(&self, now_ms: u64, idle: Duration, absolute: Duration) -> Option<Duration> {
        let idle_end = self.seen_ms.saturating_add(millis(idle));
        let absolute_end = self.created_ms.saturating_add(millis(absolute));
        let left = idle_end.min(absolute_end).checked_sub(now_ms)?;
        (left > 0).then(|| Duration::from_millis(left))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let user = self.user.as_deref().unwrap_or_default();
        let mut bytes = Vec::with_capacity(27 + user.len() + self.data.len());
        bytes.push(VERSION);
        for number in [self.created_ms, self.seen_ms, self.mark] {
            bytes.extend(number.to_be_bytes());
        }
        // An empty name is no user, so the length says whether there is one.
        bytes.extend((user.len() as u16).to_be_bytes());
        bytes.extend(user.as_bytes());
        bytes.extend(&self.data);
        bytes
    }

    /// Reads a record, or returns nothing if it is not one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION], rest) = bytes.split_first_chunk()? else { return None };
        let (created_ms, rest) = number(rest)?;
        let (seen_ms, rest) = number(rest)?;
        let (mark, rest) = number(rest)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (user, data) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let user = std::str::from_utf8(user).ok()?;
        let user = (!user.is_empty()).then(|| user.to_owned());
        Some(Self { created_ms, seen_ms, mark, user, data: data.to_owned() })
    }
}

/// It shows neither the user nor the data: both are the visitor's.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("created_ms", &self.created_ms).finish_non_exhaustive()
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

/// Returns a time in milliseconds; the longest for what is longer.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(user: Option<&str>) -> Record {
        let user = user.map(str::to_owned);
        Record { mark: 7, user, seen_ms: 2_000, ..Record::new(1_000, b"{}".to_vec()) }
    }

    #[test]
    fn a_record_comes_back_from_its_bytes() {
        for user in [None, Some("ann"), Some(&*"é".repeat(USER_BYTES_MAX / 2))] {
            let record = record(user);
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn other_bytes_are_no_record() {
        let bytes = record(Some("ann")).encode();
        for length in 0..30 {
            assert_eq!(Record::decode(&bytes[..length]), None, "{length}");
        }
        let newer = [&[VERSION + 1], &bytes[1..]].concat();
        assert_eq!(Record::decode(&newer), None);
    }

    #[test]
    fn the_earlier_end_wins() {
        let left = |now, idle, absolute| {
            let (idle, absolute) = (Duration::from_millis(idle), Duration::from_millis(absolute));
            record(None).left(now, idle, absolute).map(|left| left.as_millis())
        };
        assert_eq!(left(2_500, 1_000, 10_000), Some(500));
        assert_eq!(left(2_500, 10_000, 1_600), Some(100));
        assert_eq!(left(3_000, 1_000, 10_000), None);
        assert_eq!(left(9_000, 1_000, 10_000), None);
        assert!(record(None).left(9_000, Duration::MAX, Duration::MAX).is_some());
    }
}
