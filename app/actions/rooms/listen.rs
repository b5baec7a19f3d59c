//! `rooms.Listen`

use std::time::Duration;

use kipo::{
    Context, EventStream, Result, StreamAction, action,
    time::{sleep, timeout},
};

use crate::actions::chat::text::{READABLE, readable};

use super::{
    hub::{self, ROOMS, RoomEvent},
    presence::{self, HERE, Here},
};

/// A listener gets at most one list of people within this time: when many people come at once, it
/// gets a few lists and not one for each person.
const PAUSE: Duration = Duration::from_millis(500);

/// The list of people is sent again after this time. A tab that begins to share the connection of
/// another tab may miss an event without an id, such as this one.
const REPEAT: Duration = Duration::from_secs(8);

/// Streams the events of a room that this client has not received, and who is in the room.
#[action]
pub struct Listen {
    /// The name of the room.
    room: String,
    /// The name under which the listener is in the room while the stream lasts: 1 to 20 characters.
    /// A listener without a name is in no list.
    #[validate(length(min = 1, max = 20), custom(function = readable_if_given))]
    #[schemars(regex(pattern = READABLE))]
    username: Option<String>,
}

impl StreamAction for Listen {
    type Event = RoomEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<RoomEvent>) -> Result<()> {
        hub::must_be_open(&self.room).await?;
        // The listener is in the room until this is dropped, together with the stream.
        let _entered = self.username.map(|name| HERE.enter(&self.room, &name));
        let room = ROOMS.of(&self.room);
        // `follow` runs first, because its first frame opens the stream.
        tokio::select! {
            biased;
            followed = out.follow(&room) => followed,
            sent = send_people(&self.room, &out) => sent,
        }
    }
}

/// Refuses a name that is not readable.
fn readable_if_given(name: &Option<String>) -> std::result::Result<(), &'static str> {
    name.as_deref().map_or(Ok(()), readable)
}

/// Sends who is in a room: at once, after each change, and from time to time.
async fn send_people(room: &str, out: &EventStream<RoomEvent>) -> Result<()> {
    let mut members = HERE.of(room);
    loop {
        out.send(RoomEvent::Here(Here { names: presence::names(&members).await })).await?;
        sleep(PAUSE).await;
        // The next list is due after a change, and also without one.
        let _ = timeout(REPEAT, members.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::stream_until;
    use tokio::time::Instant;

    use super::*;
    use crate::actions::rooms::hub::Opened;

    /// Makes a room, and returns the id of its first event.
    async fn open(room: &str) -> String {
        kipo::testing::open_topics();
        let opened = RoomEvent::Opened(Opened { opened_at: 0 });
        ROOMS.of(room).publish(&opened).await.unwrap().to_string()
    }

    /// Listens in a room until the people there are `names`.
    async fn until(room: &str, username: Option<&str>, names: &str) {
        let listen = Listen { room: room.to_owned(), username: username.map(str::to_owned) };
        let here = format!("event: here\ndata: {{\"names\":{names}}}\n");
        stream_until(listen, Context::test(), &here).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_with_a_name_is_in_the_room_while_the_stream_lasts_and_for_the_grace() {
        open("entered").await;
        until("entered", Some("Ada"), r#"["Ada"]"#).await;
        let left = Instant::now();
        until("entered", None, r#"["Ada"]"#).await;
        until("entered", None, "[]").await;
        assert!((5.0..6.0).contains(&left.elapsed().as_secs_f32()), "{:?}", left.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_with_two_tabs_is_listed_once_and_all_are_in_alphabetical_order() {
        open("many").await;
        let tabs =
            ["Eve", "ada", "Ada", "Bob", "Ada"].map(|name| HERE.enter("many", &name.to_owned()));
        until("many", Some("Grace"), r#"["Ada","ada","Bob","Eve","Grace"]"#).await;
        assert_eq!(presence::people("many").await.len(), 5);
        drop(tabs);
    }

    #[tokio::test(start_paused = true)]
    async fn the_list_is_repeated_without_a_change() {
        let id = open("quiet").await;
        let listen = Listen { room: "quiet".to_owned(), username: None };
        // The first list comes before the event.
        let again = format!("id: {id}\n\nevent: here\ndata: {{\"names\":[]}}\n");
        stream_until(listen, Context::test(), &again).await;
    }
}
