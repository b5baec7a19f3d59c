//! A file as the output of an action, or as the response of a route of the app's own.

use std::{
    fmt,
    io::SeekFrom,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use crate::{
    error::{Error, Result},
    header::{entity_tag, range::Part},
};

/// How much of a file is in memory while it is sent.
const PIECE_BYTES: usize = 64 << 10;

/// Types that a browser would run as part of the app if it showed them.
const ACTIVE: &[&str] = &["html", "xml", "svg", "javascript"];

/// A file as the output of an action: the client gets it as a `Blob`, and a link to an action with
/// `method = "GET"` downloads it.
///
/// The response has `Content-Disposition` (RFC 6266), `X-Content-Type-Options: nosniff`, and for a path and
/// for bytes an `ETag` and ranges: a download that broke off goes on, and a player can seek. By default the
/// browser saves the file; [`inline`](Self::inline) lets it show the file.
///
/// A route of the app's own answers with [`respond`](Self::respond). An action with a
/// [`CACHE`](crate::Action::CACHE) cannot return it, and neither can a stream or a part of a batch.
///
/// # Examples
///
/// ```standalone_crate
/// use kipo::{Download, Error, Result, action, http, testing::{self, json}};
///
/// /// Downloads a report.
/// #[action(method = "GET")]
/// async fn report(year: u16) -> Result<Download> {
///     if year < 2020 {
///         return Err(Error::not_found("there is no report of that year"));
///     }
///     Ok(Download::bytes(format!("year,sum\n{year},7\n")).name(format!("Umsätze {year}.csv")))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let app = testing::App::start(kipo::App::new()).await;
/// let report = app.call::<Report>(json!({ "year": 2026 })).await;
/// assert_eq!(report.text(), "year,sum\n2026,7\n");
/// assert_eq!(report.header("content-type"), Some("text/csv"));
/// assert_eq!(
///     report.header("content-disposition"),
///     Some("attachment; filename=\"Ums_tze 2026.csv\"; filename*=UTF-8''Ums%C3%A4tze%202026.csv"),
/// );
///
/// let part = app.client().with_header("range", "bytes=0-3");
/// let part = part.call::<Report>(json!({ "year": 2026 })).await;
/// assert_eq!((part.status(), part.text()), (http::StatusCode::PARTIAL_CONTENT, "year"));
/// # });
/// ```
#[derive(Clone)]
pub struct Download {
    source: Source,
    name: Option<String>,
    content_type: Option<String>,
    length: Option<u64>,
    is_inline: bool,
}

#[derive(Clone)]
enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    /// A std lock, never held across an `.await`. `None` once it is sent.
    Reader(Arc<Mutex<Option<Box<dyn AsyncRead + Send + Unpin>>>>),
}

impl Download {
    /// Returns a file on the disk, which is opened when the response begins. A path without a file is a
    /// 404. Its name is the last part of the path, unless [`name`](Self::name) sets another.
    ///
    /// The path is one that the app chooses: a part of it that a caller chooses may lead out of a folder.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use kipo::{Download, http::{HeaderMap, Method}};
    ///
    /// let missing = Download::path("no/such/file.pdf");
    /// let error = missing.respond(&Method::GET, &HeaderMap::new()).await.unwrap_err();
    /// assert_eq!(error.code(), kipo::Code::NotFound);
    /// # });
    /// ```
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { name, ..Self::of(Source::Path(path)) }
    }

    /// Returns bytes that are in memory.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::of(Source::Bytes(bytes.into()))
    }

    /// Returns what a reader reads while it is sent, such as an object of a store or an archive that is
    /// written meanwhile. It has no ranges and no `ETag`. It is sent once.
    ///
    /// ```
    /// let download = kipo::Download::reader(std::io::Cursor::new("abc")).length(3);
    /// # let _ = download;
    /// ```
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::of(Source::Reader(Arc::new(Mutex::new(Some(Box::new(reader))))))
    }

    fn of(source: Source) -> Self {
        Self { source, name: None, content_type: None, length: None, is_inline: false }
    }

    /// Sets the name under which the browser saves the file. It may have any characters.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the `Content-Type`. By default the suffix of the name decides.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Sets the length of what a [`reader`](Self::reader) reads, if it is known: the browser then shows the
    /// progress. It must be right.
    #[must_use]
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// Lets the browser show the file instead of saving it. HTML, XML and SVG get
    /// `Content-Security-Policy: sandbox`, so a file of a stranger cannot act in the name of the visitor.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use kipo::{Download, http::{HeaderMap, Method}};
    ///
    /// let page = Download::bytes("<script>alert(1)</script>").name("a.html").inline();
    /// let response = page.respond(&Method::GET, &HeaderMap::new()).await.unwrap();
    /// assert_eq!(response.headers()["content-security-policy"], "sandbox");
    /// # });
    /// ```
    #[must_use]
    pub fn inline(mut self) -> Self {
        self.is_inline = true;
        self
    }

    /// Returns the response to a request with this method and these fields: a 200, a part (206), a 304, a
    /// 412 or a 416. For a route of the app's own; for an action, Kipo calls it.
    ///
    /// # Errors
    ///
    /// Returns a 404 if there is no file at the path, and an internal error if it cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, response::Response, routing::get};
    /// use kipo::{Download, Result, http::{HeaderMap, Method}};
    ///
    /// async fn logo(method: Method, headers: HeaderMap) -> Result<Response> {
    ///     Download::bytes(&b"GIF89a"[..]).name("logo.gif").inline().respond(&method, &headers).await
    /// }
    ///
    /// let routes: Router = Router::new().route("/logo", get(logo));
    /// let _app = kipo::App::new().routes(routes);
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let response = logo(Method::GET, HeaderMap::new()).await.unwrap();
    /// assert_eq!(response.headers()["content-type"], "image/gif");
    /// # });
    /// ```
    pub async fn respond(&self, method: &Method, headers: &HeaderMap) -> Result<Response> {
        let (length, etag, file) = match &self.source {
            Source::Path(path) => {
                let not_found = |error: std::io::Error| match error.kind() {
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                        Error::not_found("there is no such file").with_source(error)
                    }
                    _ => Error::internal(error),
                };
                let file = tokio::fs::File::open(path).await.map_err(not_found)?;
                let metadata = file.metadata().await?;
                if !metadata.is_file() {
                    return Err(Error::not_found("there is no such file"));
                }
                let modified = metadata.modified().ok();
                let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let nanos = since.unwrap_or_default().as_nanos();
                let etag = format!("\"{nanos:x}-{:x}\"", metadata.len());
                (Some(metadata.len()), Some(etag), Some(file))
            }
            Source::Bytes(bytes) => {
                let etag = format!("\"{:032x}\"", xxhash_rust::xxh3::xxh3_128(bytes));
                (Some(bytes.len() as u64), Some(etag), None)
            }
            Source::Reader(_) => (self.length, None, None),
        };
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let status = etag.as_deref().filter(|_| is_read).and_then(|etag| condition(headers, etag));
        if let Some(status) = status {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            insert(response.headers_mut(), header::ETAG, etag.as_deref().unwrap_or_default());
            response.headers_mut().insert(header::CACHE_CONTROL, PRIVATE);
            return Ok(response);
        }
        let part = match (&etag, length) {
            (Some(etag), Some(length)) if *method == Method::GET => {
                Part::asked(headers, length, etag)
            }
            _ => Part::Whole,
        };
        let (status, start, sent) = match (part, length) {
            (Part::Beyond, length) => return Ok(beyond(length.unwrap_or_default())),
            (Part::Bytes { start, end }, _) => {
                (StatusCode::PARTIAL_CONTENT, start, Some(end - start))
            }
            (Part::Whole, length) => (StatusCode::OK, 0, length),
        };
        let body = match *method == Method::HEAD {
            true => Body::empty(),
            false => self.body(file, start, sent).await?,
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        self.describe(headers);
        if let Some(etag) = &etag {
            insert(headers, header::ETAG, etag);
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if let Some(sent) = sent {
            headers.insert(header::CONTENT_LENGTH, sent.into());
        }
        if let (Part::Bytes { start, end }, Some(length)) = (part, length) {
            let range = format!("bytes {start}-{}/{length}", end - 1);
            insert(headers, header::CONTENT_RANGE, &range);
        }
        Ok(response)
    }

    /// Returns the bytes from `start` on.
    async fn body(
        &self,
        file: Option<tokio::fs::File>,
        start: u64,
        sent: Option<u64>,
    ) -> Result<Body> {
        match &self.source {
            Source::Path(_) => {
                let mut file = file.ok_or_else(|| Error::internal("the file is not open"))?;
                file.seek(SeekFrom::Start(start)).await?;
                let file = file.take(sent.unwrap_or(u64::MAX));
                Ok(Body::from_stream(ReaderStream::with_capacity(file, PIECE_BYTES)))
            }
            // What is in memory has no more bytes than a `usize` counts.
            Source::Bytes(bytes) => Ok(Body::from(match sent {
                Some(sent) => bytes.slice(start as usize..(start + sent) as usize),
                None => bytes.clone(),
            })),
            Source::Reader(reader) => {
                let reader = reader.lock().unwrap_or_else(PoisonError::into_inner).take();
                let reader = reader.ok_or_else(|| Error::internal("the reader is sent once"))?;
                Ok(Body::from_stream(ReaderStream::with_capacity(reader, PIECE_BYTES)))
            }
        }
    }

    fn describe(&self, headers: &mut HeaderMap) {
        let content_type = match &self.content_type {
            Some(content_type) => content_type.clone(),
            None => {
                let name = self.name.as_deref().unwrap_or_default();
                mime_guess::from_path(name).first_or_octet_stream().to_string()
            }
        };
        let is_active = ACTIVE.iter().any(|kind| content_type.contains(kind));
        if self.is_inline && is_active {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        }
        let content_type = HeaderValue::try_from(content_type);
        let content_type = content_type.unwrap_or(HeaderValue::from_static(OCTETS));
        headers.insert(header::CONTENT_TYPE, content_type);
        let kind = if self.is_inline { "inline" } else { "attachment" };
        insert(headers, header::CONTENT_DISPOSITION, &disposition(kind, self.name.as_deref()));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, PRIVATE);
    }
}

const OCTETS: &str = "application/octet-stream";

/// The client alone retains the file, and asks each time whether it has changed.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Returns the status that takes the place of the content, if the request has conditions that are not met.
/// (RFC 9110, section 13.2.2)
fn condition(headers: &HeaderMap, etag: &str) -> Option<StatusCode> {
    if headers.contains_key(header::IF_MATCH)
        && !entity_tag::names(headers, &header::IF_MATCH, etag.as_bytes())
    {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let is_fresh = entity_tag::names_weakly(headers, &header::IF_NONE_MATCH, etag.as_bytes());
    is_fresh.then_some(StatusCode::NOT_MODIFIED)
}

/// Responds to a request for bytes that are not there.
fn beyond(length: u64) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Writes `attachment; filename="a.txt"`, and a name with other characters once more for browsers that know
/// RFC 8187: all of today.
fn disposition(kind: &str, name: Option<&str>) -> String {
    let name = name.map(|name| name.chars().filter(|char| !char.is_control()).collect::<String>());
    let Some(name) = name.filter(|name| !name.is_empty()) else { return kind.to_owned() };
    // A quoted name must not need an escape: clients read escapes in different ways.
    let is_plain =
        |char: char| matches!(char, ' '..='~') && !matches!(char, '"' | '\\' | '%' | '/');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    let mut extended = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                extended.push(char::from(byte));
            }
            byte => extended.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_for_every_client_and_breaks_no_header() {
        for (name, expected) in [
            ("a b.txt", r#"attachment; filename="a b.txt""#),
            ("a\"b\\c.txt", r#"attachment; filename="a_b_c.txt"; filename*=UTF-8''a%22b%5Cc.txt"#),
            ("é%.txt", r#"attachment; filename="__.txt"; filename*=UTF-8''%C3%A9%25.txt"#),
            ("a\r\nSet-Cookie: x=1", r#"attachment; filename="aSet-Cookie: x=1""#),
            ("", "attachment"),
        ] {
            assert_eq!(disposition("attachment", Some(name)), expected);
        }
        assert_eq!(disposition("inline", None), "inline");
    }

    async fn answer(
        download: &Download,
        method: &Method,
        fields: &[(&'static str, &str)],
    ) -> (u16, HeaderMap, Bytes) {
        let fields = fields.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        let response = download.respond(method, &fields.collect()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1000).await.unwrap();
        (head.status.as_u16(), head.headers, body)
    }

    async fn check_ranges(download: &Download) {
        let get = &Method::GET;
        let (status, headers, body) = answer(download, get, &[]).await;
        assert_eq!((status, &body[..]), (200, &b"0123456789"[..]));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["accept-ranges"], "bytes");
        let etag = headers["etag"].to_str().unwrap().to_owned();

        let (status, headers, body) = answer(download, get, &[("range", "bytes=2-4")]).await;
        assert_eq!((status, &body[..]), (206, &b"234"[..]));
        assert_eq!(headers["content-range"], "bytes 2-4/10");
        assert_eq!(headers["content-length"], "3");

        let same = [("range", "bytes=2-4"), ("if-range", etag.as_str())];
        assert_eq!(answer(download, get, &same).await.0, 206);
        let other = [("range", "bytes=2-4"), ("if-range", "\"other\"")];
        assert_eq!(answer(download, get, &other).await.0, 200);

        let (status, headers, _) = answer(download, get, &[("range", "bytes=10-")]).await;
        assert_eq!(
            (status, &headers["content-range"]),
            (416, &HeaderValue::from_static("bytes */10"))
        );

        let (status, _, body) = answer(download, get, &[("if-none-match", &etag)]).await;
        assert_eq!((status, body.len()), (304, 0));
        assert_eq!(answer(download, get, &[("if-match", "\"other\"")]).await.0, 412);

        let (status, headers, body) =
            answer(download, &Method::HEAD, &[("range", "bytes=2-4")]).await;
        assert_eq!(
            (status, body.len(), &headers["content-length"]),
            (200, 0, &HeaderValue::from(10))
        );
    }

    #[tokio::test]
    async fn a_file_and_bytes_have_ranges_and_conditions() {
        let bytes = Download::bytes("0123456789").name("a.txt");
        check_ranges(&bytes).await;
        let path = std::env::temp_dir().join(format!("kipo-download-{}.txt", std::process::id()));
        std::fs::write(&path, "0123456789").unwrap();
        let file = Download::path(&path);
        check_ranges(&file).await;
        let (_, headers, _) = answer(&file, &Method::GET, &[]).await;
        assert_eq!(headers["content-type"], "text/plain");
        std::fs::remove_file(path).unwrap();
        let error = file.respond(&Method::GET, &HeaderMap::new()).await.unwrap_err();
        assert_eq!(error.code(), crate::error::Code::NotFound);
        let folder = Download::path(std::env::temp_dir());
        assert!(folder.respond(&Method::GET, &HeaderMap::new()).await.is_err());
    }

    #[tokio::test]
    async fn a_reader_is_sent_once_and_whole() {
        let download = Download::reader(&b"0123456789"[..]).length(10);
        let range = [("range", "bytes=2-4")];
        let (status, headers, body) = answer(&download, &Method::GET, &range).await;
        assert_eq!((status, &body[..]), (200, &b"0123456789"[..]));
        assert!(!headers.contains_key("accept-ranges") && !headers.contains_key("etag"));
        assert!(download.respond(&Method::GET, &HeaderMap::new()).await.is_err());
    }
}
