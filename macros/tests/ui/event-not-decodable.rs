use kipo::{
    __private::schemars,
    Context, Event, EventStream, Result, StreamAction, Topic, action,
};
use serde::Serialize;

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(crate = "schemars")]
pub struct WrittenOnly(u8);

#[derive(Event)]
pub enum Room {
    Said(WrittenOnly),
    Seen { by: WrittenOnly },
}

static ROOM: Topic<Room> = Topic::new("room");

#[action]
pub struct Listen;

impl StreamAction for Listen {
    type Event = Room;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<Room>) -> Result<()> {
        out.follow_with(&ROOM, |room, _| Ok(matches!(room, Room::Said(_)))).await
    }
}

fn main() {}
