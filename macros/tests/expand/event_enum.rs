#[derive(Event)]
pub enum RoomEvent {
    /// Somebody said something.
    Chat(Message),
    /// The stream is up.
    #[serde(rename_all = "camelCase")]
    Connected {
        /// How it is.
        current_status: Status,
        #[serde(skip_serializing_if = "Option::is_none")]
        out: Option<u8>,
    },
    HTTPTick,
    #[event(name = "bye")]
    Closed {},
}

#[derive(Event)]
pub enum Never {}
