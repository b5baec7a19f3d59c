//! The files of a card. Each of these actions is for members of its board.

use std::path::PathBuf;

use kipo::{Action, ActionError, Context, Download, Error, Limits, Result, Upload, action};
use tokio::fs;

use crate::{
    live::{self, Change},
    store::{
        Store,
        attachments::{self, Arrived, BOARD_BYTES_MAX, BoardIsFull, in_words},
        cards::Card,
        ids::{AttachmentId, CardId},
    },
    user::User,
};

/// The most bytes of one file. The page knows it too.
const FILE_BYTES_MAX: u64 = 20 << 20;

/// What stops new files.
#[derive(Debug, ActionError)]
pub enum AddError {
    /// The board has the most bytes that it may have.
    #[error(
        status = 409,
        message = "the files of a board have at most {max} together, and this board has {used} now"
    )]
    BoardIsFull {
        /// How much that is.
        max: String,
        /// How much it has.
        used: String,
    },

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<BoardIsFull> for AddError {
    fn from(BoardIsFull { bytes }: BoardIsFull) -> Self {
        Self::BoardIsFull { max: in_words(BOARD_BYTES_MAX), used: in_words(bytes) }
    }
}

/// Attaches files to a card: at most five at a time.
#[action]
pub struct Add {
    #[context]
    user: User,
    card: CardId,
    #[validate(length(min = 1, max = 5), file(bytes_max = FILE_BYTES_MAX))]
    files: Vec<Upload>,
}

impl Action<AddError> for Add {
    type Output = Card;

    // A file that is a little too large still reads the sentence of its rule.
    const LIMITS: Limits =
        Limits::new().file_bytes_max(2 * FILE_BYTES_MAX).upload_bytes_max(6 * FILE_BYTES_MAX);

    async fn call(self, cx: Context) -> Result<Card, AddError> {
        let Self { user, card, files } = self;
        let (id, store) = (user.id, cx.state::<Store>()?);
        let bytes = files.iter().map(Upload::size).sum();
        let count = files.len();
        // Before the bytes are moved: what is refused leaves nothing behind.
        let keys = store.read(move |db| {
            let admitted = attachments::admit(db, id, card, bytes)?;
            let keys = attachments::new_keys(db, count)?;
            Ok(admitted.map(|_| keys))
        });
        let arrived: Vec<_> = keys.await??.into_iter().zip(&files).map(arrived).collect();
        let paths: Vec<_> = arrived.iter().map(|file| store.folder().join(&file.key)).collect();
        for (file, path) in files.into_iter().zip(&paths) {
            file.save_to(path).await?;
        }
        let added = store.write(move |db| attachments::add(db, id, card, &arrived)).await;
        if !matches!(added, Ok(Ok(_))) {
            remove_files(paths).await;
        }
        Ok(live::show(&user.name, Change::Files, added??).await)
    }
}

fn arrived((key, file): (String, &Upload)) -> Arrived {
    let (name, content_type) = (file.name().to_owned(), file.content_type().to_owned());
    Arrived { key, name, content_type, bytes: file.size() }
}

/// Removes files. One that stays is an orphan, which the task that tidies removes.
async fn remove_files(paths: Vec<PathBuf>) {
    for path in paths {
        if let Err(error) = fs::remove_file(&path).await {
            tracing::warn!(path = %path.display(), %error, "a file of a card was not removed");
        }
    }
}

/// Downloads a file, or shows it as a picture if it is one.
#[action(method = "GET")]
pub struct Get {
    #[context]
    user: User,
    attachment: AttachmentId,
    /// Whether the browser shows the picture instead of saving it.
    #[serde(default)]
    shown: bool,
}

impl Action for Get {
    type Output = Download;

    async fn call(self, cx: Context) -> Result<Download> {
        let Self { user, attachment, shown } = self;
        let store = cx.state::<Store>()?;
        let stored = store.read(move |db| attachments::get(db, user.id, attachment)).await?;
        let is_shown = shown && stored.is_picture();
        let download = Download::path(store.folder().join(stored.key))
            .name(stored.name)
            .content_type(stored.content_type);
        Ok(if is_shown { download.inline() } else { download })
    }
}

/// Takes a file from its card.
#[action]
pub struct Remove {
    #[context]
    user: User,
    attachment: AttachmentId,
}

impl Action for Remove {
    type Output = Card;

    async fn call(self, cx: Context) -> Result<Card> {
        let Self { user, attachment } = self;
        let store = cx.state::<Store>()?;
        let removed = store.write(move |db| attachments::remove(db, user.id, attachment));
        let (changed, key) = removed.await?;
        remove_files(vec![store.folder().join(key)]).await;
        Ok(live::show(&user.name, Change::Files, changed).await)
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::{App, Client, Form, Value, json};

    use super::*;
    use crate::actions::{boards, cards, users};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest of a picture";

    /// Returns an app, Ann with a card, and Eve, who is no member of its board.
    async fn kitchen() -> (App, Client, Value, Client) {
        let app = App::start(crate::app(None, None)).await;
        let (ann, eve) = (app.client(), app.client());
        for (client, name) in [(&ann, "ann"), (&eve, "eve")] {
            let input = json!({ "name": name, "password": "correct horse" });
            let signed_up = client.call::<users::SignUp>(input).await;
            assert_eq!(signed_up.status(), 204);
        }
        let board = ann.call::<boards::create::Create>(json!({ "title": "Kitchen" }));
        let board = board.await.output();
        let input = json!({ "board": board, "column": "todo", "title": "Tea" });
        let card = ann.call::<cards::Add>(input).await.output();
        let card = json!(card.card);
        (app, ann, card, eve)
    }

    fn form(card: &Value, files: &[(&str, &str, &[u8])]) -> Form {
        let form = Form::new().text("card", &card.to_string());
        files.iter().fold(form, |form, (name, content_type, bytes)| {
            form.file("files", name, content_type, bytes.to_vec())
        })
    }

    #[tokio::test]
    async fn files_are_attached_downloaded_and_taken_off_by_members_alone() {
        let (app, ann, card, eve) = kitchen().await;
        let page = b"<script>alert(1)</script>".as_slice();
        let files = form(&card, &[("Küche.png", "image/png", PNG), ("a.html", "text/html", page)]);
        for (stranger, status) in [(&eve, 404), (&app.client(), 401)] {
            assert_eq!(stranger.call_form::<Add>(files.clone()).await.status(), status);
        }
        let folder = app.data_dir().join("board.files");
        let count = || std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(count(), 0, "a refused file leaves nothing behind");
        assert_eq!(ann.call_form::<Add>(files).await.output().files, 2);
        assert_eq!(count(), 2);

        let get = async |client: &Client, attachment: i64, shown: bool| {
            client.call::<Get>(json!({ "attachment": attachment, "shown": shown })).await
        };
        let saved = get(&ann, 1, false).await;
        assert_eq!(saved.bytes(), PNG);
        assert_eq!(saved.header("x-content-type-options"), Some("nosniff"));
        let named = r#"; filename="K_che.png"; filename*=UTF-8''K%C3%BCche.png"#;
        let disposition = |kind: &str, named: &str| Some(format!("{kind}{named}"));
        let of = |answer: &kipo::testing::Answer<Get>| {
            answer.header("content-disposition").map(str::to_owned)
        };
        assert_eq!(of(&saved), disposition("attachment", named));
        let shown = get(&ann, 1, true).await;
        assert_eq!(of(&shown), disposition("inline", named));
        assert_eq!(shown.header("content-type"), Some("image/png"));
        // A file that is no picture is never shown.
        let html = get(&ann, 2, true).await;
        assert_eq!(of(&html), disposition("attachment", "; filename=\"a.html\""));

        for (stranger, status) in [(&eve, 404), (&app.client(), 401)] {
            assert_eq!(get(stranger, 1, false).await.status(), status);
            let removed = stranger.call::<Remove>(json!({ "attachment": 1 })).await;
            assert_eq!(removed.status(), status);
        }
        assert_eq!(ann.call::<Remove>(json!({ "attachment": 1 })).await.output().files, 1);
        assert_eq!((count(), get(&ann, 1, false).await.status().as_u16()), (1, 404));

        // The file goes with its card, and comes back with it.
        let card = json!({ "card": card });
        ann.call::<cards::Remove>(&card).await.output();
        assert_eq!(get(&ann, 2, false).await.status(), 404);
        assert_eq!(ann.call::<cards::Restore>(&card).await.output().files, 1);
        assert_eq!(get(&ann, 2, false).await.bytes(), page);
    }

    #[tokio::test]
    async fn a_file_over_a_limit_reads_the_limit_and_leaves_nothing_behind() {
        let (app, ann, card, _) = kitchen().await;
        let large = vec![7; usize::try_from(FILE_BYTES_MAX).unwrap() + 1];
        let error = ann.call_form::<Add>(form(&card, &[("a.bin", "", &large)])).await.error();
        assert_eq!(error.status, 422);
        assert_eq!(error.fields.get("files"), ["must be at most 20 MB"]);
        for files in [vec![], vec![("a.bin", "", b"".as_slice()); 6]] {
            let error = ann.call_form::<Add>(form(&card, &files)).await.error();
            assert_eq!(error.fields.get("files"), ["must have 1 to 5 items"]);
        }

        // As if there were files of this size.
        let db = rusqlite::Connection::open(app.data_dir().join("board.db")).unwrap();
        let sql = "INSERT INTO attachments VALUES (NULL, ?1, 'key', 'a.bin', '', ?2, 0)";
        db.execute(sql, (card.as_i64(), BOARD_BYTES_MAX)).unwrap();
        let error = ann.call_form::<Add>(form(&card, &[("a", "", b"a")])).await.error();
        assert_eq!((error.status, &*error.code), (409, "board_is_full"));
        let message = "the files of a board have at most 200 MB together, and this board has 200 MB \
                       now";
        assert_eq!(error.message, message);
        let folder = app.data_dir().join("board.files");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    }
}
