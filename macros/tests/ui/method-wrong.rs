use kipo::{Context, Event, EventStream, Json, RawBody, Result, action};

#[action(method = "FETCH")]
async fn unknown(_cx: Context) -> Result<()> {
    Ok(())
}

#[action(method = "put")]
async fn lower(_cx: Context) -> Result<()> {
    Ok(())
}

#[action(method = "GET")]
async fn raw(_body: RawBody) -> Result<()> {
    Ok(())
}

#[action(method = "GET")]
async fn json(_list: Json<Vec<u8>>) -> Result<()> {
    Ok(())
}

#[action]
async fn two(_body: RawBody, _name: String) -> Result<()> {
    Ok(())
}

#[derive(Event)]
enum Tick {
    Tick,
}

#[action(method = "PUT")]
async fn stream(_out: EventStream<Tick>) -> Result<()> {
    Ok(())
}

fn main() {}
