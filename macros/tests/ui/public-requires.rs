use kipo::{Action, Context, Error, FromContext, Result, action, page};

pub struct User;

impl FromContext for User {
    async fn from_context(_cx: &Context) -> Result<Self> {
        Err(Error::unauthorized("sign in first"))
    }
}

#[action(public)]
pub struct Rename {
    #[context]
    _user: User,
}

impl Action for Rename {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

#[page("account", public)]
async fn account(#[context] _user: User) -> Result<()> {
    Ok(())
}

fn main() {}
