use kipo::{Action, Context, Event, Result, action};

#[action(nmae = "chat.Send", name = "Chat")]
pub struct Send {
    #[validate(lenght(min = 1))]
    text: String,
    #[validate(range(mni = 1))]
    count: u8,
}

impl Action for Send {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        println!("{} {}", self.text, self.count);
        Ok(())
    }
}

#[derive(Event)]
pub enum Room {
    Error,
    Pair(u8, u8),
}

fn main() {}
