//! The names of keys and channels, and the topic that a channel belongs to.
//!
//! A name on the server has visible ASCII characters as they are, and any other byte, and `%`, `{`,
//! `}`, `*`, `?`, `[`, `]`, `\`, `"` and `'`, as `%` and two capital hexadecimal digits. The keys of
//! one topic have its name in braces, so that a cluster stores them in one slot.

use std::fmt::Write as _;

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16384;

/// The names that begin with one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    /// Returns the names that begin with `prefix`; nothing if the prefix is not 1 to 32 letters,
    /// digits, dashes and underscores.
    pub(crate) fn new(prefix: &str) -> Option<Self> {
        let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        ((1..=32).contains(&prefix.len()) && prefix.bytes().all(is_sound))
            .then(|| Self { prefix: prefix.to_owned() })
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the key of a topic's head.
    pub(crate) fn head(&self, topic: &str) -> String {
        self.of_topic(topic, "head")
    }

    /// Returns the key of a topic's entries.
    pub(crate) fn log(&self, topic: &str) -> String {
        self.of_topic(topic, "log")
    }

    /// Returns the channel that carries what is appended to a topic.
    pub(crate) fn channel(&self, topic: &str) -> String {
        self.of_topic(topic, "appended")
    }

    fn of_topic(&self, topic: &str, part: &str) -> String {
        let mut name = String::with_capacity(self.prefix.len() + topic.len() + part.len() + 4);
        let _ = write!(name, "{}:{{", self.prefix);
        escape(&mut name, topic);
        let _ = write!(name, "}}:{part}");
        name
    }

    /// Returns the topic of a channel; nothing for a channel that no topic has.
    pub(crate) fn topic(&self, channel: &str) -> Option<String> {
        let rest = channel.strip_prefix(&self.prefix)?.strip_prefix(":{")?;
        let topic = unescape(rest.strip_suffix("}:appended")?)?;
        (self.channel(&topic) == channel).then_some(topic)
    }

    /// Returns the channel of a node's mailbox, or of those of all.
    pub(crate) fn mail(&self, to: Option<u64>) -> String {
        match to {
            Some(node) => format!("{}:node:{node:016x}", self.prefix),
            None => format!("{}:nodes", self.prefix),
        }
    }

    /// Returns whose mailbox a channel belongs to, as [`mail`](Self::mail) takes it; nothing for any other channel.
    pub(crate) fn mail_of(&self, channel: &str) -> Option<Option<u64>> {
        let rest = channel.strip_prefix(&self.prefix)?;
        let Some(node) = rest.strip_prefix(":node:") else {
            return (rest == ":nodes").then_some(None);
        };
        let to = Some(u64::from_str_radix(node, 16).ok()?);
        (self.mail(to) == channel).then_some(to)
    }

    /// Returns the key of the id of the contents.
    pub(crate) fn id(&self) -> String {
        format!("{}:engine", self.prefix)
    }

    /// Returns the key of the names of all topics.
    pub(crate) fn index(&self) -> String {
        format!("{}:topics", self.prefix)
    }

    /// Returns the key of a small record.
    pub(crate) fn record(&self, key: &str) -> String {
        let mut name = format!("{}:record:", self.prefix);
        escape(&mut name, key);
        name
    }

    /// Returns the key of a counter.
    pub(crate) fn counter(&self, key: &str) -> String {
        let mut name = format!("{}:counter:", self.prefix);
        escape(&mut name, key);
        name
    }
}

fn escape(name: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !br#"%{}*?[]\"'"#.contains(&byte) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
}

fn unescape(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Returns the slot of a key in a cluster: CRC-16 (XMODEM) of what is in the first braces, or of all
/// (<https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>).
pub(crate) fn slot(key: &str) -> u16 {
    let tag = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    let crc = tag.unwrap_or(key).bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Names {
        Names::new("kipo").unwrap()
    }

    #[track_caller]
    fn check(topic: &str, log: &str) {
        assert_eq!(names().log(topic), log);
        assert_eq!(names().topic(&names().channel(topic)).as_deref(), Some(topic));
    }

    #[test]
    fn simple_names_stay_readable() {
        check("chat", "kipo:{chat}:log");
        check("board/42", "kipo:{board/42}:log");
        check("board/a.b/..", "kipo:{board/a.b/..}:log");
        check("100 %", "kipo:{100%20%25}:log");
        check("}{*", "kipo:{%7D%7B%2A}:log");
        check(">\0é", "kipo:{>%00%C3%A9}:log");
    }

    #[test]
    fn channels_of_others_have_no_topic() {
        for channel in [
            "",
            "kipo",
            "kipo:{a}:log",
            "other:{a}:appended",
            "kipo:{%61}:appended",
            "kipo:{%2a}:appended",
            "kipo:{a b}:appended",
            "kipo:{%FF}:appended",
            "kipo:{%4}:appended",
            "kipo:{a}}:appended",
        ] {
            assert_eq!(names().topic(channel), None, "{channel}");
        }
    }

    #[test]
    fn mailboxes_have_channels_of_their_own() {
        for to in [None, Some(0), Some(7), Some(u64::MAX)] {
            assert_eq!(names().mail_of(&names().mail(to)), Some(to));
            assert_eq!(names().topic(&names().mail(to)), None);
        }
        for channel in
            ["", "kipo:nodes:", "kipo:node:7", "kipo:node:+000000000000007", "other:nodes"]
        {
            assert_eq!(names().mail_of(channel), None, "{channel}");
        }
        assert_eq!(names().mail_of(&names().channel("nodes")), None);
    }

    #[test]
    fn prefixes_are_plain() {
        for right in ["kipo", "A-1_b"] {
            assert!(Names::new(right).is_some(), "{right}");
        }
        for wrong in ["", "a:b", "a{", "a b", "*", &"a".repeat(33)] {
            assert!(Names::new(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn slots_are_those_of_the_server() {
        // As `CLUSTER KEYSLOT` answers.
        assert_eq!(slot("123456789"), 0x31c3);
        assert_eq!(slot("foo"), 12182);
        assert_eq!(slot("a{foo}b"), 12182);
        assert_ne!(slot("{}foo"), slot("foo"));
    }

    proptest! {
        #[test]
        fn channel_and_topic_are_one(topic in ".{1,64}") {
            let channel = names().channel(&topic);
            prop_assert!(channel.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(slot(&channel), slot(&names().head(&topic)));
            prop_assert_eq!(slot(&channel), slot(&names().log(&topic)));
            prop_assert_eq!(names().topic(&channel), Some(topic));
        }

        #[test]
        fn no_channel_panics(channel in ".{0,64}", tail in "[%0-9a-zA-Z{}]{0,20}") {
            let _ = names().topic(&channel);
            let _ = names().topic(&format!("kipo:{{{tail}}}:appended"));
            let _ = (names().mail_of(&channel), names().mail_of(&format!("kipo:node:{tail}")));
        }
    }
}
