use kipo::Event;

pub struct Secret;

#[derive(Event)]
pub enum Room {
    Told(Secret),
    Seen { by: Secret },
}

fn main() {}
