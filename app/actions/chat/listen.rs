//! `chat.Listen`

use kipo::{Context, EventStream, Result, StreamAction, action};

use super::hub::{ROOM, RoomEvent};

/// Streams the messages that this client has not received.
#[action]
pub struct Listen;

impl StreamAction for Listen {
    type Event = RoomEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        out.follow(&ROOM).await
    }
}
