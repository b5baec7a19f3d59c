//! One line of a room's page, as the server renders it. The page's script shows the same in the
//! reader's own time.

use kipo::{data, topic::Message as Record};

use crate::actions::chat::hub::Message;

use super::{face, hub::Opened};

/// Messages of one person within this time are shown as a group, in milliseconds.
const RUN_MS: u64 = 5 * 60 * 1000;

/// An event of a room on its page.
#[data]
pub struct Line {
    id: String,
    /// Unset if the line says that the room was opened.
    said: Option<Said>,
    /// In milliseconds since 1970.
    at_ms: u64,
    /// For machines: `2026-11-29T09:30:00Z`.
    at: String,
    /// For people: `29 Nov, 09:30 UTC`.
    clock: String,
}

/// A message on a page.
#[data]
struct Said {
    username: String,
    message: String,
    /// The first visible character of the name.
    initial: String,
    hue: u32,
    /// Whether it is shown in one group with the message above.
    is_joined: bool,
}

/// Returns the lines of a page. An event that another version of the app published in another form
/// has none.
pub(crate) fn lines(records: &[Record]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for record in records {
        let id = record.cursor().to_string();
        let line = match record.event() {
            "chat" => record.json().ok().map(|message| said(id, message, lines.last())),
            "opened" => record.json().ok().map(|Opened { opened_at }| line(id, None, opened_at)),
            _ => None,
        };
        lines.extend(line);
    }
    lines
}

impl Line {
    /// Returns whether the line is a message.
    pub(crate) fn is_message(&self) -> bool {
        self.said.is_some()
    }
}

fn said(id: String, message: Message, above: Option<&Line>) -> Line {
    let Message { username, message, sent_at } = message;
    let is_joined = above.is_some_and(|above| {
        let is_same = above.said.as_ref().is_some_and(|above| above.username == username);
        is_same && sent_at.saturating_sub(above.at_ms) < RUN_MS
    });
    let (initial, hue) = (face::initial(&username), face::hue(&username));
    line(id, Some(Said { username, message, initial, hue, is_joined }), sent_at)
}

fn line(id: String, said: Option<Said>, at_ms: u64) -> Line {
    let [year, month, day, hour, minute, second] = utc(at_ms / 1000);
    let at = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS[month as usize - 1];
    Line { id, said, at_ms, at, clock: format!("{day} {month}, {hour:02}:{minute:02} UTC") }
}

/// Returns year, month, day, hour, minute and second of a time in seconds since 1970.
///
/// The date is Howard Hinnant's `civil_from_days`: a year that begins in March has its leap day at
/// the end. (<https://howardhinnant.github.io/date_algorithms.html>)
fn utc(seconds: u64) -> [u64; 6] {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    [year, month, day, second / 3600, second / 60 % 60, second % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(username: &str, sent_at: u64) -> Message {
        Message { username: username.to_owned(), message: "hello".to_owned(), sent_at }
    }

    #[test]
    fn a_time_is_written_for_machines_and_for_people() {
        for (at_ms, at, clock) in [
            (0, "1970-01-01T00:00:00Z", "1 Jan, 00:00 UTC"),
            (951_782_399_000, "2000-02-28T23:59:59Z", "28 Feb, 23:59 UTC"),
            (951_868_799_999, "2000-02-29T23:59:59Z", "29 Feb, 23:59 UTC"),
            (1_798_761_599_000, "2026-12-31T23:59:59Z", "31 Dec, 23:59 UTC"),
        ] {
            let line = line(String::new(), None, at_ms);
            assert_eq!((line.at.as_str(), line.clock.as_str()), (at, clock));
        }
    }

    #[test]
    fn messages_of_one_person_within_five_minutes_are_a_group() {
        let first = said(String::new(), message("Ada", 1000), None);
        let is_joined = |name, at_ms| {
            let line = said(String::new(), message(name, at_ms), Some(&first));
            line.said.unwrap().is_joined
        };
        assert!(is_joined("Ada", 2000));
        assert!(is_joined("Ada", 900), "a clock that was set back");
        assert!(!is_joined("Grace", 2000));
        assert!(!is_joined("Ada", 1000 + RUN_MS));
    }
}
