//! `rooms.Listen`

use kipo::{Context, EventStream, Result, StreamAction, action};

use super::hub::{self, ROOMS, RoomEvent};

/// Streams the events of a room that this client has not received.
#[action]
pub struct Listen {
    /// The name of the room.
    room: String,
}

impl StreamAction for Listen {
    type Event = RoomEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        hub::must_be_open(&self.room).await?;
        out.follow(&ROOMS.of(&self.room)).await
    }
}
