/// The one room.
#[topic]
pub static ROOM: Topic<RoomEvent> = Topic::durable("room", Durability::Fsync).keep(100);
