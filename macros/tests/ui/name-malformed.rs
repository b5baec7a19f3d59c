use kipo::{Result, action};

#[action(name = "")]
async fn empty() -> Result<()> {
    Ok(())
}

#[action(name = "Chat.Send")]
async fn capital() -> Result<()> {
    Ok(())
}

#[action(name = "chat..Send")]
async fn gap() -> Result<()> {
    Ok(())
}

#[action(name = "chat/Send")]
async fn slash() -> Result<()> {
    Ok(())
}

#[action(name = "2.Send")]
async fn digit() -> Result<()> {
    Ok(())
}

fn main() {}
