use kipo::Event;

#[derive(Event)]
pub enum Room {
    Moved(u32, u32),
    Named(#[serde(rename = "x")] u8),
}

fn main() {}
