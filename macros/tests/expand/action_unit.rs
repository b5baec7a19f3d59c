/// Streams the room, from where this client left off.
#[action]
pub struct Listen;
