use kipo::{Action, Context, Result, action, data};

#[data(strict)]
pub struct Message {
    text: String,
}

#[data]
pub struct Borrowed<'a> {
    text: &'a str,
}

#[data]
fn function() {}

#[action]
pub struct Send {
    message: Message,
}

impl Action for Send {
    type Output = Borrowed<'static>;

    async fn call(self, _cx: Context) -> Result<Borrowed<'static>> {
        let _ = self.message.text;
        Ok(Borrowed { text: "" })
    }
}

fn main() {}
