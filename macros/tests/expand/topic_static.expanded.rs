/// The one room.
pub static ROOM: Topic<RoomEvent> = Topic::durable("room", Durability::Fsync).keep(100);
::kipo::__private::inventory::submit! {
    ::kipo::__private::TopicRegistration { topic : || & ROOM, file : ::core::file!(),
    line : ::core::line!(), }
}
