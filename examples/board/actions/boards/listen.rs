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
