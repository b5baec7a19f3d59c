//! Topics on a real disk: restarts, torn journals, directories restored from a backup.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use kipo::{
    Durability, Topic,
    topic::{Cursor, Gap, GapReason, Next, Store, StoreError},
};

use crate::{actions::RoomEvent, logged, support::Folder};

fn room(store: &Store) -> Topic<RoomEvent> {
    let room = Topic::durable("room", Durability::Fsync).keep(100);
    room.open(store).unwrap();
    room
}

async fn publish(room: &Topic<RoomEvent>, text: impl ToString) -> Cursor {
    room.publish(&RoomEvent::Said { text: text.to_string() }).await.unwrap()
}

async fn texts(room: &Topic<RoomEvent>) -> Vec<String> {
    let history = room.history().await.unwrap();
    history.iter().map(|m| m.json::<serde_json::Value>().unwrap()["text"].to_string()).collect()
}

/// Returns what a listener reads first if it resumes from `cursor`.
async fn first(room: &Topic<RoomEvent>, cursor: &Cursor) -> Next {
    room.subscribe(Some(&cursor.to_string())).await.unwrap().next().await
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn restore(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

#[tokio::test]
async fn a_topic_has_the_same_numbers_and_cursors_after_a_restart() {
    let folder = Folder::new();
    let store = Store::open(folder.path()).unwrap();
    let before = room(&store);
    let (one, two) = (publish(&before, 1).await, publish(&before, 2).await);
    store.close();
    assert!(before.publish(&RoomEvent::Said { text: "late".into() }).await.is_err());

    let store = Store::open(folder.path()).unwrap();
    let after = room(&store);
    let Next::Message(message) = first(&after, &one).await else { panic!("resumed") };
    assert_eq!(message.cursor(), two);
    assert_eq!(publish(&after, 3).await.seq(), 3);
    assert_eq!(texts(&after).await, ["\"1\"", "\"2\"", "\"3\""]);
    store.close();
}

#[tokio::test]
async fn an_idempotency_key_survives_a_restart() {
    let folder = Folder::new();
    let event = || RoomEvent::Said { text: "once".into() };
    let store = Store::open(folder.path()).unwrap();
    let first = room(&store).publish_once(Some("k"), &event()).await.unwrap();
    store.close();
    let store = Store::open(folder.path()).unwrap();
    let after = room(&store);
    assert_eq!(after.publish_once(Some("k"), &event()).await.unwrap(), first);
    assert_eq!(after.history().await.unwrap().len(), 1);
    store.close();
}

#[tokio::test]
async fn a_directory_has_one_process_and_a_name_has_one_topic() {
    let folder = Folder::new();
    let store = Store::open(folder.path()).unwrap();
    let again = Store::open(folder.path()).unwrap_err();
    assert!(matches!(again, StoreError::InUse(_)), "{again}");
    assert!(again.to_string().contains("is in use: stop the other process"), "{again}");

    let one = room(&store);
    let two: Topic<RoomEvent> = Topic::durable("room", Durability::Os);
    assert!(matches!(two.open(&store), Err(StoreError::Taken(_))));
    assert!(matches!(one.open(&store), Err(StoreError::Late(name)) if name == "room"));
    store.close();
}

#[tokio::test]
async fn a_durable_topic_that_is_not_open_refuses_messages() {
    let room: Topic<RoomEvent> = Topic::durable("closed", Durability::Fsync);
    let error = room.publish(&RoomEvent::Said { text: "lost".into() }).await.unwrap_err();
    assert_eq!(kipo::Error::from(error).code(), kipo::Code::Internal);
    let error = room.history().await.unwrap_err();
    assert_eq!(kipo::Error::from(error).code(), kipo::Code::Internal);
}

#[tokio::test]
async fn concurrent_publishers_each_get_a_number() {
    let folder = Folder::new();
    let store = Store::open(folder.path()).unwrap();
    let room = Arc::new(Topic::durable("room", Durability::Fsync).keep(1000));
    room.open(&store).unwrap();
    let publishers: Vec<_> = (0..300)
        .map(|n| {
            let room = Arc::clone(&room);
            tokio::spawn(async move { publish(&room, n).await.seq() })
        })
        .collect();
    let mut numbers = Vec::new();
    for publisher in publishers {
        numbers.push(publisher.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    store.close();
}

/// Trimming removes messages from the disk as well.
#[tokio::test]
async fn the_disk_holds_only_retained_messages() {
    let folder = Folder::new();
    for generation in 0..3 {
        let store = Store::open(folder.path()).unwrap();
        let room = Topic::durable("room", Durability::Os).keep(5);
        room.open(&store).unwrap();
        for n in 0..50 {
            publish(&room, n).await;
        }
        assert_eq!(room.history().await.unwrap().len(), 5);
        assert_eq!(room.history().await.unwrap()[4].seq(), 50 * (generation + 1));
        store.close();
    }
    // A larger retention restores no trimmed message. The last batch may not be trimmed yet.
    let store = Store::open(folder.path()).unwrap();
    let room: Topic<RoomEvent> = Topic::durable("room", Durability::Os).keep(1000);
    room.open(&store).unwrap();
    assert!(room.history().await.unwrap().len() <= 6, "{}", room.history().await.unwrap().len());
    store.close();
}

/// Cuts the journal at every 7th byte, as a power failure may do. The topic then has whole messages
/// in order, from the first one on, and the log says that the store was not closed.
#[tokio::test]
async fn a_torn_record_is_truncated_and_logged_and_never_served() {
    let (folder, torn) = (Folder::new(), Folder::new());
    let store = Store::open(folder.path()).unwrap();
    let before = room(&store);
    for n in 1..=20 {
        publish(&before, n).await;
    }
    // The store is not closed: the copy is what a crash leaves.
    let end = journal_end(folder.path());
    let mut ends = Vec::new();
    for cut in (0..end).step_by(7) {
        restore_torn(folder.path(), torn.path(), cut);
        logged::start();
        // The cut is so early that the store is not complete: opening it fails.
        let Ok(store) = Store::open(torn.path()) else { continue };
        let after = room(&store);
        let retained = texts(&after).await;
        store.close();
        let whole: Vec<_> = (1..=retained.len()).map(|n| format!("\"{n}\"")).collect();
        assert_eq!(retained, whole, "cut at {cut}");
        if !retained.is_empty() {
            let last = format!("last={}", retained.len());
            let text = logged::text();
            assert!(
                text.contains("did not close the store") && text.contains(&last),
                "{cut}: {text}"
            );
        }
        ends.push(retained.len());
    }
    assert!(ends.is_sorted() && ends.last() >= Some(&19) && ends.contains(&10), "{ends:?}");
    store.close();
}

fn journal(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "jnl")).max().unwrap()
}

/// Returns the end of the data in the journal. Reserved zeros follow it.
fn journal_end(folder: &Path) -> usize {
    let bytes = fs::read(journal(folder)).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn restore_torn(from: &Path, to: &Path, cut: usize) {
    restore(from, to);
    let file = fs::OpenOptions::new().write(true).open(journal(to)).unwrap();
    file.set_len(cut as u64).unwrap();
}

/// Runs a thousand trials. Each one publishes messages, restores the directory from a backup that
/// lacks them, and publishes others. A listener with a cursor of a lost message reads a gap.
#[tokio::test]
async fn a_log_that_was_rolled_back_is_always_detected() {
    let (folder, backup) = (Folder::new(), Folder::new());
    let store = Store::open(folder.path()).unwrap();
    let before = room(&store);
    let mut shared = Vec::new();
    for n in 0..3 {
        shared.push(publish(&before, n).await);
    }
    store.close();
    // Opening and closing the store once more shortens the journal to its content.
    Store::open(folder.path()).unwrap().close();
    restore(folder.path(), backup.path());

    for trial in 0..1000 {
        let store = Store::open(folder.path()).unwrap();
        let lost_room = quick(&store);
        let mut lost = Vec::new();
        for n in 0..1 + trial % 3 {
            lost.push(publish(&lost_room, n).await);
        }
        store.close();
        restore(backup.path(), folder.path());

        let store = Store::open(folder.path()).unwrap();
        let other = quick(&store);
        // The texts are the same, and there are fewer, as many or more messages. They are other
        // messages all the same.
        for n in 0..1 + trial / 3 % 5 {
            publish(&other, n).await;
        }
        for cursor in &lost {
            let next = first(&other, cursor).await;
            let Next::Gap(gap) = next else { panic!("trial {trial}: {cursor} was granted") };
            assert_eq!(gap, Gap { reason: GapReason::Diverged, missed: None, first: 1 });
        }
        for cursor in &shared {
            assert!(matches!(first(&other, cursor).await, Next::Message(_)), "trial {trial}");
        }
        store.close();
        restore(backup.path(), folder.path());
    }
}

fn quick(store: &Store) -> Topic<RoomEvent> {
    let room = Topic::durable("room", Durability::Os).keep(100);
    room.open(store).unwrap();
    room
}
