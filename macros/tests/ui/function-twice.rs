use kipo::{Context, Result, action};

#[action]
async fn send(_cx: Context) -> Result<()> {
    Ok(())
}

#[action]
async fn send(_cx: Context) -> Result<()> {
    Ok(())
}

fn main() {}
