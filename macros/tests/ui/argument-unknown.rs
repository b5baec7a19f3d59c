use kipo::{Context, Result, action};

#[action(nmae = "chat.Send")]
async fn send(_cx: Context) -> Result<()> {
    Ok(())
}

#[action(timeout = 3)]
async fn wait(_cx: Context) -> Result<()> {
    Ok(())
}

#[action("chat.Post")]
async fn post(_cx: Context) -> Result<()> {
    Ok(())
}

#[action(name = 3, state)]
async fn count(_cx: Context) -> Result<()> {
    Ok(())
}

#[action(name = "chat.Read", state(u8), name = "chat.See")]
async fn read(_cx: Context) -> Result<()> {
    Ok(())
}

fn main() {}
