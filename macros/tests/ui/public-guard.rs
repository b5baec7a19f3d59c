use kipo::{Result, action, page};

#[action(public, guard = Admin)]
async fn purge() -> Result<()> {
    Ok(())
}

#[page("admin", guard = Admin, public)]
async fn admin() -> Result<()> {
    Ok(())
}

#[action(public = true)]
async fn open() -> Result<()> {
    Ok(())
}

fn main() {}
