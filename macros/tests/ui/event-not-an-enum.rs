use kipo::Event;

#[derive(Event)]
pub struct Message {
    text: String,
}

#[derive(Event)]
pub enum Generic<T> {
    One(T),
}

fn main() {}
