use kipo::{Context, EventStream, Result, action};

pub enum Room {
    Said(String),
}

#[action]
async fn listen(_cx: Context, out: EventStream<Room>) -> Result<()> {
    let _ = out;
    Ok(())
}

fn main() {}
