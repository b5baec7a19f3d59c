use kipo::{Action, Context, Result, action};

pub struct Secret;

#[action]
pub struct Send {
    secret: Secret,
    text: String,
}

impl Action for Send {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
