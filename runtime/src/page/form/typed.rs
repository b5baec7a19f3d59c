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

use crate::{
    error::{Code, Error, Result},
    request::{
        decode::{Event, FormEncoding, Parser},
        within,
    },
};

/// The most text that a page shows again. A longer one is not shown.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The longest head of a part.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How much of a body is read that the action did not read.
const REST_BYTES_MAX: usize = 256 << 10;

/// How long that may take.
const REST_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns how the body of a form is encoded.
///
/// # Errors
///
/// A 415 for anything that no form of ours sends, and a 400 without a boundary.
pub(super) fn encoding(headers: &HeaderMap) -> Result<FormEncoding> {
    let unsupported = |sentence: &'static str| Error::new(Code::UnsupportedMediaType, sentence);
    let refused = || {
        unsupported("a form is sent as application/x-www-form-urlencoded or as multipart/form-data")
    };
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(refused)?;
    let mut parts = value.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase());
    let charset = parts.find_map(|part| part.strip_prefix("charset=").map(str::to_owned));
    let charset = charset.as_deref().map(|charset| charset.trim_matches('"'));
    if charset.is_some_and(|charset| charset != "utf-8" && charset != "utf8") {
        return Err(unsupported("a form is sent in UTF-8"));
    }
    FormEncoding::of(value)?.ok_or_else(refused)
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
    pub(super) fn of(encoding: &FormEncoding, body: Body) -> (Body, Self) {
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
            std::mem::replace(&mut copying.copy, Copy::new(&FormEncoding::UrlEncoded))
        };
        copy.pairs()
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
    form: Form,
    /// How much text it has.
    bytes: usize,
    /// Whether the text is too long, or no form.
    is_dropped: bool,
}

enum Form {
    UrlEncoded(Vec<u8>),
    Multipart { parser: Box<Parser>, pairs: Vec<(String, Vec<u8>)>, is_in_file: bool },
}

impl Copy {
    fn new(encoding: &FormEncoding) -> Self {
        let form = match encoding {
            FormEncoding::UrlEncoded => Form::UrlEncoded(Vec::new()),
            FormEncoding::Multipart(boundary) => Form::Multipart {
                parser: Box::new(Parser::new(boundary, HEAD_BYTES_MAX)),
                pairs: Vec::new(),
                is_in_file: false,
            },
        };
        Self { form, bytes: 0, is_dropped: false }
    }

    fn add(&mut self, data: &Bytes) {
        if !self.is_dropped && self.read(data).is_none_or(|bytes| bytes > TEXT_BYTES_MAX) {
            *self = Self { is_dropped: true, ..Self::new(&FormEncoding::UrlEncoded) };
        }
    }

    /// Takes the next piece, and returns how much text there is; `None` if the body is no form.
    fn read(&mut self, data: &Bytes) -> Option<usize> {
        match &mut self.form {
            Form::UrlEncoded(text) => {
                text.extend_from_slice(data);
                self.bytes += data.len();
            }
            Form::Multipart { parser, pairs, is_in_file } => {
                parser.feed(data.clone());
                while let Some(event) = parser.next().ok()? {
                    match event {
                        Event::Part(head) => {
                            *is_in_file = head.file_name.is_some();
                            self.bytes += head.name.len();
                            if !*is_in_file {
                                pairs.push((head.name, Vec::new()));
                            }
                        }
                        Event::Data(data) if !*is_in_file => {
                            self.bytes += data.len();
                            pairs.last_mut()?.1.extend_from_slice(&data);
                        }
                        Event::Data(_) | Event::PartEnd | Event::End => {}
                    }
                }
            }
        }
        Some(self.bytes)
    }

    fn pairs(self) -> Vec<(String, String)> {
        match self.form {
            Form::UrlEncoded(text) => serde_html_form::from_bytes(&text).unwrap_or_default(),
            Form::Multipart { pairs, .. } => {
                let text = |value: Vec<u8>| String::from_utf8(value).unwrap_or_default();
                pairs.into_iter().map(|(name, value)| (name, text(value))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--b\r\n\
                        Content-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\
                        Content-Type: text/plain\r\n\r\nbytes \r\n\r\n of a file\r\n--b\r\n\
                        Content-Disposition: form-data; name=\"c\"\r\n\r\n\r\n--b--\r\n";

    fn copy() -> Copy {
        Copy::new(&FormEncoding::Multipart("b".to_owned()))
    }

    #[test]
    fn the_text_is_copied_and_the_content_of_a_file_is_not() {
        for size in [1, 2, 3, 7, 50, BODY.len()] {
            let mut copy = copy();
            for piece in BODY.as_bytes().chunks(size) {
                copy.add(&Bytes::from_static(piece));
            }
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            assert_eq!(copy.bytes, "aone\r\ntwofc".len());
            assert_eq!(copy.pairs(), [pair("a", "one\r\ntwo"), pair("c", "")], "{size}");
        }
    }

    #[test]
    fn a_large_file_takes_no_memory() {
        let mut copy = copy();
        copy.add(&Bytes::from_static(&BODY.as_bytes()[..BODY.find("bytes").unwrap()]));
        for _ in 0..1000 {
            copy.add(&Bytes::from_static(&[b'-'; 4096]));
        }
        assert!(copy.bytes < 20);
        copy.add(&Bytes::from_static(b"\r\n--b--\r\n"));
        assert_eq!(copy.pairs().len(), 1);
    }

    #[test]
    fn a_text_that_is_too_long_or_no_form_is_dropped() {
        let mut long = Copy::new(&FormEncoding::UrlEncoded);
        for _ in 0..=16 {
            long.add(&Bytes::from_static(&[b'a'; 1 << 16]));
        }
        assert!(long.is_dropped && long.pairs().is_empty());
        let mut broken = copy();
        broken.add(&Bytes::from_static(b"--b\r\nname\r\n\r\n"));
        broken.add(&Bytes::from_static(b"a=b"));
        assert!(broken.is_dropped && broken.pairs().is_empty());
    }

    #[test]
    fn only_the_encodings_of_a_form_are_read() {
        let status = |content_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            encoding(&headers).map_or_else(|error| error.status().as_u16(), |_| 200)
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
        assert!(encoding(&HeaderMap::new()).is_err());
    }
}
