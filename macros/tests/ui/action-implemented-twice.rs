use kipo::{Action, Context, Event, EventStream, Result, StreamAction, action};

#[derive(Event)]
pub enum Tick {
    Count(u32),
}

#[action]
pub struct Send;

impl Action for Send {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

impl StreamAction for Send {
    type Event = Tick;
    type Output = ();

    async fn stream(self, _cx: Context, _out: EventStream<Tick>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
