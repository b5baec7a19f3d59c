use kipo::{Action, Context, Result, action};

#[action]
pub struct Send(String, u8);

impl Action for Send {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
