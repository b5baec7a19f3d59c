use kipo::{Action, Context, Result, action};

#[derive(Debug, serde::Deserialize)]
#[action]
pub struct Above {
    text: String,
}

impl Action for Above {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
