use kipo::{Query, Result, page};

struct Search;

#[page("search")]
async fn search(_query: Query<Search>) -> Result<()> {
    Ok(())
}

fn main() {}
