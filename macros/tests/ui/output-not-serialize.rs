use kipo::{Action, Context, Result, action};

pub struct Sent;

#[action]
pub struct Send;

impl Action for Send {
    type Output = Sent;

    async fn call(self, _cx: Context) -> Result<Sent> {
        Ok(Sent)
    }
}

#[action]
async fn post() -> Result<Sent> {
    Ok(Sent)
}

fn main() {}
