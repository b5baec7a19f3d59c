use kipo::{Result, page};

#[page]
async fn none() -> Result<()> {
    Ok(())
}

#[page("/blog/")]
async fn slashes() -> Result<()> {
    Ok(())
}

#[page("blog/[slug].html")]
async fn suffix() -> Result<()> {
    Ok(())
}

#[page("[...all]/[a-b]/x[y]/[c]/[c]")]
async fn brackets() -> Result<()> {
    Ok(())
}

#[page("about")]
fn late() {}

#[page("type")]
struct NotAFunction;

fn main() {}
