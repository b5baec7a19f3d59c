use kipo::{Action, Context, Result, action};

#[action]
pub struct Send<T, const N: usize> {
    text: [T; N],
}

impl<T: std::marker::Send + 'static, const N: usize> Action for Send<T, N> {
    type Output = ();

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

fn main() {}
