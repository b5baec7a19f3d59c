use kipo::{Context, Result, page};

struct Anyone;

async fn members_only(_cx: &Context) -> Result<()> {
    Ok(())
}

#[page("a", guard = Anyone)]
async fn first() -> Result<()> {
    Ok(())
}

#[page("b", guard = members_only)]
async fn second() -> Result<()> {
    Ok(())
}

fn main() {}
