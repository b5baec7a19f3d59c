use kipo::Event;

#[derive(Event)]
pub enum Room {
    Complete,
    #[event(name = "error")]
    Failed,
    #[event(name = "kipo:ready")]
    Ready,
    #[event(name = "")]
    Empty,
    #[event(name = "two\nlines")]
    Lines,
    #[event(name = "a:b")]
    Colon,
    #[event(rename = "bye")]
    Left,
    #[event = "bye"]
    Gone,
    Said(String),
    #[event(name = "said")]
    Again(String),
}

fn main() {}
