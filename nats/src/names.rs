//! The names of streams and subjects, and the topic that a subject belongs to.
//!
//! A name on the server has letters, digits, `-` and `_` as they are, and any other byte as `%` and
//! two capital hexadecimal digits. An empty name is a single `%`.

use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_128;

/// The longest escaped family in the name of a stream; a longer one is replaced by its hash.
const FAMILY_BYTES_MAX: usize = 160;

/// The longest escaped key of a small record, in bytes: a line of the protocol has 4096.
const RECORD_KEY_BYTES_MAX: usize = 3000;

/// The names that begin with one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

/// The stream and the subject of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) stream: String,
    pub(crate) subject: String,
}

/// A stream of the engine, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamName {
    pub(crate) name: String,
    /// The subject, with a wildcard, of all topics in it, or of all records.
    pub(crate) subject: String,
    pub(crate) kind: Kind,
}

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Topics,
    Records,
}

impl Names {
    /// Returns the names that begin with `prefix`; nothing if the prefix is not 1 to 32 letters,
    /// digits and dashes.
    pub(crate) fn new(prefix: &str) -> Option<Self> {
        let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        ((1..=32).contains(&prefix.len()) && prefix.bytes().all(is_sound))
            .then(|| Self { prefix: prefix.to_owned() })
    }

    /// Returns the stream of the topics whose name has no slash.
    pub(crate) fn statics(&self) -> StreamName {
        let prefix = &self.prefix;
        StreamName {
            name: format!("{prefix}_topics"),
            subject: format!("{prefix}.topic.*"),
            kind: Kind::Topics,
        }
    }

    /// Returns the stream of the topics of a family.
    fn family(&self, family: &str) -> StreamName {
        let (prefix, escaped) = (&self.prefix, escape(family));
        let short = if escaped.len() > FAMILY_BYTES_MAX {
            format!("%%{:032x}", xxh3_128(family.as_bytes()))
        } else {
            escaped.clone()
        };
        StreamName {
            name: format!("{prefix}_topics_{short}"),
            subject: format!("{prefix}.family.{escaped}.*"),
            kind: Kind::Topics,
        }
    }

    /// Returns the stream of the small records and counters.
    pub(crate) fn records(&self) -> StreamName {
        let prefix = &self.prefix;
        StreamName {
            name: format!("{prefix}_records"),
            subject: format!("{prefix}.record.*"),
            kind: Kind::Records,
        }
    }

    /// Returns the stream that holds a topic.
    pub(crate) fn stream_of(&self, topic: &str) -> StreamName {
        match topic.split_once('/') {
            None => self.statics(),
            Some((family, _)) => self.family(family),
        }
    }

    /// Returns where a topic is.
    pub(crate) fn address(&self, topic: &str) -> Address {
        let prefix = &self.prefix;
        let subject = match topic.split_once('/') {
            None => format!("{prefix}.topic.{}", escape(topic)),
            Some((family, key)) => format!("{prefix}.family.{}.{}", escape(family), escape(key)),
        };
        Address { stream: self.stream_of(topic).name, subject }
    }

    /// Returns the topic of a subject; nothing for a subject that no topic has.
    pub(crate) fn topic(&self, subject: &str) -> Option<String> {
        let mut tokens = subject.strip_prefix(&self.prefix)?.strip_prefix('.')?.split('.');
        let mut topic = Vec::with_capacity(subject.len());
        // What has a slash here is a key.
        let (kind, first) = (tokens.next()?, tokens.next()?);
        unescape(first, &mut topic).filter(|()| !topic.contains(&b'/'))?;
        match (kind, tokens.next()) {
            ("topic", None) => {}
            ("family", Some(key)) => {
                topic.push(b'/');
                unescape(key, &mut topic)?;
            }
            _ => return None,
        }
        tokens.next().is_none().then(|| String::from_utf8(topic).ok())?
    }

    /// Returns the subject of a node's mailbox, or of those of all.
    pub(crate) fn mail(&self, to: Option<u64>) -> String {
        match to {
            Some(node) => format!("{}.node.{node:016x}", self.prefix),
            None => format!("{}.node.all", self.prefix),
        }
    }

    /// Returns the subject, with a wildcard, of all counters.
    pub(crate) fn counters(&self) -> String {
        format!("{}.count.*", self.prefix)
    }

    /// Returns the subject of a small record; nothing for a key that is too long.
    pub(crate) fn record(&self, key: &str) -> Option<String> {
        self.keyed("record", key)
    }

    /// Returns the subject of a counter; nothing for a key that is too long.
    pub(crate) fn counter(&self, key: &str) -> Option<String> {
        self.keyed("count", key)
    }

    fn keyed(&self, kind: &str, key: &str) -> Option<String> {
        let escaped = escape(key);
        (escaped.len() <= RECORD_KEY_BYTES_MAX).then(|| format!("{}.{kind}.{escaped}", self.prefix))
    }

    /// Returns the subject of the message that is written to learn whether a server still leads a
    /// stream.
    pub(crate) fn barrier(&self, stream: &str) -> String {
        format!("{}.barrier.{stream}", self.prefix)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn escape(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Adds what [`escape`] has made a name of; nothing is one that it does not make.
fn unescape(escaped: &str, bytes: &mut Vec<u8>) -> Option<()> {
    if escaped == "%" {
        return Some(());
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut rest = escaped.as_bytes();
    loop {
        let byte = match *rest {
            [b'%', high, low, ..] => {
                rest = &rest[3..];
                Some(digit(high)? << 4 | digit(low)?).filter(|byte| !is_plain(*byte))?
            }
            [byte, ..] if is_plain(byte) => {
                rest = &rest[1..];
                byte
            }
            _ => return None,
        };
        bytes.push(byte);
        if rest.is_empty() {
            return Some(());
        }
    }
}

/// Replaces each `%` and two hexadecimal digits by the byte that they stand for.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Names {
        Names::new("kipo").unwrap()
    }

    #[track_caller]
    fn check(topic: &str, stream: &str, subject: &str) {
        let address = names().address(topic);
        assert_eq!((&*address.stream, &*address.subject), (stream, subject));
        assert_eq!(names().topic(subject).as_deref(), Some(topic));
    }

    #[test]
    fn simple_names_stay_readable() {
        check("chat", "kipo_topics", "kipo.topic.chat");
        check("board/42", "kipo_topics_board", "kipo.family.board.42");
        check("board/a.b/..", "kipo_topics_board", "kipo.family.board.a%2Eb%2F%2E%2E");
        check("board/", "kipo_topics_board", "kipo.family.board.%");
        check("/", "kipo_topics_%", "kipo.family.%.%");
        check("*", "kipo_topics", "kipo.topic.%2A");
        check(">\0 \u{e9}", "kipo_topics", "kipo.topic.%3E%00%20%C3%A9");
    }

    #[test]
    fn a_long_family_has_a_short_stream() {
        let topic = format!("{}/1", "é".repeat(120));
        let address = names().address(&topic);
        assert!(address.stream.len() < 60, "{}", address.stream);
        assert_eq!(names().topic(&address.subject), Some(topic));
    }

    #[test]
    fn subjects_of_others_have_no_topic() {
        for subject in [
            "kipo",
            "kipo.topic",
            "kipo.topic.a.b",
            "kipo.topic.%2e",
            "kipo.topic.%",
            "kipo.topic.%FF",
            "kipo.family.a",
            "kipo.family.a.b.c",
            "kipo.barrier.kipo_topics",
            "other.topic.a",
            "",
            "kipo.topic.%61",
            "kipo.topic.a b",
            "kipo.topic.%4",
            "kipo.topic.%+1",
        ] {
            let topic = names().topic(subject);
            assert!(topic.as_deref().is_none_or(str::is_empty), "{subject}: {topic:?}");
        }
    }

    #[test]
    fn prefixes_are_plain() {
        for right in ["kipo", "A-1"] {
            assert!(Names::new(right).is_some(), "{right}");
        }
        for wrong in ["", "a_b", "a.b", "a b", "*", &"a".repeat(33)] {
            assert!(Names::new(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn subject_and_topic_are_one(topic in ".{1,64}") {
            let address = names().address(&topic);
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"*>".contains(&byte);
            prop_assert!(address.subject.bytes().all(is_plain));
            prop_assert_eq!(names().topic(&address.subject), Some(topic));
        }

        #[test]
        fn no_subject_panics(subject in ".{0,64}", tail in "[%0-9a-zA-Z.]{0,20}") {
            let _ = names().topic(&subject);
            let _ = names().topic(&format!("kipo.topic.{tail}"));
        }
    }
}
