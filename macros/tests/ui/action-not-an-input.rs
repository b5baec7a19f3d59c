use kipo::{Action, Context, Result};

pub struct Send {
    pub text: String,
}

impl Action for Send {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
