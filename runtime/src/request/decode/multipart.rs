//! The grammar of `multipart/form-data` (RFC 7578 and RFC 2046, section 5.1), without I/O.
//!
//! [`Parser::feed`] takes the bytes as they arrive, in pieces of any size, and [`Parser::next`] returns
//! what they mean. The parser retains one piece, and the head of one part. It copies a piece only if the one
//! before ends within a boundary or the head of a part.

use std::mem;

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memmem::{self, Finder};

/// The longest boundary. (RFC 2046, section 5.1.1)
const BOUNDARY_BYTES_MAX: usize = 70;

/// The longest white space after a boundary. Clients send none.
const PADDING_BYTES_MAX: usize = 256;

const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Reads one body.
pub(crate) struct Parser {
    /// A line end, two dashes and the boundary.
    delimiter: Finder<'static>,
    buffer: Bytes,
    state: State,
    head_bytes_max: usize,
    /// How much of the buffer has no end of a head, so that one that arrives byte by byte is searched
    /// once.
    searched: usize,
    /// How much may come before the first boundary.
    preamble_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    /// After a boundary.
    Boundary,
    Head,
    Content,
    End,
}

/// What the next bytes mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A part begins.
    Part(Head),
    /// The next piece of the part's content; never empty.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The last boundary. All further bytes are ignored.
    End,
}

/// The head of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) name: String,
    /// `None` for a part that is no file. It is empty if nobody chose a file.
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It breaks the grammar.
    Malformed(&'static str),
    /// The head of a part is larger than its limit.
    HeadTooLarge,
}

impl Parser {
    /// Returns a parser of a body with this boundary.
    pub(crate) fn new(boundary: &str, head_bytes_max: usize) -> Self {
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            // The first boundary has no line end before it.
            buffer: Bytes::from_static(LINE_END),
            state: State::Preamble,
            head_bytes_max,
            searched: 0,
            preamble_left: head_bytes_max,
        }
    }

    /// Adds the next piece of the body.
    pub(crate) fn feed(&mut self, piece: Bytes) {
        if self.buffer.is_empty() {
            self.buffer = piece;
            return;
        }
        let mut buffer = BytesMut::from(mem::take(&mut self.buffer));
        buffer.extend_from_slice(&piece);
        self.buffer = buffer.freeze();
    }

    /// Returns the next event, or `None` if it needs more bytes.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            match self.state {
                State::Preamble => {
                    let Some(at) = self.delimiter.find(&self.buffer) else {
                        let skipped = self.buffer.len() - self.begun();
                        self.skip_preamble(skipped)?;
                        return Ok(None);
                    };
                    self.skip_preamble(at)?;
                    self.pass_boundary();
                }
                State::Boundary => match self.after_boundary()? {
                    Some(true) => return Ok(Some(Event::End)),
                    Some(false) => {}
                    None => return Ok(None),
                },
                State::Head => return Ok(self.head()?.map(Event::Part)),
                State::Content => {
                    let found = self.delimiter.find(&self.buffer);
                    if found == Some(0) {
                        self.pass_boundary();
                        return Ok(Some(Event::PartEnd));
                    }
                    let length = found.unwrap_or_else(|| self.buffer.len() - self.begun());
                    let data = self.buffer.split_to(length);
                    return Ok((!data.is_empty()).then_some(Event::Data(data)));
                }
                State::End => {
                    self.buffer.clear();
                    return Ok(None);
                }
            }
        }
    }

    /// Checks at the end of the body that it is complete.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match self.state {
            State::End => Ok(()),
            State::Preamble => Err(Fault::Malformed("it does not have its boundary")),
            _ => Err(Fault::Malformed("it ends before its last boundary")),
        }
    }

    /// Returns how many bytes at the end of the buffer may be the beginning of a boundary.
    fn begun(&self) -> usize {
        let delimiter = self.delimiter.needle();
        let window = self.buffer.len().saturating_sub(delimiter.len() - 1);
        let last = memchr::memrchr(b'\r', &self.buffer[window..]);
        // A boundary has no carriage return after its first byte.
        last.map(|at| &self.buffer[window + at..])
            .filter(|tail| delimiter.starts_with(tail))
            .map_or(0, <[u8]>::len)
    }

    fn skip_preamble(&mut self, bytes: usize) -> Result<(), Fault> {
        let left = self.preamble_left.checked_sub(bytes);
        self.preamble_left = left.ok_or(Fault::Malformed("it does not have its boundary"))?;
        self.buffer.advance(bytes);
        Ok(())
    }

    /// Leaves the buffer after the boundary that it begins with.
    fn pass_boundary(&mut self) {
        self.buffer.advance(self.delimiter.needle().len());
        self.state = State::Boundary;
    }

    /// Reads the end of the line of a boundary. Returns whether it was the last one, or `None` if it
    /// needs more bytes. Leaves the line end in the buffer: an empty head is that line end and one more.
    fn after_boundary(&mut self) -> Result<Option<bool>, Fault> {
        if self.buffer.len() < 2 {
            return Ok(None);
        }
        if self.buffer.starts_with(b"--") {
            self.state = State::End;
            return Ok(Some(true));
        }
        let padding = self.buffer.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if padding > PADDING_BYTES_MAX {
            return Err(Fault::Malformed("a boundary is not alone in its line"));
        }
        match &self.buffer[padding..] {
            [] | [b'\r'] => Ok(None),
            [b'\r', b'\n', ..] => {
                self.buffer.advance(padding);
                self.state = State::Head;
                Ok(Some(false))
            }
            _ => Err(Fault::Malformed("a boundary is not alone in its line")),
        }
    }

    fn head(&mut self) -> Result<Option<Head>, Fault> {
        let from = self.searched.saturating_sub(HEAD_END.len() - 1);
        let Some(end) = memmem::find(&self.buffer[from..], HEAD_END).map(|at| from + at) else {
            self.searched = self.buffer.len();
            return match self.buffer.len() > self.head_bytes_max {
                true => Err(Fault::HeadTooLarge),
                false => Ok(None),
            };
        };
        if end > self.head_bytes_max {
            return Err(Fault::HeadTooLarge);
        }
        let head = Head::parse(&self.buffer[..end])?;
        self.buffer.advance(end + HEAD_END.len());
        self.searched = 0;
        self.state = State::Content;
        Ok(Some(head))
    }
}

impl Head {
    /// Parses the lines of a head, each after a line end.
    fn parse(lines: &[u8]) -> Result<Self, Fault> {
        let mut head = Self::default();
        let mut has_disposition = false;
        let lines = String::from_utf8_lossy(lines);
        for line in lines.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) =
                line.split_once(':').ok_or(Fault::Malformed("a part has a wrong header field"))?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    has_disposition = head.disposition(value)?;
                }
                "content-type" => head.content_type = Some(value.to_owned()),
                "content-transfer-encoding" => {
                    let is_plain = ["7bit", "8bit", "binary"]
                        .iter()
                        .any(|plain| value.eq_ignore_ascii_case(plain));
                    if !is_plain {
                        return Err(Fault::Malformed("a part is encoded once more"));
                    }
                }
                _ => {}
            }
        }
        match has_disposition {
            true => Ok(head),
            false => Err(Fault::Malformed("a part has no name")),
        }
    }

    /// Reads `form-data; name="a"; filename="b.txt"`. Returns whether it has a name.
    fn disposition(&mut self, value: &str) -> Result<bool, Fault> {
        let (kind, mut rest) = value.split_once(';').unwrap_or((value, ""));
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(Fault::Malformed("a part is no form-data"));
        }
        let (mut name, mut extended) = (None, None);
        while let Some((key, value, next)) = parameter(rest)? {
            match key.to_ascii_lowercase().as_str() {
                "name" => name = Some(value),
                "filename" => self.file_name = Some(value),
                "filename*" => extended = extended_value(&value),
                _ => {}
            }
            rest = next;
        }
        if extended.is_some() {
            self.file_name = extended;
        }
        let has_name = name.is_some();
        self.name = name.unwrap_or_default();
        Ok(has_name)
    }
}

/// Reads the next parameter: its name, its value, and the text after it.
fn parameter(text: &str) -> Result<Option<(&str, String, &str)>, Fault> {
    let text = text.trim_start_matches([';', ' ', '\t']);
    if text.is_empty() {
        return Ok(None);
    }
    const WRONG: Fault = Fault::Malformed("the name of a part is not well-formed");
    let (key, value) = text.split_once('=').ok_or(WRONG)?;
    let Some(quoted) = value.trim_start().strip_prefix('"') else {
        let (value, rest) = value.split_once(';').unwrap_or((value, ""));
        return Ok(Some((key.trim(), value.trim().to_owned(), rest)));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok(Some((key.trim(), from_browser(&value), &quoted[at + 1..]))),
            // Other backslashes are part of a path.
            '\\' if chars.peek().is_some_and(|(_, next)| matches!(next, '"' | '\\')) => {
                value.extend(chars.next().map(|(_, char)| char));
            }
            char => value.push(char),
        }
    }
    Err(WRONG)
}

/// Returns a name as a browser has it. Browsers escape three characters, and no percent sign.
/// (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>)
fn from_browser(value: &str) -> String {
    match value.contains('%') {
        true => value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"),
        false => value.to_owned(),
    }
}

/// Reads `UTF-8''caf%C3%A9.txt` (RFC 8187). Returns `None` for another charset.
fn extended_value(value: &str) -> Option<String> {
    let mut fields = value.splitn(3, '\'');
    let is_utf8 = fields.next()?.eq_ignore_ascii_case("utf-8");
    let text = fields.nth(1).filter(|_| is_utf8)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the boundary of a `Content-Type`, if it has one that RFC 2046 allows.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (_, mut rest) = content_type.split_once(';')?;
    while let Some((key, value, next)) = parameter(rest).ok()? {
        if key.eq_ignore_ascii_case("boundary") {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
            let is_valid = (1..=BOUNDARY_BYTES_MAX).contains(&value.len())
                && value.bytes().all(allowed)
                && !value.ends_with(' ');
            return is_valid.then_some(value);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: &[u8] =
        b"preamble\r\n--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
        --b  \r\nContent-Disposition: form-data; name=f; filename=\"x.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nline\r\n--no\r\n-\r\n\r\n--b\r\n\
        content-disposition: form-data; name=\"empty\"\r\n\r\n\r\n--b--\r\nepilogue";

    /// Returns each part with its content, from pieces of the body.
    fn parts(pieces: impl IntoIterator<Item = Bytes>) -> Result<Vec<(Head, Vec<u8>)>, Fault> {
        let mut parser = Parser::new("b", 1000);
        let mut parts = Vec::new();
        for piece in pieces {
            parser.feed(piece);
            while let Some(event) = parser.next()? {
                match event {
                    Event::Part(head) => parts.push((head, Vec::new())),
                    Event::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(&data),
                    Event::PartEnd => {}
                    Event::End => assert_eq!(parser.finish(), Ok(())),
                }
            }
        }
        parser.finish().map(|()| parts)
    }

    fn head(line: &str) -> Result<Head, Fault> {
        Head::parse(format!("\r\nContent-Disposition: {line}").as_bytes())
    }

    #[test]
    fn a_form_is_the_same_in_pieces_of_any_size() {
        let whole = parts([Bytes::from_static(FORM)]).unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!((whole[0].0.name.as_str(), whole[0].1.as_slice()), ("a", &b"1"[..]));
        assert_eq!(whole[1].0.file_name.as_deref(), Some("x.txt"));
        assert_eq!(whole[1].0.content_type.as_deref(), Some("text/plain"));
        assert_eq!(whole[1].1, b"line\r\n--no\r\n-\r\n");
        assert_eq!(whole[2].1, b"");
        for size in 1..FORM.len() {
            let pieces = FORM.chunks(size).map(Bytes::from_static);
            assert_eq!(parts(pieces).unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn a_body_that_breaks_the_grammar_is_malformed() {
        let part = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1";
        for (body, message) in [
            ("", "it does not have its boundary"),
            ("--c\r\n\r\n\r\n--c--", "it does not have its boundary"),
            (part, "it ends before its last boundary"),
            (&format!("{part}\r\n--bxy"), "a boundary is not alone in its line"),
            ("--b\r\n\r\n1\r\n--b--", "a part has no name"),
            ("--b\r\nnothing\r\n\r\n1\r\n--b--", "a part has a wrong header field"),
            (
                "--b\r\ncontent-disposition: attachment; name=a\r\n\r\n1\r\n--b--",
                "a part is no form-data",
            ),
            (
                "--b\r\ncontent-disposition: form-data; name=\"a\r\n\r\n1\r\n--b--",
                "the name of a part is not well-formed",
            ),
        ] {
            let outcome = parts([Bytes::from(body.to_owned())]);
            assert_eq!(outcome, Err(Fault::Malformed(message)), "{body}");
        }
        let endless = "x".repeat(2000);
        let outcome = parts([Bytes::from(endless)]);
        assert_eq!(outcome, Err(Fault::Malformed("it does not have its boundary")));
    }

    #[test]
    fn a_head_has_a_limit() {
        for form in [
            format!("--b\r\nx: {}", "y".repeat(2000)),
            format!("--b\r\nx: {}\r\n\r\n\r\n--b--", "y".repeat(2000)),
        ] {
            let pieces = form.as_bytes().chunks(7).map(Bytes::copy_from_slice);
            assert_eq!(parts(pieces), Err(Fault::HeadTooLarge));
        }
    }

    #[test]
    fn a_name_is_read_as_clients_write_it() {
        for (line, name, file_name) in [
            (r#"form-data; name="a""#, "a", None),
            (r#"form-data; name="a"; filename="""#, "a", Some("")),
            (r#"form-data; filename="b%22%0A.txt"; name=a"#, "a", Some("b\"\n.txt")),
            (r#"form-data; name="a"; filename="b\"\\c.txt""#, "a", Some("b\"\\c.txt")),
            (r#"form-data; name="a"; filename="C:\dir\x.txt""#, "a", Some("C:\\dir\\x.txt")),
            (
                "form-data; name=a; filename=x; filename*=UTF-8''caf%C3%A9%.txt",
                "a",
                Some("café%.txt"),
            ),
            ("form-data; name=a; filename=x; filename*=latin1''%E9", "a", Some("x")),
            (r#"form-data; name="größe; x=y""#, "größe; x=y", None),
        ] {
            let head = head(line).unwrap();
            assert_eq!((head.name.as_str(), head.file_name.as_deref()), (name, file_name));
        }
    }

    #[test]
    fn a_boundary_is_one_that_the_standard_allows() {
        let of = |parameters: &str| boundary(&format!("multipart/form-data{parameters}"));
        assert_eq!(of("; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(of("; charset=utf-8; Boundary=\"a b\"").as_deref(), Some("a b"));
        let long = format!("; boundary={}", "x".repeat(71));
        for wrong in ["", ";", "; boundary=", "; boundary=\"a", "; boundary=a\"b", &long] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_content_arrives_as_it_was_sent(
            content in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..200),
            size in 1_usize..40,
        ) {
            let body = [
                b"--bound\r\ncontent-disposition: form-data; name=\"f\"\r\n\r\n".as_slice(),
                &content,
                b"\r\n--bound--",
            ].concat();
            prop_assume!(memmem::find(&content, b"\r\n--bound").is_none());
            let mut parser = Parser::new("bound", 1000);
            let mut read = Vec::new();
            for piece in body.chunks(size) {
                parser.feed(Bytes::copy_from_slice(piece));
                while let Some(event) = parser.next().unwrap() {
                    if let Event::Data(data) = event {
                        read.extend_from_slice(&data);
                    }
                }
            }
            prop_assert_eq!(parser.finish(), Ok(()));
            prop_assert_eq!(read, content);
        }

        #[test]
        fn no_bytes_panic(pieces: Vec<Vec<u8>>) {
            let _ = parts(pieces.into_iter().map(Bytes::from));
        }
    }
}
