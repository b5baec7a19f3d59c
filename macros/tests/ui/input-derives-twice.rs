use kipo::{Action, Context, Result, action};


#[action]
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
pub struct Below {
    text: String,
}

impl Action for Below {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
