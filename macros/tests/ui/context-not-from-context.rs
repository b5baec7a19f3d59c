use kipo::{Action, Context, Result, action, page};

pub struct User {
    pub name: String,
}

#[action]
pub struct Rename {
    #[context]
    user: User,
    title: String,
}

impl Action for Rename {
    type Output = String;

    async fn call(self, _cx: Context) -> Result<String> {
        Ok(self.user.name + &self.title)
    }
}

#[action]
async fn greet(#[context] user: User) -> Result<String> {
    Ok(user.name)
}

#[page("account")]
async fn account(#[context] user: User) -> Result<()> {
    drop(user);
    Ok(())
}

fn main() {}
