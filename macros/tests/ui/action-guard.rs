use kipo::{Context, Result, action};

struct Anyone;

struct Named {
    _id: u8,
}

struct Role(&'static str);

async fn members_only(_cx: &Context) -> Result<()> {
    Ok(())
}

#[action(guard = Anyone)]
async fn first() -> Result<()> {
    Ok(())
}

#[action(guard = Named)]
async fn second() -> Result<()> {
    Ok(())
}

#[action(guard = Role("admin"))]
async fn third() -> Result<()> {
    Ok(())
}

#[action(guard = members_only)]
async fn fourth() -> Result<()> {
    Ok(())
}

fn main() {
    let _ = Role("editor").0;
}
