//! Reads event streams by the rules of the standard
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).

/// What a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event, dispatched.
    Event {
        /// Its name; `message` unless it has one.
        name: String,
        /// Its data, lines joined by LF.
        data: String,
    },
    /// The time to wait before the next connection.
    Retry(u64),
}

/// Takes a stream in pieces of any size.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// Whether a byte-order mark can no longer come.
    begun: bool,
    /// The last byte was a CR: an LF right after it belongs to it.
    after_cr: bool,
    name: String,
    data: String,
    /// What `id:` said; it counts once its event is dispatched.
    id: String,
    last_event_id: String,
}

impl Parser {
    /// Returns a parser for a connection that showed this id.
    pub fn after(last_event_id: &str) -> Self {
        let id = last_event_id.to_owned();
        Self { last_event_id: id.clone(), id, ..Self::default() }
    }

    /// Returns what to show with the next connection; empty is nothing.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Takes the next bytes, and says what became whole by them. The parser is passed along:
    /// its last id is that of the item.
    pub fn feed(&mut self, bytes: &[u8], mut said: impl FnMut(&Self, Item)) {
        for &byte in bytes {
            let is_rest_of_crlf = std::mem::take(&mut self.after_cr) && byte == b'\n';
            match byte {
                b'\n' if is_rest_of_crlf => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    if let Some(item) = self.end_line() {
                        said(self, item);
                    }
                }
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self) -> Option<Item> {
        let line = std::mem::take(&mut self.line);
        let mut line = &*String::from_utf8_lossy(&line);
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                return value.parse().ok().map(Item::Retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Item> {
        self.last_event_id.clone_from(&self.id);
        let (name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if data.is_empty() {
            return None;
        }
        data.pop();
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(Item::Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each item with the last id at that point, however the text is cut in two.
    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        for cut in 0..=text.len() {
            let (mut parser, mut items) = (Parser::default(), Vec::new());
            let mut said = |parser: &Parser, item| {
                if let Item::Event { name, data } = item {
                    items.push((name, data, parser.last_event_id().to_owned()));
                }
            };
            parser.feed(&text.as_bytes()[..cut], &mut said);
            parser.feed(&text.as_bytes()[cut..], &mut said);
            let items: Vec<_> = items.iter().map(|(n, d, i)| (&**n, &**d, &**i)).collect();
            assert_eq!(items, expected, "cut at {cut}");
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
    fn what_is_not_whole_never_happened() {
        check("id: x\ndata: 1\n\nid: y\ndata: 2\n", &[("message", "1", "x")]);
    }

    #[test]
    fn comments_and_unknown_fields_say_nothing() {
        check(": ping\n\nfoo: bar\ndata\n\n", &[("message", "", "")]);
    }

    #[test]
    fn an_id_without_data_counts_and_one_with_nul_does_not() {
        check(
            "id: x\n\ndata: 1\n\nid: \0\ndata: 2\n\n",
            &[("message", "1", "x"), ("message", "2", "x")],
        );
    }

    #[test]
    fn retry_is_digits() {
        let (mut parser, mut items) = (Parser::default(), Vec::new());
        parser.feed(b"retry: 1500\n\nretry: 1s\n\n", |_, item| items.push(item));
        assert_eq!(items, [Item::Retry(1500)]);
    }
}
