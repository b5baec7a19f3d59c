use kipo::{Action, Context, Event, EventStream, Limits, OutputCache, Result, action};

const ONE_AT_A_TIME: Limits = Limits::new().concurrent_max(1);

#[action(limits = ONE_AT_A_TIME, cache = OutputCache::for_secs(60))]
struct Report {}

impl Action for Report {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

#[derive(Event)]
enum Tick {
    Tick,
}

#[action(cache = OutputCache::for_secs(60))]
async fn stream(_out: EventStream<Tick>) -> Result<()> {
    Ok(())
}

#[action(limits(ONE_AT_A_TIME))]
async fn form() -> Result<()> {
    Ok(())
}

#[action(limit = ONE_AT_A_TIME)]
async fn unknown() -> Result<()> {
    Ok(())
}

fn main() {}
