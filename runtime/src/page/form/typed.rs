//! What was typed into a form: a copy of its body, made as the action reads it.
//!
//! The action decodes the body by itself, with its own limits. The copy has the text of the controls and
//! never the content of a file, so an upload takes no more memory for it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use memchr::memmem;

use crate::{
    error::{Code, Error, Result},
    request::within,
};

/// The most text that a page shows again. A longer one is not shown.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// How much of a body is read that the action did not read.
const REST_BYTES_MAX: usize = 256 << 10;

/// How long that may take.
const REST_TIMEOUT: Duration = Duration::from_secs(5);

/// How a form is encoded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Encoding {
    UrlEncoded,
    /// With its boundary.
    Multipart(String),
}

impl Encoding {
    /// Returns how the body of a form is encoded.
    ///
    /// # Errors
    ///
    /// A 415 for anything that no form of ours sends, and a 400 without a boundary.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self> {
        let unsupported = |sentence: &'static str| Error::new(Code::UnsupportedMediaType, sentence);
        let refused = || {
            unsupported(
                "a form is sent as application/x-www-form-urlencoded or as multipart/form-data",
            )
        };
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let value = value.ok_or_else(refused)?;
        let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
        let essence = parts.next().unwrap_or_default();
        let charset = parts.find_map(|part| part.strip_prefix("charset=").map(str::to_owned));
        let charset = charset.as_deref().map(|charset| charset.trim_matches('"'));
        if charset.is_some_and(|charset| charset != "utf-8" && charset != "utf8") {
            return Err(unsupported("a form is sent in UTF-8"));
        }
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Ok(Self::UrlEncoded),
            "multipart/form-data" => multer::parse_boundary(value)
                .map(Self::Multipart)
                .map_err(|_| Error::bad_request("the multipart body has no boundary")),
            _ => Err(refused()),
        }
    }
}

/// The copy, which the body fills.
#[derive(Clone)]
pub(super) struct Typed(Arc<Mutex<Copying>>);

struct Copying {
    body: Body,
    copy: Copy,
}

impl Typed {
    /// Returns a body that is read as before, and what it leaves a copy of its text in.
    pub(super) fn of(encoding: Encoding, body: Body) -> (Body, Self) {
        let copy = Copy::new(encoding);
        let typed = Self(Arc::new(Mutex::new(Copying { body, copy })));
        (Body::new(Copied(typed.clone())), typed)
    }

    /// Returns the pairs of the form. What the action did not read is read first, if it is short: an
    /// action that refuses its caller reads nothing, and the caller would lose what was typed.
    pub(super) async fn pairs(self) -> Vec<(String, String)> {
        let rest = async {
            let mut left = REST_BYTES_MAX;
            let mut body = Copied(self.clone());
            loop {
                let next = std::future::poll_fn(|task| {
                    http_body::Body::poll_frame(Pin::new(&mut body), task)
                });
                let Some(Ok(frame)) = next.await else { break };
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = left.checked_sub(bytes) else { break };
                left = less;
            }
        };
        let _ = within(REST_TIMEOUT, rest).await;
        let copy = {
            let mut copying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut copying.copy, Copy::new(Encoding::UrlEncoded))
        };
        copy.pairs().await
    }
}

/// A body that leaves a copy of its text.
struct Copied(Typed);

impl http_body::Body for Copied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut copying = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = ready!(Pin::new(&mut copying.body).poll_frame(task));
        if let Some(Ok(frame)) = &next
            && let Some(data) = frame.data_ref()
        {
            copying.copy.add(data);
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).body.size_hint()
    }
}

/// The text of a form, without the contents of its files.
struct Copy {
    encoding: Encoding,
    text: Vec<u8>,
    /// What arrived and is not in the text: the content of a file up to here, or a part whose head is not
    /// complete.
    pending: Vec<u8>,
    is_in_file: bool,
    is_too_long: bool,
}

impl Copy {
    const fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            text: Vec::new(),
            pending: Vec::new(),
            is_in_file: false,
            is_too_long: false,
        }
    }

    fn add(&mut self, data: &[u8]) {
        if self.is_too_long {
            return;
        }
        match &self.encoding {
            Encoding::UrlEncoded => self.text.extend_from_slice(data),
            Encoding::Multipart(boundary) => {
                let delimiter = format!("--{boundary}");
                self.pending.extend_from_slice(data);
                self.take_parts(delimiter.as_bytes());
            }
        }
        if self.text.len() + self.pending.len() > TEXT_BYTES_MAX {
            (self.text, self.pending) = (Vec::new(), Vec::new());
            self.is_too_long = true;
        }
    }

    /// Moves whole parts into the text, and drops the contents of files.
    fn take_parts(&mut self, delimiter: &[u8]) {
        loop {
            if self.is_in_file {
                match memmem::find(&self.pending, delimiter) {
                    Some(at) => {
                        self.pending.drain(..at);
                        self.text.extend_from_slice(b"\r\n");
                        self.is_in_file = false;
                    }
                    None => {
                        // The end of what arrived may be the start of a delimiter.
                        let kept = self.pending.len().min(delimiter.len() - 1);
                        self.pending.drain(..self.pending.len() - kept);
                        return;
                    }
                }
            }
            // A part is its delimiter, its head and its content, up to the next delimiter.
            let Some(head) = memmem::find(&self.pending, b"\r\n\r\n") else { return };
            if has_file(&self.pending[..head]) {
                self.text.extend_from_slice(&self.pending[..head + 4]);
                self.pending.drain(..head + 4);
                self.is_in_file = true;
                continue;
            }
            let Some(end) = memmem::find(&self.pending[head + 2..], delimiter) else { return };
            let end = head + 2 + end;
            self.text.extend_from_slice(&self.pending[..end]);
            self.pending.drain(..end);
        }
    }

    /// Returns the pairs; none if the text is too long or no form.
    async fn pairs(mut self) -> Vec<(String, String)> {
        if self.is_too_long {
            return Vec::new();
        }
        let boundary = match self.encoding {
            Encoding::UrlEncoded => {
                return serde_html_form::from_bytes(&self.text).unwrap_or_default();
            }
            Encoding::Multipart(boundary) => boundary,
        };
        if !self.is_in_file {
            self.text.append(&mut self.pending);
        }
        let body = Body::from(self.text).into_data_stream();
        let mut parts = multer::Multipart::new(body, boundary);
        let mut pairs = Vec::new();
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let Ok(text) = part.text().await else { break };
            if !is_file {
                pairs.push((name, text));
            }
        }
        pairs
    }
}

/// Returns whether the head of a part names a file.
fn has_file(head: &[u8]) -> bool {
    let head = head.to_ascii_lowercase();
    memmem::find(&head, b"filename").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pairs(
        encoding: Encoding,
        pieces: impl Iterator<Item = &[u8]>,
    ) -> Vec<(String, String)> {
        let mut copy = Copy::new(encoding);
        for piece in pieces {
            copy.add(piece);
        }
        copy.pairs().await
    }

    const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--b\r\n\
                        Content-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\
                        Content-Type: text/plain\r\n\r\nsecret -- bytes \r\n\r\n of a file\r\n--b\r\n\
                        Content-Disposition: form-data; name=\"c\"\r\n\r\n\r\n--b--\r\n";

    #[tokio::test]
    async fn the_text_is_copied_and_the_content_of_a_file_is_not() {
        let encoding = Encoding::Multipart("b".to_owned());
        for size in [1, 2, 3, 7, 50, BODY.len()] {
            let found = pairs(encoding.clone(), BODY.as_bytes().chunks(size)).await;
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            assert_eq!(found, [pair("a", "one\r\ntwo"), pair("c", "")], "{size}");
        }
        let mut copy = Copy::new(encoding);
        copy.add(BODY.as_bytes());
        assert!(memmem::find(&copy.text, b"secret").is_none());
    }

    #[tokio::test]
    async fn a_large_file_takes_no_memory() {
        let mut copy = Copy::new(Encoding::Multipart("b".to_owned()));
        copy.add(&BODY.as_bytes()[..BODY.find("secret").unwrap()]);
        for _ in 0..1000 {
            copy.add(&[b'-'; 4096]);
            assert!(copy.pending.len() < 8 && copy.text.len() < 300);
        }
        copy.add(b"\r\n--b--\r\n");
        assert_eq!(copy.pairs().await.len(), 1);
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_is_dropped() {
        let piece = [b'a'; 1 << 16];
        let mut copy = Copy::new(Encoding::UrlEncoded);
        for _ in 0..=16 {
            copy.add(&piece);
        }
        assert!(copy.text.is_empty() && copy.pairs().await.is_empty());
    }

    #[test]
    fn only_the_encodings_of_a_form_are_read() {
        let status = |content_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            Encoding::of(&headers).map_or_else(|error| error.status().as_u16(), |_| 200)
        };
        for (content_type, expected) in [
            ("application/x-www-form-urlencoded", 200),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", 200),
            ("application/x-www-form-urlencoded; charset=\"utf-8\"", 200),
            ("application/x-www-form-urlencoded; charset=iso-8859-1", 415),
            ("multipart/form-data; boundary=b", 200),
            ("multipart/form-data", 400),
            ("text/plain", 415),
            ("application/json", 415),
            ("", 415),
        ] {
            assert_eq!(status(content_type), expected, "{content_type}");
        }
        assert!(Encoding::of(&HeaderMap::new()).is_err());
    }
}
