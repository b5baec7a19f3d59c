//! Reads event streams by the rules of the standard
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).
//!
//! One reader serves the check, which needs the whole standard, and the load, which reads
//! millions of events in a second: an event is read in place, unless a piece ends within it.

use std::mem;

use memchr::{memchr, memchr2};

/// The mark that may stand before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event, dispatched.
    Event(Event<'a>),
    /// The time to wait before the next connection, in milliseconds.
    Retry(u64),
}

/// One event. Its parts are bytes: UTF-8 is decoded where text is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The name; `message` where the stream gives none.
    pub name: &'a [u8],
    /// The data; its lines are joined by LF.
    pub data: &'a [u8],
    /// The id to show with the next connection: that of this event, or else of one before it.
    pub last_event_id: &'a [u8],
}

/// Takes a stream in pieces of any size.
///
/// ```
/// use load::sse::{Item, Reader};
///
/// let (mut reader, mut seen) = (Reader::default(), Vec::new());
/// for piece in ["event: note\nda", "ta: hello\nid: 7\n", "\n"] {
///     reader.feed(piece.as_bytes(), |item| {
///         if let Item::Event(event) = item {
///             seen.push((event.data.to_vec(), event.last_event_id.to_vec()));
///         }
///     });
/// }
/// assert_eq!(seen, [(b"hello".to_vec(), b"7".to_vec())]);
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    /// The start of a line whose end has not come.
    partial: Vec<u8>,
    /// The first line is over: a byte order mark can no longer come.
    has_begun: bool,
    /// The last byte was a CR: an LF right after it belongs to it.
    after_cr: bool,
    held: Held,
}

/// What earlier pieces said of the event that is being read.
#[derive(Debug, Default)]
struct Held {
    name: Vec<u8>,
    /// Each line is followed by LF.
    data: Vec<u8>,
    /// Outlives its event.
    id: Vec<u8>,
}

/// What this piece says of the event that is being read, in place.
#[derive(Debug, Default)]
struct Fields<'a> {
    name: Option<&'a [u8]>,
    /// The last line of the data: lines before it are held.
    data: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
}

impl Reader {
    /// Returns a reader for a connection that showed this id.
    #[must_use]
    pub fn after(last_event_id: &str) -> Self {
        let held = Held { id: last_event_id.into(), ..Held::default() };
        Self { held, ..Self::default() }
    }

    /// Takes the next bytes, and passes on each item that is complete with them.
    pub fn feed(&mut self, mut bytes: &[u8], mut item: impl FnMut(Item<'_>)) {
        let Self { partial, has_begun, after_cr, held } = self;
        if !bytes.is_empty() && mem::take(after_cr) {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        // Only the first line of a piece can have begun in the one before.
        if !partial.is_empty() || !*has_begun {
            let line = next_line(&mut bytes, after_cr);
            partial.extend_from_slice(line.unwrap_or(bytes));
            if line.is_none() {
                return;
            }
            let mut line = &**partial;
            if !mem::replace(has_begun, true) {
                line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
            }
            let mut fields = Fields::default();
            fields.read(line, held, &mut item);
            fields.hold(held);
            partial.clear();
        }
        let mut fields = Fields::default();
        while let Some(line) = next_line(&mut bytes, after_cr) {
            fields.read(line, held, &mut item);
        }
        fields.hold(held);
        partial.extend_from_slice(bytes);
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self, line: &'a [u8], held: &mut Held, item: &mut impl FnMut(Item<'_>)) {
        if line.is_empty() {
            return self.dispatch(held, item);
        }
        if let Some(data) = value(line, b"data") {
            if let Some(before) = self.data.replace(data) {
                held.add_data(before);
            }
        } else if let Some(id) = value(line, b"id")
            && memchr(0, id).is_none()
        {
            self.id = Some(id);
        } else if let Some(name) = value(line, b"event") {
            self.name = Some(name);
        } else if let Some(delay) = value(line, b"retry")
            && delay.iter().all(u8::is_ascii_digit)
            && let Some(ms) = str::from_utf8(delay).ok().and_then(|digits| digits.parse().ok())
        {
            item(Item::Retry(ms));
        }
    }

    fn dispatch(&mut self, held: &mut Held, item: &mut impl FnMut(Item<'_>)) {
        let mut data = self.data.take();
        if !held.data.is_empty() {
            if let Some(last) = data {
                held.add_data(last);
            }
            data = held.data.strip_suffix(b"\n");
        }
        if let Some(data) = data {
            let name = match self.name.unwrap_or(&held.name) {
                [] => b"message",
                name => name,
            };
            item(Item::Event(Event { name, data, last_event_id: self.id.unwrap_or(&held.id) }));
        }
        self.name = None;
        held.name.clear();
        held.data.clear();
    }

    /// Copies what the next piece may need.
    fn hold(self, held: &mut Held) {
        if let Some(name) = self.name {
            replace(&mut held.name, name);
        }
        if let Some(data) = self.data {
            held.add_data(data);
        }
        if let Some(id) = self.id {
            replace(&mut held.id, id);
        }
    }
}

impl Held {
    fn add_data(&mut self, line: &[u8]) {
        self.data.extend_from_slice(line);
        self.data.push(b'\n');
    }
}

/// Takes a line off the bytes, without its end. A CR at the end of the bytes is noted.
fn next_line<'a>(bytes: &mut &'a [u8], after_cr: &mut bool) -> Option<&'a [u8]> {
    let (line, rest) = bytes.split_at(memchr2(b'\n', b'\r', bytes)?);
    *bytes = &rest[1..];
    if rest[0] == b'\r' {
        *after_cr = bytes.is_empty();
        *bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
    }
    Some(line)
}

/// Returns the value of a line, if it is a line of this field.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(field)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

fn replace(buffer: &mut Vec<u8>, value: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares name, data and last id of each event, however the text is cut in two.
    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        for cut in 0..=text.len() {
            let (mut reader, mut events) = (Reader::default(), Vec::new());
            for piece in [&text.as_bytes()[..cut], &[], &text.as_bytes()[cut..]] {
                reader.feed(piece, |item| {
                    if let Item::Event(Event { name, data, last_event_id }) = item {
                        let parts = [name, data, last_event_id];
                        events.push(parts.map(|part| String::from_utf8(part.to_vec()).unwrap()));
                    }
                });
            }
            let events: Vec<_> = events.iter().map(|[n, d, i]| (&**n, &**d, &**i)).collect();
            assert_eq!(events, expected, "cut at {cut}");
        }
    }

    #[test]
    fn every_line_end_and_every_cut_gives_the_same() {
        check("event: a\ndata: 1\nid: x\n\n", &[("a", "1", "x")]);
        check("event: a\r\ndata: 1\r\nid: x\r\n\r\n", &[("a", "1", "x")]);
        check("event: a\rdata: 1\rid: x\r\r", &[("a", "1", "x")]);
        check("\u{feff}data: 1\n\n", &[("message", "1", "")]);
        check("data: 1\ndata:2\n\n", &[("message", "1\n2", "")]);
    }

    #[test]
    fn an_event_without_its_empty_line_is_not_dispatched() {
        check("id: x\ndata: 1\n\nid: y\ndata: 2\n", &[("message", "1", "x")]);
    }

    #[test]
    fn comments_and_unknown_fields_are_skipped() {
        check(": ping\n\nfoo: bar\ndata\n\n", &[("message", "", "")]);
        check("datas: 1\n\neven: a\nids: x\ndata:  2\n\n", &[("message", " 2", "")]);
        check(
            "event: a\ndata: {}\n\n: ping\n\ndata: 1\n\n",
            &[("a", "{}", ""), ("message", "1", "")],
        );
    }

    #[test]
    fn an_id_without_data_counts_and_one_with_nul_does_not() {
        check(
            "id: x\n\ndata: 1\n\nid: \0\ndata: 2\n\n",
            &[("message", "1", "x"), ("message", "2", "x")],
        );
    }

    #[test]
    fn the_id_that_a_connection_showed_counts_until_there_is_another() {
        let (mut reader, mut ids) = (Reader::after("x"), Vec::new());
        reader.feed(b"data: 1\n\nid: y\ndata: 2\n\n", |item| {
            if let Item::Event(event) = item {
                ids.push(event.last_event_id.to_vec());
            }
        });
        assert_eq!(ids, [b"x", b"y"]);
    }

    #[test]
    fn retry_is_digits() {
        let (mut reader, mut delays) = (Reader::default(), Vec::new());
        reader.feed(b"retry: 1500\n\nretry: 1s\nretry:\nretry: +1\n\n", |item| match item {
            Item::Retry(ms) => delays.push(ms),
            Item::Event(event) => panic!("{event:?}"),
        });
        assert_eq!(delays, [1500]);
    }
}
