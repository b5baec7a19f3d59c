//! Redis's append-only file, as far as cutting its tail needs it: commands in the form of RESP, and
//! `MULTI` to `EXEC` as one whole.

use std::{fs, io, ops::Range, path::Path};

/// The stream of the chat.
const CHAT: &[u8] = b"kipo:{chat}:log";

const LINE_END: &[u8] = b"\r\n";

/// What Redis reads whole or not at all.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    bytes: Range<usize>,
    /// The numbers of the messages of the chat that it appends.
    messages: Range<u64>,
}

/// Cuts so many messages of the chat off the end, and what was appended between them, but not the
/// first message. Messages that were appended as one are cut as one. Returns the number of the last
/// message that is left.
pub(crate) fn cut(folder: &Path, messages: usize) -> io::Result<u64> {
    let files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let is_newest = |path: &Path| path.to_string_lossy().ends_with(".incr.aof");
    let mut files = files.into_iter().map(|file| file.path()).filter(|path| is_newest(path));
    let (Some(path), None) = (files.next(), files.next()) else {
        return Err(io::Error::other("there is not exactly one file that Redis appends to"));
    };
    let bytes = fs::read(&path)?;
    let units = units(&bytes);
    let first = units.iter().position(|unit| !unit.messages.is_empty());
    let first = first.ok_or_else(|| io::Error::other("the file has no message"))?;
    let mut count = 0;
    let cut = units[first + 1..].iter().rposition(|unit| {
        count += unit.messages.end - unit.messages.start;
        count >= messages as u64
    });
    // As many as there are, if there are fewer.
    let left = &units[..first + 1 + cut.unwrap_or(0)];
    let end = left.last().map_or(0, |unit| unit.bytes.end);
    fs::OpenOptions::new().write(true).open(&path)?.set_len(end as u64)?;
    let last = left.iter().rev().find_map(|unit| unit.messages.clone().last());
    last.ok_or_else(|| io::Error::other("no message is left"))
}

/// Returns all units, without one that is torn at the end.
fn units(bytes: &[u8]) -> Vec<Unit> {
    let (mut units, mut begin, mut at) = (Vec::new(), 0, 0);
    let (mut messages, mut is_transaction) = (0..0, false);
    while let Some((words, end)) = command(bytes, at) {
        at = end;
        if let Some(last) = last_message(&words) {
            // Those of one append are in as few items as possible, and follow the ones before.
            let first = if messages.end == 0 { last } else { messages.start };
            messages = first..last + 1;
        }
        match words[0].to_ascii_uppercase().as_slice() {
            b"MULTI" => is_transaction = true,
            b"EXEC" => is_transaction = false,
            _ => {}
        }
        if !is_transaction {
            let end = messages.end;
            units.push(Unit { bytes: begin..at, messages });
            (begin, messages) = (at, end..end);
        }
    }
    units
}

/// Returns the words of the command at this byte, and where it ends; nothing if it is torn.
fn command(bytes: &[u8], at: usize) -> Option<(Vec<&[u8]>, usize)> {
    let (count, mut at) = number(bytes, at, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, begin) = number(bytes, at, b'$')?;
        words.push(bytes.get(begin..begin + length)?);
        at = begin + length + LINE_END.len();
    }
    (!words.is_empty() && at <= bytes.len()).then_some((words, at))
}

/// Returns the number of the line at this byte, which begins with `sign`, and where the line ends.
fn number(bytes: &[u8], at: usize, sign: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?.strip_prefix(&[sign])?;
    let length = line.windows(LINE_END.len()).position(|end| end == LINE_END)?;
    let number = str::from_utf8(&line[..length]).ok()?.parse().ok()?;
    Some((number, at + 1 + length + LINE_END.len()))
}

/// Returns the number of the last message that a command appends to the chat, if it does: the first half
/// of the id `42-0`.
fn last_message(words: &[&[u8]]) -> Option<u64> {
    let [name, key, rest @ ..] = words else { return None };
    if !name.eq_ignore_ascii_case(b"XADD") || *key != CHAT {
        return None;
    }
    let ids = rest.iter().filter_map(|word| str::from_utf8(word).ok()?.strip_suffix("-0"));
    ids.filter_map(|id| id.parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn line(words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(|w| format!("${}\r\n{w}\r\n", w.len())).collect();
        format!("*{}\r\n{}", words.len(), words.concat())
    }

    /// Returns what Redis writes for one append: a transaction with one item.
    fn append(key: &str, messages: Range<u64>) -> String {
        let id = format!("{}-0", messages.end - 1);
        let item = line(&["XADD", key, &id, "e", "*1\r\n$4\r\nEXEC\r\n"]);
        line(&["MULTI"]) + &item + &line(&["SET", "kipo:{chat}:head", "x"]) + &line(&["EXEC"])
    }

    /// A file with messages 1 to 5 of the chat; 3 and 4 are one append.
    fn parts() -> Vec<String> {
        let chat = "kipo:{chat}:log";
        vec![
            line(&["SELECT", "0"]),
            append(chat, 1..2),
            append(chat, 2..3),
            append("kipo:{rooms/a}:log", 1..4),
            append(chat, 3..5),
            append(chat, 5..6),
        ]
    }

    #[track_caller]
    fn check(messages: usize, torn: &str, last: u64, parts_left: usize) {
        let (folder, parts) = (TempDir::new().unwrap(), parts());
        let path = folder.path().join("appendonly.aof.1.incr.aof");
        fs::write(&path, parts.concat() + torn).unwrap();
        assert_eq!(cut(folder.path(), messages).unwrap(), last);
        assert_eq!(fs::read_to_string(path).unwrap(), parts[..parts_left].concat());
    }

    #[test]
    fn messages_are_cut_off_whole_with_what_is_between_them() {
        check(1, "", 4, 5);
        check(2, "", 2, 4);
        check(3, "", 2, 4);
        check(4, "", 1, 2);
    }

    #[test]
    fn a_torn_end_is_cut_off_too() {
        let torn = append("kipo:{chat}:log", 6..7);
        check(1, &torn[..torn.len() - 3], 4, 5);
        check(1, "*2\r\n$5", 4, 5);
    }

    #[test]
    fn the_first_message_is_left() {
        check(5, "", 1, 2);
        check(9, "", 1, 2);
    }
}
