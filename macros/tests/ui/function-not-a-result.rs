use kipo::{Context, action};

#[action]
async fn count(_cx: Context) -> u32 {
    1
}

#[action]
async fn pair() -> (u8, Vec<String>) {
    (1, Vec::new())
}

fn main() {}
