use kipo::{Action, Context, Result, action};

#[action]
pub struct Send<'a> {
    text: &'a str,
}

impl Action for Send<'static> {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

#[action]
pub struct Fixed {
    text: &'static str,
}

impl Action for Fixed {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
