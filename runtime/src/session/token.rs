//! The token in a session's cookie, and the key of the session in the store.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// 256 random bits, which only the visitor's browser has. Never logged.
pub(super) struct Token([u8; 32]);

impl Token {
    /// Returns a new token.
    ///
    /// # Panics
    ///
    /// Panics if the system has no random numbers: without them no session is safe.
    pub(super) fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        Self(bytes)
    }

    /// Parses the value of a cookie.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The length first: a longer text is not decoded.
        let bytes = (text.len() == 43).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Returns the value of the cookie.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns the key of the session with this token.
    pub(super) fn key(&self) -> Key {
        Key(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The name of a session, or of a user, in the store: a SHA-256. Never logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Returns the key of a user.
    pub(super) fn of_user(user: &str) -> Self {
        Self(Sha256::new().chain_update(b"user\0").chain_update(user).finalize().into())
    }

    /// Parses the text of a key.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// Returns the key as text.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns a number below `count` that is the same for the same key.
    pub(super) fn shard(&self, count: usize) -> usize {
        usize::from(self.0[0]) % count
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_cookie() {
        let token = Token::random();
        let again = Token::parse(&token.text()).unwrap();
        assert_eq!(again.key(), token.key());
        assert_ne!(token.key(), Token::random().key());
        assert_ne!(token.key().text(), token.text());
        assert_eq!(Key::parse(&token.key().text()), Some(token.key()));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let token = Token::random().text();
        let long = "a".repeat(8192);
        for text in
            ["", "a", &token[1..], &format!("{token}A"), &format!("{}é", &token[2..]), &long]
        {
            assert!(Token::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn neither_shows_itself() {
        let token = Token::random();
        assert_eq!(format!("{token:?} {:?}", token.key()), "Token(…) Key(…)");
    }
}
