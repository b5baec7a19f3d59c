use kipo::{Result, page};

#[page("a", gard = MembersOnly)]
async fn misspelt() -> Result<()> {
    Ok(())
}

#[page("b", cache = "public, 5 minutes")]
async fn minutes() -> Result<()> {
    Ok(())
}

#[page("c", cache = "public")]
async fn how_long() -> Result<()> {
    Ok(())
}

#[page("d", cache = 5)]
async fn number() -> Result<()> {
    Ok(())
}

#[page("e", guard)]
async fn who() -> Result<()> {
    Ok(())
}

#[page(guard = MembersOnly)]
async fn where_is_it() -> Result<()> {
    Ok(())
}

fn main() {}
