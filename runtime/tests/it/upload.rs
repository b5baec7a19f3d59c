//! Files in a request: each bad form gets its status, and nothing stays on the disk.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use kipo::{
    Action, Context, Error, Limits, OutputCache, Result, Upload, UploadHead, UploadSettings,
    UploadSink, UploadTo, action,
};
use serde_json::Value;
use tokio::time::sleep;

use crate::support::{Answer, TestApp};

/// What `Store` returns of a file.
#[kipo::data]
pub(crate) struct Stored {
    name: String,
    declared: Option<String>,
    sniffed: Option<String>,
    size: u64,
    sha256: String,
    text: String,
}

async fn of(file: &Upload) -> Result<Stored> {
    Ok(Stored {
        name: file.name().to_owned(),
        declared: file.declared_type().map(str::to_owned),
        sniffed: file.sniffed_type().map(str::to_owned),
        size: file.size(),
        sha256: file.sha256_hex().await?,
        text: String::from_utf8_lossy(&file.bytes(100).await?).into_owned(),
    })
}

/// Takes a title, a file, perhaps another, and any number of others.
#[action]
pub(crate) struct Keep {
    #[validate(length(min = 1))]
    title: String,
    #[validate(file(bytes_max = 2000))]
    main: Upload,
    extra: Option<Upload>,
    #[validate(length(max = 3))]
    others: Vec<Upload>,
}

impl Action for Keep {
    type Output = Vec<Stored>;

    const LIMITS: Limits = Limits::new()
        .file_bytes_max(3000)
        .upload_bytes_max(100_000)
        .body_bytes_max(10_000)
        .parts_max(20)
        .part_head_bytes_max(1000);

    async fn call(self, _cx: Context) -> Result<Vec<Stored>> {
        let mut stored = vec![of(&self.main).await?];
        for file in self.extra.iter().chain(&self.others) {
            stored.push(of(file).await?);
        }
        match self.title.as_str() {
            "fail" => Err(Error::conflict("as asked")),
            "panic" => panic!("as asked"),
            _ => Ok(stored),
        }
    }
}

/// Takes a picture.
#[action]
pub(crate) async fn show(
    #[validate(file(bytes_min = 1, types("image/*", "application/pdf")))] picture: Upload,
) -> Result<String> {
    Ok(picture.content_type().to_owned())
}

/// Says how often it has run.
#[action]
pub(crate) struct Measure {
    file: Upload,
}

impl Action for Measure {
    type Output = (u64, u32);

    const CACHE: OutputCache<Self> = OutputCache::for_secs(60).public();

    async fn call(self, _cx: Context) -> Result<(u64, u32)> {
        static RUN: AtomicU32 = AtomicU32::new(0);

        Ok((self.file.size(), RUN.fetch_add(1, Relaxed)))
    }
}

/// Moves a file.
#[action]
pub(crate) async fn move_to(path: String, file: Upload) -> Result<()> {
    file.save_to(path).await
}

/// Takes files that nobody has.
#[action(guard = Nobody)]
pub(crate) async fn guarded(file: Upload) -> Result<u64> {
    Ok(file.size())
}

pub(crate) struct Nobody;

#[kipo::async_trait]
impl kipo::Guard for Nobody {
    async fn admit(&self, _cx: &Context) -> Result<()> {
        Err(Error::unauthorized("sign in first"))
    }
}

/// A sink whose disk is full after some bytes.
pub(crate) struct Small(u64);

static ABORTED: AtomicU32 = AtomicU32::new(0);

impl UploadSink for Small {
    type Stored = u64;

    async fn begin(_cx: &Context, _file: &UploadHead) -> Result<Self> {
        Ok(Self(0))
    }

    async fn write(&mut self, bytes: bytes::Bytes) -> Result<()> {
        self.0 += bytes.len() as u64;
        match self.0 {
            ..=1_000_000 => Ok(()),
            _ => Err(Error::internal("no space left on device")),
        }
    }

    async fn finish(mut self) -> Result<u64> {
        Ok(std::mem::take(&mut self.0))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        if self.0 > 0 {
            ABORTED.fetch_add(1, Relaxed);
        }
    }
}

/// Sends a file to a sink, and finishes it only if it is asked to.
#[action]
pub(crate) async fn to_sink(is_wanted: bool, file: UploadTo<Small>) -> Result<u64> {
    match is_wanted {
        true => file.finish().await,
        false => Ok(0),
    }
}

/// An app with a folder of its own.
struct Uploads {
    app: TestApp,
    folder: PathBuf,
}

impl Uploads {
    async fn start() -> Self {
        Self::with(|settings| settings).await
    }

    async fn with(settings: impl FnOnce(UploadSettings) -> UploadSettings) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);

        let name =
            format!("kipo-test-uploads-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        let settings = settings(UploadSettings::new().folder(&folder));
        fs::create_dir_all(&folder).unwrap();
        let app = TestApp::with(|app| app.uploads(settings)).await;
        Self { app, folder }
    }

    async fn send(&self, action: &str, body: &[u8]) -> Answer {
        self.app.send(request(action, "multipart/form-data; boundary=b", body)).await
    }

    /// Returns the temporary files.
    fn left(&self) -> Vec<PathBuf> {
        let entries = |path: &Path| -> Vec<PathBuf> {
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let folders = entries(&self.folder).into_iter().filter(|path| path.is_dir());
        folders.flat_map(|folder| entries(&folder)).collect()
    }

    /// Waits until no temporary file is left.
    async fn is_empty(&self) {
        for _ in 0..500 {
            if self.left().is_empty() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.left());
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// Checks the status of a response, and returns its body.
trait Checked {
    fn of(&self, status: u16) -> Value;
}

impl Checked for Answer {
    #[track_caller]
    fn of(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }
}

fn request(action: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /_kipo/actions/upload.{action} HTTP/1.1\r\nhost: test\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    part(&format!("name=\"{name}\""), value.as_bytes())
}

fn file(name: &str, file_name: &str, content_type: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {content_type}");
    part(&head, content)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--b--\r\n"].concat()
}

fn one(title: &str, content: &[u8]) -> Vec<u8> {
    form(&[text("title", title), file("main", "a.txt", "text/plain", content)])
}

#[tokio::test]
async fn files_arrive_with_their_name_types_size_and_hash() {
    let uploads = Uploads::start().await;
    let body = form(&[
        file("others", "first.bin", "application/octet-stream", b""),
        text("title", "t"),
        file("main", "dir\\\\a\u{202e}.txt", "Text/Plain; charset=utf-8", b"abc"),
        file("extra", "", "application/octet-stream", b""),
        file("others", "b.png", "image/png", b"\x89PNG\r\n\x1a\n"),
    ]);
    let answer = uploads.send("Keep", &body).await;
    let stored = answer.of(200);
    assert_eq!(stored.as_array().unwrap().len(), 3, "{stored}");
    assert_eq!(stored[0]["name"], "a.txt");
    assert_eq!(stored[0]["declared"], "text/plain");
    assert_eq!(stored[0]["text"], "abc");
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(stored[0]["sha256"], sha256);
    assert_eq!((&stored[1]["name"], &stored[1]["size"]), (&"first.bin".into(), &0.into()));
    assert_eq!(stored[2]["sniffed"], "image/png");
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_cached_action_runs_once_for_files_with_the_same_bytes() {
    let uploads = Uploads::start().await;
    let measure = async |content: &[u8]| {
        let body = form(&[file("file", "a.txt", "text/plain", content)]);
        uploads.send("Measure", &body).await.of(200)
    };
    let first = measure(b"abc").await;
    assert_eq!(measure(b"abc").await, first);
    assert_ne!(measure(b"abd").await, first);
    uploads.is_empty().await;
}

#[tokio::test]
async fn no_file_stays_after_an_error_or_a_panic_of_the_action() {
    let uploads = Uploads::start().await;
    uploads.send("Keep", &one("fail", b"x")).await.problem(409, "conflict");
    uploads.is_empty().await;
    uploads.send("Keep", &one("panic", b"x")).await.problem(500, "internal");
    uploads.is_empty().await;
    let answer = uploads.send("Keep", &one("", b"x")).await;
    answer.problem(422, "validation_failed");
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_form_that_breaks_the_grammar_is_a_400() {
    let uploads = Uploads::start().await;
    let body = one("t", b"x");
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\u{7}",
    ] {
        let request = request("Keep", content_type, &body);
        uploads.app.send(request).await.problem(400, "bad_request");
    }
    let wrong = request("Keep", "multipart/form-data; boundary=other", &body);
    uploads.app.send(wrong).await.problem(400, "bad_request");
    for body in [&body[..body.len() - 8], b"", b"--b\r\n\r\nx\r\n--b--"] {
        uploads.send("Keep", body).await.problem(400, "bad_request");
    }
    uploads.is_empty().await;
}

#[tokio::test]
async fn each_limit_of_a_form_is_a_413_and_the_connection_goes_on() {
    let uploads = Uploads::start().await;
    let many: Vec<Vec<u8>> = (0..10_000).map(|_| text("title", "x")).collect();
    let head = format!("name=\"title\"\r\nx-long: {}", "y".repeat(1 << 20));
    let endless = [&file("main", "a", "text/plain", &[b'x'; 90_000])[..], &[b'x'; 90_000]].concat();
    let file_too_large = form(&[file("extra", "a", "text/plain", &[b'x'; 3001])]);
    let text_too_large = form(&[text("title", &"x".repeat(10_001))]);
    let bodies = [form(&many), form(&[part(&head, b"x")]), endless, file_too_large, text_too_large];
    for body in bodies {
        let mut client = uploads.app.connect().await;
        client.write(request("Keep", "multipart/form-data; boundary=b", &body)).await;
        client.answer().await.problem(413, "payload_too_large");
        uploads.is_empty().await;
        client.write(request("Keep", "multipart/form-data; boundary=b", &one("t", b"x"))).await;
        assert_eq!(client.answer().await.status, 200);
    }
    // Far too much is not read: the answer comes first.
    let mut client = uploads.app.connect().await;
    client
        .write(
            "POST /_kipo/actions/upload.Keep HTTP/1.1\r\nhost: test\r\n\
             content-type: multipart/form-data; boundary=b\r\ncontent-length: 9999999999\r\n\r\n",
        )
        .await;
    client.answer().await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_part_that_never_ends_is_stopped_at_the_limit() {
    let uploads = Uploads::start().await;
    let mut client = uploads.app.connect().await;
    client
        .write(
            "POST /_kipo/actions/upload.Keep HTTP/1.1\r\nhost: test\r\n\
             content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await;
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    client.write(chunk(&text("title", "t"))).await;
    client
        .write(chunk(b"--b\r\nContent-Disposition: form-data; name=main; filename=a\r\n\r\n"))
        .await;
    for _ in 0..20 {
        client.try_write(chunk(&[b'x'; 1 << 20])).await;
    }
    client.answer().await.problem(413, "payload_too_large");
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_file_that_breaks_a_rule_is_an_error_of_its_field() {
    let uploads = Uploads::start().await;
    let field = |answer: &Answer, name: &str| {
        answer.problem(422, "validation_failed");
        answer.of(422)["errors"][name][0].as_str().unwrap_or_default().to_owned()
    };
    let answer = uploads.send("Keep", &one("t", &[b'x'; 2001])).await;
    assert_eq!(field(&answer, "main"), "must be at most 2 KB");
    let four = (0..4).map(|_| file("others", "a", "text/plain", b"x"));
    let four: Vec<_> = four.chain([text("title", "t"), file("main", "a", "a/b", b"")]).collect();
    let answer = uploads.send("Keep", &form(&four)).await;
    assert_eq!(field(&answer, "others"), "must have at most 3 items");
    // None, none chosen, a text, and a file where a text is expected.
    let answer = uploads.send("Keep", &form(&[text("title", "t")])).await;
    assert_eq!(field(&answer, "main"), "is required");
    let none = form(&[text("title", "t"), file("main", "", "application/octet-stream", b"")]);
    assert_eq!(field(&uploads.send("Keep", &none).await, "main"), "is required");
    let answer = uploads.send("Keep", &form(&[text("main", "0"), text("title", "t")])).await;
    assert_eq!(field(&answer, "main"), "must be a file");
    let answer = uploads.send("Keep", &form(&[file("title", "a", "text/plain", b"t")])).await;
    assert_eq!(field(&answer, "title"), "must not be a file");
    let twice =
        form(&[text("title", "t"), file("main", "a", "a/b", b""), file("main", "a", "a/b", b"")]);
    assert_eq!(field(&uploads.send("Keep", &twice).await, "main"), "is not valid");
    uploads.is_empty().await;
}

#[tokio::test]
async fn no_text_of_another_encoding_is_a_file() {
    let uploads = Uploads::start().await;
    for (content_type, body) in [
        ("application/json", r#"{"title":"t","main":"0"}"#),
        ("application/x-www-form-urlencoded", "title=t&main=0"),
    ] {
        let answer = uploads.app.send(request("Keep", content_type, body.as_bytes())).await;
        assert_eq!(answer.of(422)["errors"]["main"][0], "must be a file", "{content_type}");
    }
}

#[tokio::test]
async fn a_type_that_lies_is_refused_where_a_rule_names_types() {
    let uploads = Uploads::start().await;
    let png = b"\x89PNG\r\n\x1a\n....";
    for (declared, content, expected) in [
        ("image/png", &png[..], 200),
        ("application/pdf", b"%PDF-1.7", 200),
        ("image/png", b"<script>alert(1)</script>", 422),
        ("image/png", b"MZ\x90\0", 422),
        ("image/png", b"no picture", 422),
        ("text/html", png, 422),
        ("image/png", b"", 422),
    ] {
        let body = form(&[file("picture", "a.png", declared, content)]);
        let answer = uploads.send("Show", &body).await;
        assert_eq!(answer.status, expected, "{declared} {content:?}");
    }
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_hostile_name_is_only_a_name() {
    let uploads = Uploads::start().await;
    let long = format!("{}.txt", "x".repeat(900));
    for (name, expected) in [
        ("../../../etc/passwd", "passwd"),
        ("a\0b.txt", "ab.txt"),
        ("a%22b.txt", "a\"b.txt"),
        ("a%0D%0Ab.txt", "ab.txt"),
        ("a\u{202e}\u{200f}b.txt", "ab.txt"),
        ("..", "file"),
        (&long, &long[long.len() - 255..]),
    ] {
        let body = form(&[text("title", "t"), file("main", name, "text/plain", b"x")]);
        let stored = uploads.send("Keep", &body).await.of(200);
        assert_eq!(stored[0]["name"], expected, "{name}");
    }
    // Its head is larger than the limit.
    let body = form(&[file("main", &"x".repeat(10_000), "text/plain", b"x")]);
    uploads.send("Keep", &body).await.problem(413, "payload_too_large");
    let name = format!("name=\"{}\"", "n/../\u{202e}".repeat(50));
    let body = [part(&name, b"x"), one("t", b"x")].concat();
    assert_eq!(uploads.send("Keep", &body).await.status, 200);
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_compressed_file_is_only_stored() {
    let uploads = Uploads::start().await;
    // 1 KB of a ZIP archive that would be far more.
    let bomb = [b"PK\x03\x04".as_slice(), &[0; 1000]].concat();
    let body = form(&[text("title", "t"), file("main", "bomb.zip", "application/zip", &bomb)]);
    // The test's action reads at most 100 bytes.
    uploads.send("Keep", &body).await.problem(413, "payload_too_large");
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_no_file() {
    let uploads = Uploads::start().await;
    let body = form(&[text("path", "/"), file("file", "a", "a/b", &[b'x'; 1 << 20])]);
    let request = request("MoveTo", "multipart/form-data; boundary=b", &body);
    let mut client = uploads.app.connect().await;
    client.write(&request[..request.len() / 2]).await;
    for _ in 0..500 {
        if !uploads.left().is_empty() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(uploads.left().len(), 1);
    drop(client);
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_saved_file_stays() {
    let uploads = Uploads::start().await;
    let content = vec![7; 3 << 20];
    let path = uploads.folder.join("saved");
    let body = form(&[text("path", path.to_str().unwrap()), file("file", "a", "a/b", &content)]);
    assert_eq!(uploads.send("MoveTo", &body).await.status, 204);
    assert!(fs::read(path).unwrap() == content);
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_guard_refuses_before_a_byte_is_stored() {
    let uploads = Uploads::start().await;
    let body = form(&[file("file", "a", "a/b", b"x")]);
    uploads.send("Guarded", &body).await.problem(401, "unauthorized");
    assert_eq!(fs::read_dir(&uploads.folder).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sink_that_fails_or_is_not_finished_is_aborted() {
    let uploads = Uploads::start().await;
    let send = async |is_wanted, bytes: usize| {
        let body = form(&[text("is_wanted", is_wanted), file("file", "a", "a/b", &vec![1; bytes])]);
        uploads.send("ToSink", &body).await
    };
    assert_eq!(send("true", 900_000).await.of(200), 900_000);
    assert_eq!(ABORTED.load(Relaxed), 0);
    assert_eq!(send("false", 900_000).await.of(200), 0);
    assert_eq!(ABORTED.load(Relaxed), 1);
    // Its disk is full.
    send("true", 2_000_000).await.problem(500, "internal");
    assert_eq!(ABORTED.load(Relaxed), 2);
    // A field is wrong.
    send("perhaps", 900_000).await.problem(422, "validation_failed");
    assert_eq!(ABORTED.load(Relaxed), 3);
    assert!(uploads.left().is_empty());
}

#[tokio::test]
async fn uploads_beyond_the_quota_are_refused_before_a_byte_is_stored() {
    let uploads = Uploads::with(|settings| settings.bytes_max(5000)).await;
    uploads.send("Keep", &one("t", b"x")).await.of(200);
    let body = one("t", &[b'x'; 6000]);
    let answer = uploads.send("Keep", &body).await;
    answer.problem(503, "overloaded");
    assert_eq!(answer.header("retry-after"), Some("5"));
    uploads.send("Keep", &one("t", b"x")).await.of(200);
    let uploads = Uploads::with(|settings| settings.bytes_per_caller_max(5000)).await;
    uploads.send("Keep", &body).await.problem(429, "too_many_requests");
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_disk_that_is_full_is_a_500() {
    let uploads = Uploads::with(|settings| settings.folder("/dev/null/uploads")).await;
    uploads.send("Keep", &one("t", b"x")).await.problem(500, "internal");
}
