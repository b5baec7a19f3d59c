//! Uploads that go on: the requests of tus 1.0, each bad one with its status, and the call that takes the
//! file. Nothing stays on the disk.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kipo::{
    Action, Context, Error, Limits, Result, Session, Upload, UploadHead, UploadSettings,
    UploadSink, UploadTo, action,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::{
    support::{Answer, Client, Folder, TestApp, post},
    upload::Nobody,
};

/// How often `Take` has succeeded with the title `once`.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Takes a file, and says what it is.
#[action]
pub(crate) struct Take {
    #[validate(length(min = 1))]
    title: String,
    #[validate(file(bytes_max = 2_000_000, types("text/*", "image/png")))]
    file: Upload,
    others: Vec<Upload>,
}

impl Action for Take {
    type Output = String;

    const LIMITS: Limits = Limits::new().file_bytes_max(3_000_000).upload_bytes_max(4_000_000);

    async fn call(self, cx: Context) -> Result<String> {
        match self.title.as_str() {
            "fail" => return Err(Error::conflict("as asked")),
            "panic" => panic!("as asked"),
            "once" => _ = TAKEN.fetch_add(1, Relaxed),
            "move" => {
                let path = std::env::temp_dir().join(cx.request_id().to_string());
                let hash = self.file.sha256_hex().await?;
                self.file.save_to(&path).await?;
                let is_whole = hash == hex(&fs::read(&path)?);
                fs::remove_file(&path)?;
                return Ok(is_whole.to_string());
            }
            _ => {}
        }
        let others: u64 = self.others.iter().map(Upload::size).sum();
        let file = &self.file;
        Ok(format!("{} {} {} {others}", file.name(), file.size(), file.sha256_hex().await?))
    }
}

/// Takes a file of a member.
#[action(guard = Nobody)]
pub(crate) async fn guarded(file: Upload) -> Result<u64> {
    Ok(file.size())
}

/// Begins a session.
#[action]
pub(crate) async fn enter(#[context] session: Session<u32>) -> Result<()> {
    session.update(|visits| *visits += 1).await
}

/// Counts what arrives.
pub(crate) struct Count(u64);

impl UploadSink for Count {
    type Stored = u64;

    async fn begin(_cx: &Context, _file: &UploadHead) -> Result<Self> {
        Ok(Self(0))
    }

    async fn write(&mut self, bytes: bytes::Bytes) -> Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    async fn finish(self) -> Result<u64> {
        Ok(self.0)
    }
}

/// Sends a file to a sink.
#[action]
pub(crate) async fn to_sink(file: UploadTo<Count>) -> Result<u64> {
    file.finish().await
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An app with a folder of its own.
struct Uploads {
    app: TestApp,
    folder: Folder,
}

impl Uploads {
    async fn start() -> Self {
        Self::with(Folder::new(), |settings| settings).await
    }

    async fn with(folder: Folder, set: impl FnOnce(UploadSettings) -> UploadSettings) -> Self {
        let settings = set(UploadSettings::new().folder(folder.path()));
        let app = TestApp::with(|app| app.uploads(settings)).await;
        Self { app, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("resumable")
    }

    /// Returns the files without those that say what is used.
    fn left(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_none_or(|suffix| suffix != "used")).collect()
    }

    /// Waits until no file is left.
    async fn is_empty(&self) {
        for _ in 0..500 {
            if self.left().is_empty() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.left());
    }

    async fn send(&self, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
        let mut client = self.app.connect().await;
        client.write(request(method, path, fields, body)).await;
        match method {
            "HEAD" => client.head().await,
            _ => client.answer().await,
        }
    }

    /// Begins an upload, and returns its address.
    async fn begin(&self, length: usize) -> String {
        let answer =
            self.send("POST", "/_kipo/uploads", &begins("Take", "file", length), b"").await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    }

    async fn append(&self, path: &str, offset: u64, more: &str, body: &[u8]) -> Answer {
        self.send("PATCH", path, &appends(offset, more), body).await
    }

    async fn offset(&self, path: &str) -> u64 {
        let answer = self.send("HEAD", path, TUS, b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("upload-offset").unwrap().parse().unwrap()
    }

    /// Sends a whole file, and returns its address.
    async fn sent(&self, content: &[u8]) -> String {
        let path = self.begin(content.len()).await;
        let answer = self.append(&path, 0, "", content).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        path
    }

    async fn take(&self, title: &str, path: &str, headers: &str) -> Answer {
        let body = format!(r#"{{"title":"{title}","file":"{}"}}"#, reference(path));
        self.app.send(post("resumable.Take", headers, &body)).await
    }
}

const TUS: &str = "tus-resumable: 1.0.0\r\n";

fn request(method: &str, path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = match body.is_empty() && ["HEAD", "OPTIONS", "DELETE"].contains(&method) {
        true => String::new(),
        false => format!("content-length: {}\r\n", body.len()),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{fields}{length}\r\n");
    [head.as_bytes(), body].concat()
}

fn begins(action: &str, field: &str, length: usize) -> String {
    begins_of_type(action, field, length, "text/plain")
}

fn begins_of_type(action: &str, field: &str, length: usize, content_type: &str) -> String {
    let value = |text: &str| BASE64_STANDARD.encode(text);
    let (action, field) = (value(&format!("resumable.{action}")), value(field));
    let (name, content_type) = (value("dir/ä.txt"), value(content_type));
    format!(
        "{TUS}upload-length: {length}\r\nupload-metadata: action {action},field {field},\
         filename {name},filetype {content_type}\r\n"
    )
}

fn appends(offset: u64, more: &str) -> String {
    format!(
        "{TUS}content-type: application/offset+octet-stream\r\nupload-offset: {offset}\r\n{more}"
    )
}

fn reference(path: &str) -> String {
    path.replace("/_kipo/uploads/", "upload:")
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| b'a' + (index * 7 % 26) as u8).collect()
}

#[tokio::test]
async fn a_file_arrives_in_parts_and_the_action_takes_it_once() {
    let uploads = Uploads::start().await;
    let content = content(700_000);
    let path = uploads.begin(content.len()).await;
    assert_eq!(path.len(), "/_kipo/uploads/".len() + 32);
    let answer = uploads.append(&path, 0, "", &content[..300_000]).await;
    assert_eq!(
        (answer.status, answer.header("upload-offset")),
        (204, Some("300000")),
        "{answer:?}"
    );
    assert!(answer.header("upload-expires").unwrap().ends_with(" GMT"));
    let head = uploads.send("HEAD", &path, TUS, b"").await;
    assert_eq!(head.header("cache-control"), Some("no-store"));
    assert_eq!(head.header("tus-resumable"), Some("1.0.0"));
    assert_eq!(head.header("upload-length"), Some("700000"));
    assert!(head.header("upload-metadata").unwrap().contains("filename "));
    let early = uploads.take("t", &path, "").await;
    early.problem(409, "upload_incomplete");
    uploads.append(&path, 300_000, "", &content[300_000..]).await;

    let key = "idempotency-key: \"k1\"\r\n";
    uploads.take("", &path, key).await.problem(422, "validation_failed");
    uploads.take("fail", &path, key).await.problem(409, "conflict");
    uploads.take("panic", &path, key).await.problem(500, "internal");
    let answer = uploads.take("once", &path, key).await;
    let expected = format!("ä.txt 700000 {} 0", hex(&content));
    assert_eq!(answer.json(), expected);
    uploads.is_empty().await;
    // The response may be lost: the same call again has the same outcome, and does not run.
    assert_eq!(uploads.take("once", &path, key).await.json(), expected);
    assert_eq!(TAKEN.load(Relaxed), 1);
    uploads.take("t", &path, "").await.problem(409, "upload_used");
    uploads.take("t", &path, "idempotency-key: \"k2\"\r\n").await.problem(409, "upload_used");
    assert_eq!(uploads.send("HEAD", &path, TUS, b"").await.status, 410);
    uploads.append(&path, 700_000, "", b"").await.problem(410, "upload_used");
}

#[tokio::test]
async fn an_action_may_move_the_file_and_a_form_may_refer_to_it() {
    let uploads = Uploads::start().await;
    let path = uploads.sent(&content(1000)).await;
    assert_eq!(uploads.take("move", &path, "").await.json(), "true");
    uploads.is_empty().await;

    let (first, second) = (uploads.sent(b"one").await, uploads.begin(2).await);
    uploads.append(&second, 0, "", b"ab").await;
    let part = |name: &str, head: &str, value: &str| {
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{head}\r\n\r\n{value}\r\n")
    };
    let form = |others: &str| {
        let file = "; filename=\"x\"\r\ncontent-type: text/plain";
        [
            part("title", "", "t"),
            part("file", "", &reference(&first)),
            part("others", file, "12345"),
            others.to_owned(),
            "--b--\r\n".to_owned(),
        ]
        .concat()
    };
    let send = async |body: String| {
        let fields = "content-type: multipart/form-data; boundary=b\r\n";
        uploads.send("POST", "/_kipo/actions/resumable.Take", fields, body.as_bytes()).await
    };
    // It was sent for another field.
    send(form(&part("others", "", &reference(&second)))).await.problem(422, "validation_failed");
    let twice = send(form(&part("file", "", &reference(&first)))).await;
    twice.problem(423, "upload_locked");
    let text = send(form("")).await.json();
    assert!(text.as_str().unwrap().ends_with(" 5"), "{text}");
    uploads.send("DELETE", &second, TUS, b"").await;
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_form_without_files_may_refer_to_one() {
    let uploads = Uploads::start().await;
    let path = uploads.sent(b"one").await;
    let body = format!("title=t&file={}", reference(&path));
    let fields = "content-type: application/x-www-form-urlencoded\r\n";
    let answer =
        uploads.send("POST", "/_kipo/actions/resumable.Take", fields, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_sink_takes_the_file_after_it_has_arrived() {
    let uploads = Uploads::start().await;
    let fields =
        begins("ToSink", "file", 600_000) + "content-type: application/offset+octet-stream\r\n";
    let answer = uploads.send("POST", "/_kipo/uploads", &fields, &content(600_000)).await;
    assert_eq!((answer.status, answer.header("upload-offset")), (201, Some("600000")));
    let reference = reference(answer.header("location").unwrap());
    let call = format!(r#"{{"file":"{reference}"}}"#);
    assert_eq!(uploads.app.call("resumable.ToSink", &call).await.json(), 600_000);
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_request_of_another_version_is_a_412_and_options_list_what_there_is() {
    let uploads = Uploads::start().await;
    let answer = uploads.send("OPTIONS", "/_kipo/uploads", "", b"").await;
    assert_eq!((answer.status, answer.header("tus-version")), (204, Some("1.0.0")));
    let extensions = "creation,creation-with-upload,termination,checksum,expiration";
    assert_eq!(answer.header("tus-extension"), Some(extensions));
    assert_eq!(answer.header("tus-checksum-algorithm"), Some("sha1,sha256"));
    for fields in ["", "tus-resumable: 0.2.2\r\n"] {
        let answer = uploads.send("POST", "/_kipo/uploads", fields, b"").await;
        answer.problem(412, "tus_version");
        assert_eq!(answer.header("tus-version"), Some("1.0.0"));
    }
    uploads.send("GET", "/_kipo/uploads", TUS, b"").await.problem(405, "method_not_allowed");
    let path = uploads.begin(3).await;
    uploads.send("GET", &path, TUS, b"").await.problem(405, "method_not_allowed");
    let fields = appends(0, "x-http-method-override: PATCH\r\n");
    assert_eq!(uploads.send("POST", &path, &fields, b"abc").await.status, 204);
    assert_eq!(uploads.send("DELETE", &path, TUS, b"").await.status, 204);
    assert_eq!(uploads.send("HEAD", &path, TUS, b"").await.status, 404);
    uploads.is_empty().await;
}

#[tokio::test]
async fn what_the_action_asks_is_asked_before_the_first_byte() {
    let uploads = Uploads::start().await;
    let begin = async |fields: String| uploads.send("POST", "/_kipo/uploads", &fields, b"").await;
    begin(begins("Guarded", "file", 3)).await.problem(401, "unauthorized");
    begin(begins("Unknown", "file", 3)).await.problem(404, "not_found");
    begin(begins("Enter", "file", 3)).await.problem(404, "not_found");
    begin(begins("Take", "title", 3)).await.problem(400, "bad_request");
    begin(begins("Take", "others", 3_000_001)).await.problem(413, "payload_too_large");
    let document = begin(begins("Take", "file", 2_000_001)).await.problem(422, "validation_failed");
    assert_eq!(document["errors"]["file"][0], "must be at most 2 MB");
    let fields = begins_of_type("Take", "file", 3, "application/pdf");
    let document = begin(fields).await.problem(422, "validation_failed");
    assert_eq!(document["errors"]["file"][0], "must be a text or a PNG image");
    begin(TUS.to_owned()).await.problem(400, "bad_request");
    let text = begins("Take", "file", 3);
    begin(text.replace("upload-length: 3", "upload-length: x")).await.problem(400, "bad_request");
    begin(text.replace("upload-length: 3", "upload-defer-length: 1"))
        .await
        .problem(400, "bad_request");
    let cross_site = text + "sec-fetch-site: cross-site\r\n";
    begin(cross_site).await.problem(403, "cross_site");
    // The first bytes are not those of text.
    let path = uploads.sent(b"%PDF-1.7").await;
    uploads.take("t", &path, "").await.problem(422, "validation_failed");
    uploads.send("DELETE", &path, TUS, b"").await;
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_patch_at_a_wrong_offset_beyond_the_length_or_with_a_wrong_checksum_adds_nothing() {
    let uploads = Uploads::start().await;
    let path = uploads.begin(10).await;
    uploads.append(&path, 0, "", b"abc").await;
    uploads.append(&path, 0, "", b"abc").await.problem(409, "upload_offset");
    uploads.append(&path, 4, "", b"abc").await.problem(409, "upload_offset");
    uploads.append(&path, 3, "", b"12345678").await.problem(413, "payload_too_large");
    let wrong = "upload-checksum: sha256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    uploads.append(&path, 3, wrong, b"def").await.problem(460, "checksum_mismatch");
    for unknown in ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha256", "sha256 AAAA", "sha256 *"] {
        let field = format!("upload-checksum: {unknown}\r\n");
        uploads.append(&path, 3, &field, b"def").await.problem(400, "bad_request");
    }
    let no_type = format!("{TUS}upload-offset: 3\r\n");
    uploads.send("PATCH", &path, &no_type, b"d").await.problem(415, "unsupported_media_type");
    // Without a length, the end shows while it arrives.
    let mut client = uploads.app.connect().await;
    let fields = appends(3, "transfer-encoding: chunked\r\n");
    let head = format!("PATCH {path} HTTP/1.1\r\nhost: test\r\n{fields}\r\n");
    client.write(head + "4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n").await;
    client.answer().await.problem(413, "payload_too_large");
    assert_eq!(uploads.offset(&path).await, 3);
    let right =
        format!("upload-checksum: sha256 {}\r\n", BASE64_STANDARD.encode(Sha256::digest("def")));
    assert_eq!(uploads.append(&path, 3, &right, b"def").await.status, 204);
    let sha1 = "upload-checksum: sha1 IQi70m4JE5AfbYJTHVqaJBhkqjQ=\r\n";
    uploads.append(&path, 6, sha1, b"ghij").await.problem(460, "checksum_mismatch");
    assert_eq!(uploads.append(&path, 6, "", b"ghij").await.status, 204);
    let taken = uploads.take("t", &path, "").await.json();
    assert_eq!(taken, format!("ä.txt 10 {} 0", hex(b"abcdefghij")));
    uploads.is_empty().await;
}

#[tokio::test]
async fn of_two_patches_at_once_the_second_is_a_423() {
    let uploads = Uploads::start().await;
    let content = content(600_000);
    let path = uploads.begin(content.len()).await;
    let mut first = uploads.app.connect().await;
    let whole = request("PATCH", &path, &appends(0, ""), &content);
    let (now, later) = whole.split_at(400_000);
    first.write(now).await;
    // Its first batch is written.
    while uploads.offset(&path).await == 0 {
        sleep(Duration::from_millis(2)).await;
    }
    let locked = uploads.append(&path, 0, "", b"abcdef").await;
    locked.problem(423, "upload_locked");
    assert_eq!(locked.header("retry-after"), Some("1"));
    uploads.send("DELETE", &path, TUS, b"").await.problem(423, "upload_locked");
    first.write(later).await;
    assert_eq!(first.answer().await.status, 204);
    assert_eq!(uploads.offset(&path).await, 600_000);
    uploads.send("DELETE", &path, TUS, b"").await;
    uploads.is_empty().await;
}

#[tokio::test]
async fn what_has_arrived_stays_when_the_client_leaves_unless_it_has_a_checksum() {
    let uploads = Uploads::start().await;
    let path = uploads.begin(1000).await;
    let cut = async |offset: u64, more: &str, bytes: usize| {
        let mut client = uploads.app.connect().await;
        let whole =
            request("PATCH", &path, &appends(offset, more), &content(1000 - offset as usize));
        let end = whole.len() - (1000 - offset as usize) + bytes;
        client.write(&whole[..end]).await;
        client.finish_writing().await;
        _ = client.read_to_end().await;
    };
    cut(0, "", 300).await;
    let mut offset = uploads.offset(&path).await;
    // The server sees the end of the connection a little later than the client.
    while offset != 300 {
        sleep(Duration::from_millis(5)).await;
        offset = uploads.offset(&path).await;
    }
    cut(300, "upload-checksum: sha1 IQi70m4JE5AfbYJTHVqaJBhkqjQ=\r\n", 300).await;
    while !uploads.left().iter().all(|path| path.extension().is_none_or(|suffix| suffix != "from"))
    {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(uploads.offset(&path).await, 300);
    uploads.send("DELETE", &path, TUS, b"").await;
    uploads.is_empty().await;
}

#[tokio::test]
async fn an_upload_of_another_session_does_not_exist() {
    let uploads = Uploads::start().await;
    let session = async || {
        let answer = uploads.app.call("resumable.Enter", "{}").await;
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        format!("cookie: {cookie}\r\n")
    };
    let (ann, bob) = (session().await, session().await);
    let fields = begins("Take", "file", 3) + &ann;
    let answer = uploads.send("POST", "/_kipo/uploads", &fields, b"").await;
    let path = answer.header("location").unwrap();
    for stranger in [&bob, ""] {
        let head = uploads.send("HEAD", path, &format!("{TUS}{stranger}"), b"").await;
        assert_eq!(head.status, 404);
        uploads.append(path, 0, stranger, b"abc").await.problem(404, "not_found");
        let fields = format!("{TUS}{stranger}");
        uploads.send("DELETE", path, &fields, b"").await.problem(404, "not_found");
        uploads.take("t", path, stranger).await.problem(422, "validation_failed");
    }
    assert_eq!(uploads.append(path, 0, &ann, b"abc").await.status, 204);
    uploads.take("t", path, &bob).await.problem(422, "validation_failed");
    assert_eq!(uploads.take("t", path, &ann).await.status, 200);
    uploads.take("t", path, &bob).await.problem(422, "validation_failed");
    uploads.is_empty().await;
}

#[tokio::test]
async fn an_id_is_no_path_and_a_reference_is_one_of_an_upload() {
    let uploads = Uploads::start().await;
    for id in ["..", "%2e%2e%2fetc%2fpasswd", &"0".repeat(32), &"A".repeat(32), &"0".repeat(9000)] {
        let path = format!("/_kipo/uploads/{id}");
        assert_eq!(uploads.send("HEAD", &path, TUS, b"").await.status, 404, "{id}");
    }
    for reference in ["", "0", "upload:", "upload:../x", "upload:00000000000000000000000000000000"]
    {
        let body = format!(r#"{{"title":"t","file":"{reference}"}}"#);
        uploads.app.call("resumable.Take", &body).await.problem(422, "validation_failed");
    }
    let path = uploads.begin(0).await;
    let many = vec![format!("\"{}\"", reference(&path)); 2000].join(",");
    let body = format!(r#"{{"title":"t","file":"","others":[{many}]}}"#);
    uploads.app.call("resumable.Take", &body).await.problem(413, "payload_too_large");
    // An empty file is complete at once.
    assert_eq!(uploads.take("t", &path, "").await.json(), format!("ä.txt 0 {} 0", hex(b"")));
    uploads.is_empty().await;
}

#[tokio::test]
async fn a_thousand_uploads_begun_and_left_are_refused_and_expire() {
    let hour = Duration::from_secs(3600);
    let set = |settings: UploadSettings| settings.unfinished_expire_after(hour).unfinished_max(150);
    let uploads = Uploads::with(Folder::new(), set).await;
    let mut client = uploads.app.connect().await;
    let (mut begun, mut refused) = (0, 0);
    for _ in 0..1000 {
        let begin = request("POST", "/_kipo/uploads", &begins("Take", "file", 5), b"");
        client.write(begin).await;
        let answer = client.answer().await;
        match answer.status {
            201 => begun += 1,
            _ => {
                answer.problem(429, "too_many_requests");
                assert_eq!(answer.header("retry-after"), Some("60"));
                refused += 1;
            }
        }
    }
    assert_eq!((begun, refused), (100, 900));
    // Another address has its own, until there are too many in all.
    let mut other = Client::from_address(&uploads.app, [127, 0, 0, 2]).await;
    for expected in [[201; 50].as_slice(), &[503; 3]].concat() {
        other.write(request("POST", "/_kipo/uploads", &begins("Take", "file", 5), b"")).await;
        assert_eq!(other.answer().await.status, expected);
    }
    age(&uploads.path(), 2 * hour);
    let Uploads { mut app, folder } = uploads;
    app.stop();
    drop((client, other));
    app.stopped().await;
    // The next start removes them.
    let uploads = Uploads::with(folder, set).await;
    uploads.is_empty().await;
    assert_eq!(uploads.begin(3).await.len(), 47);
}

/// Makes all files older.
fn age(folder: &Path, by: Duration) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }
}

#[tokio::test]
async fn an_upload_outlives_its_server_and_expires_after_its_last_byte() {
    let hour = Duration::from_secs(3600);
    let set = |settings: UploadSettings| settings.unfinished_expire_after(hour);
    let mut uploads = Uploads::with(Folder::new(), set).await;
    let (path, left) = (uploads.begin(6).await, uploads.begin(6).await);
    uploads.append(&path, 0, "", b"abc").await;
    age(&uploads.path(), hour / 2);
    uploads.app.stop();
    let Uploads { app, folder } = uploads;
    app.stopped().await;
    let uploads = Uploads::with(folder, set).await;
    assert_eq!(uploads.append(&path, 3, "", b"def").await.status, 204);
    age_one(&uploads, &left, 2 * hour);
    assert_eq!(uploads.send("HEAD", &left, TUS, b"").await.status, 404);
    let taken = uploads.take("t", &path, "").await.json();
    assert_eq!(taken, format!("ä.txt 6 {} 0", hex(b"abcdef")));
    uploads.is_empty().await;
}

fn age_one(uploads: &Uploads, path: &str, by: Duration) {
    let file = uploads.path().join(path.rsplit('/').next().unwrap());
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

#[tokio::test]
async fn a_server_that_stops_ends_a_patch_and_the_next_one_has_its_bytes() {
    let mut uploads = Uploads::start().await;
    let content = content(600_000);
    let path = uploads.begin(content.len()).await;
    let mut client = uploads.app.connect().await;
    let whole = request("PATCH", &path, &appends(0, ""), &content);
    client.write(&whole[..400_000]).await;
    while uploads.offset(&path).await == 0 {
        sleep(Duration::from_millis(2)).await;
    }
    uploads.app.stop();
    let answer = client.answer().await;
    answer.problem(503, "overloaded");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let Uploads { app, folder } = uploads;
    app.stopped().await;
    let uploads = Uploads::with(folder, |settings| settings).await;
    let offset = uploads.offset(&path).await;
    assert!((262_144..400_000).contains(&offset), "{offset}");
    uploads.append(&path, offset, "", &content[offset as usize..]).await;
    let taken = uploads.take("t", &path, "").await.json();
    assert_eq!(taken, format!("ä.txt 600000 {} 0", hex(&content)));
    uploads.is_empty().await;
}

#[tokio::test]
async fn bytes_whose_checksum_was_not_known_at_a_kill_are_removed() {
    let uploads = Uploads::start().await;
    let path = uploads.begin(6).await;
    uploads.append(&path, 0, "", b"abc").await;
    let id = path.rsplit('/').next().unwrap();
    // As a process that was killed has left it.
    fs::write(uploads.path().join(id), b"abcXY").unwrap();
    fs::write(uploads.path().join(format!("{id}.from")), b"3").unwrap();
    assert_eq!(uploads.offset(&path).await, 3);
    assert_eq!(uploads.append(&path, 3, "", b"def").await.status, 204);
    let taken = uploads.take("t", &path, "").await.json();
    assert_eq!(taken, format!("ä.txt 6 {} 0", hex(b"abcdef")));
    uploads.is_empty().await;
}

#[tokio::test]
async fn the_bytes_of_a_caller_are_bounded_before_the_first_one() {
    let set = |settings: UploadSettings| settings.bytes_per_caller_max(1000).bytes_max(1500);
    let uploads = Uploads::with(Folder::new(), set).await;
    let path = uploads.begin(900).await;
    let answer = uploads.send("POST", "/_kipo/uploads", &begins("Take", "file", 101), b"").await;
    answer.problem(429, "too_many_requests");
    let mut other = Client::from_address(&uploads.app, [127, 0, 0, 2]).await;
    other.write(request("POST", "/_kipo/uploads", &begins("Take", "file", 601), b"")).await;
    other.answer().await.problem(503, "overloaded");
    uploads.send("DELETE", &path, TUS, b"").await;
    uploads.begin(1000).await;
}

/// The device `/dev/full` refuses each byte, as a full disk does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_a_507_and_the_upload_goes_on_later() {
    let years = Duration::from_secs(100 * 365 * 24 * 3600);
    let set = |settings: UploadSettings| settings.unfinished_expire_after(years);
    let uploads = Uploads::with(Folder::new(), set).await;
    let path = uploads.begin(6).await;
    uploads.append(&path, 0, "", b"").await;
    let file = uploads.path().join(path.rsplit('/').next().unwrap());
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    uploads.append(&path, 0, "", b"abc").await.problem(507, "disk_full");
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"").unwrap();
    assert_eq!(uploads.append(&path, 0, "", b"abcdef").await.status, 204);
    let taken = uploads.take("t", &path, "").await.json();
    assert_eq!(taken, format!("ä.txt 6 {} 0", hex(b"abcdef")));
    uploads.is_empty().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Each step sends some bytes and is cut, has a checksum or not, and asks for the offset.
    #[test]
    fn a_file_that_is_cut_at_random_bytes_arrives_as_it_was(
        length in 1_usize..600_000,
        steps in prop::collection::vec((0.0_f64..1.0, any::<bool>(), 0.0_f64..1.2), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let uploads = Uploads::start().await;
            let content = content(length);
            let path = uploads.begin(length).await;
            for (part, has_checksum, cut) in steps {
                let offset = uploads.offset(&path).await as usize;
                let end = offset + ((length - offset) as f64 * part) as usize;
                let body = &content[offset..end];
                let checksum = format!(
                    "upload-checksum: sha256 {}\r\n",
                    BASE64_STANDARD.encode(Sha256::digest(body))
                );
                let more = if has_checksum { &*checksum } else { "" };
                let whole = request("PATCH", &path, &appends(offset as u64, more), body);
                let sent = (whole.len() as f64 * cut) as usize;
                let mut client = uploads.app.connect().await;
                client.try_write(&whole[..sent.min(whole.len())]).await;
                if sent >= whole.len() {
                    let answer = client.answer().await;
                    assert!([204, 409, 423].contains(&answer.status), "{answer:?}");
                }
            }
            loop {
                let offset = uploads.offset(&path).await as usize;
                let answer = uploads.append(&path, offset as u64, "", &content[offset..]).await;
                match answer.status {
                    204 => break,
                    // The server has not seen the end of a connection.
                    409 | 423 => sleep(Duration::from_millis(2)).await,
                    _ => panic!("{answer:?}"),
                }
            }
            let taken = uploads.take("t", &path, "").await.json();
            assert_eq!(taken, format!("ä.txt {length} {} 0", hex(&content)));
            uploads.is_empty().await;
        });
    }
}
