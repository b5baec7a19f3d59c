//! `rooms.Create`

use kipo::{Action, Context, Result, action, data};

use crate::actions::chat::hub::now_ms;

use super::{
    hub::{self, Opened, ROOMS, RoomEvent},
    name::{self, NAMEABLE, nameable},
};

/// The key under which the first event of a room is published: of two callers at the same moment
/// only one makes the room.
const ONCE: &str = "opened";

/// Makes a room, unless there is one of this name.
#[action]
pub struct Create {
    /// The name of the room: 1 to 40 characters on one line, without slashes. White space around
    /// it does not count.
    #[validate(length(min = 1, max = 40), custom(function = nameable))]
    #[schemars(regex(pattern = NAMEABLE))]
    room: String,
}

/// A room that a caller may enter.
#[data]
pub struct Created {
    /// The name of the room.
    pub room: String,
    /// The path of its page.
    pub address: String,
}

impl Action for Create {
    type Output = Created;

    async fn call(self, cx: Context) -> Result<Created> {
        let room = self.room.trim();
        if !hub::is_open(room).await? {
            let opened = Opened { opened_at: now_ms()? };
            ROOMS.of(room).publish_once(Some(ONCE), &RoomEvent::Opened(opened)).await?;
        }
        // A script goes there.
        let address = format!("{}{}", cx.prefix(), name::address(room));
        Ok(Created { room: room.to_owned(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_room_is_made_once() {
        kipo::testing::open_topics();
        let create = || Create { room: " made once ".to_owned() }.call(Context::test());
        let (one, two) = tokio::join!(create(), create());
        assert_eq!(one.unwrap().room, "made once");
        assert_eq!(two.unwrap().address, "/rooms/made%20once");
        create().await.unwrap();
        assert_eq!(hub::history("made once").await.unwrap().len(), 1);
    }
}
