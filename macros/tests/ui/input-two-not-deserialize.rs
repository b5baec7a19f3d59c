use kipo::{Context, Result, action};

pub struct Secret;
pub struct Other;

#[action]
async fn send(_cx: Context, secret: Secret, text: String, other: Vec<Other>) -> Result<()> {
    let _ = (secret, text, other);
    Ok(())
}

fn main() {}
