#[page("blog/[slug]/[...cx]")]
async fn post(pages: PageContext, db: State<Database>, cx: String, slug: String) -> Result<Post> {
    db.post(pages, slug, cx).await
}

#[page("index")]
async fn first() -> Result<First> {
    Ok(First)
}

#[page("account/orders", guard = MembersOnly, cache = "private, 5m")]
async fn orders(query: Query<Filter>) -> Result<Orders> {
    Ok(Orders::of(&query).await)
}
