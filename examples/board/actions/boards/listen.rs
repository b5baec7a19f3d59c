//! `boards.Listen`

use std::time::Duration;

use kipo::{
    Context, Error, EventStream, Result, StreamAction, action,
    time::{sleep, timeout},
    topic::Members,
};

use crate::{
    live::{BOARDS, BoardEvent, HERE},
    store::{Store, boards, ids::BoardId},
    user::User,
};

/// A page gets at most one list of who is here within this time.
const PAUSE: Duration = Duration::from_millis(300);

/// The list is sent again after this time: a tab that begins to share the connection of another tab
/// may miss an event without an id, such as this one.
const REPEAT: Duration = Duration::from_secs(8);

/// Streams what happens on a board, and who looks at it. Only its members may follow it.
#[action]
pub struct Listen {
    #[context]
    user: User,
    board: BoardId,
}

impl StreamAction for Listen {
    type Event = BoardEvent;
    type Output = ();

    async fn stream(self, cx: Context, out: EventStream<BoardEvent>) -> Result<()> {
        let Self { user, board } = self;
        let store = cx.state::<Store>()?;
        let membership = store.read(move |db| boards::membership(db, user.id, board)).await?;
        // The user is here until this is dropped, together with the stream.
        let _entered = HERE.enter(&board, &user.name);
        let topic = BOARDS.of(&board);
        let followed = out.follow_with(&topic, |event, _| {
            // A removal that is older than the membership is of an earlier one.
            if let BoardEvent::Members { revision, members } = event
                && revision >= membership.since_revision
                && members.iter().all(|member| member.name != user.name)
            {
                return Err(Error::forbidden("you are no member of this board any more"));
            }
            Ok(true)
        });
        // `follow_with` runs first, because its first frame opens the stream.
        tokio::select! {
            biased;
            followed = followed => followed,
            sent = send_here(HERE.of(&board), &out) => sent,
        }
    }
}

/// Sends who is here: at once, after each change, and from time to time.
async fn send_here(mut members: Members<String>, out: &EventStream<BoardEvent>) -> Result<()> {
    loop {
        // Some of them may be on other nodes.
        members.loaded().await;
        let mut names = members.list();
        names.sort_by_cached_key(|name| name.to_lowercase());
        out.send(BoardEvent::Here { names }).await?;
        sleep(PAUSE).await;
        // The next list is due after a change, and also without one.
        let _ = timeout(REPEAT, members.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::{open_topics, stream, stream_until};

    use super::*;
    use crate::{
        live,
        store::{ids::UserId, testing, users},
    };

    /// Returns a request, Ann, Bob, and a board of Ann.
    async fn kitchen() -> (tempfile::TempDir, Context, [User; 2], BoardId) {
        open_topics();
        let (folder, store) = testing::open().await;
        let made = store.write(|db| {
            let ann = users::add(db, "ann", "")?.unwrap();
            let bob = users::add(db, "bob", "")?.unwrap();
            let board = boards::create(db, ann, "Kitchen")?.unwrap();
            let user = |id: UserId| Ok::<_, Error>(users::by_id(db, id)?.unwrap());
            Ok(([user(ann)?, user(bob)?], board))
        });
        let (users, board) = made.await.unwrap();
        (folder, Context::test().with_state(store), users, board)
    }

    #[tokio::test]
    async fn only_members_follow_a_board_and_all_see_who_is_there() {
        let (_folder, cx, [ann, bob], board) = kitchen().await;
        let refused = stream(Listen { user: bob, board }, cx.clone()).await;
        assert!(refused.contains(r#""code":"not_found""#), "{refused}");
        let here = "event: here\ndata: {\"names\":[\"ann\"]}\n";
        stream_until(Listen { user: ann, board }, cx, here).await;
    }

    #[tokio::test]
    async fn the_stream_of_a_member_ends_when_the_membership_does() {
        let (_folder, cx, [_, bob], board) = kitchen().await;
        let store = cx.state::<Store>().unwrap();
        let leave = async |revision| {
            let members = store.read(move |db| boards::members(db, board)).await.unwrap();
            live::show_members(board, revision, members).await;
        };
        let id = bob.id;
        let join =
            async || store.write(move |db| Ok(boards::add_member(db, board, id)?.unwrap())).await;
        let joined = join().await.unwrap();
        // Bob was a member before, and was taken off: that news is older than his membership.
        let gone = store.write(move |db| boards::remove_member(db, board, "bob")).await.unwrap();
        leave(gone.unwrap()).await;
        assert!(join().await.unwrap() > joined);
        let listen = || Listen { user: bob.clone(), board };
        let read = stream_until(listen(), cx.clone(), "event: here").await;
        assert!(!read.contains("event: error"), "{read}");

        let removal = async {
            while BOARDS.of(&board).listeners() == 0 {
                sleep(Duration::from_millis(5)).await;
            }
            let remove = store.write(move |db| boards::remove_member(db, board, "bob"));
            leave(remove.await.unwrap().unwrap()).await;
        };
        let (read, ()) = tokio::join!(stream(listen(), cx.clone()), removal);
        assert!(read.contains("event: error") && read.contains(r#""status":403"#), "{read}");
    }
}
