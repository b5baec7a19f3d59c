use kipo::{Context, PageContext, Result, page};

#[page("blog/[slug]/[...rest]")]
async fn post(_cx: PageContext, slog: String, rest: String) -> Result<String> {
    Ok(slog + &rest)
}

#[page("about")]
async fn about(_cx: Context, name: String) -> Result<String> {
    Ok(name)
}

fn main() {}
