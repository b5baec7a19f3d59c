use kipo::{ClientIp, Result, action, data};

#[data]
pub struct Card {
    #[context]
    ip: ClientIp,
    title: String,
}

#[data]
pub enum Shape {
    Round {
        #[context]
        ip: ClientIp,
    },
}

#[action]
async fn add(card: Card, shape: Shape) -> Result<()> {
    let _ = (card, shape);
    Ok(())
}

fn main() {}
