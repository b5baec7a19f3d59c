use kipo::{Action, Context, Result, action};

#[action]
pub enum Send {
    Text(String),
}

impl Action for Send {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

#[action]
pub union Bits {
    a: u32,
    b: f32,
}

#[action]
impl Bits {}

fn main() {}
