use kipo::{OutputCache, Result, action};

#[action(limits = 5)]
async fn number() -> Result<()> {
    Ok(())
}

#[action(cache = OutputCache::<u8>::for_secs(60))]
async fn of_another_action() -> Result<u8> {
    Ok(1)
}

fn main() {}
