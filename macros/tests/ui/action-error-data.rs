use kipo::{Action, ActionError, Context, Result, action};

#[derive(ActionError)]
enum Failure {
    #[error(status = 503)]
    Store(std::io::Error),
}

#[action]
struct Save;

impl Action<std::io::Error> for Save {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<(), std::io::Error> {
        Ok(())
    }
}

fn main() {}
