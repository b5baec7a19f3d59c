#[page("boards/[id]")]
async fn board(cx: PageContext, #[context] user: User, id: u32) -> Result<Board> {
    user.board(cx, id).await
}

#[page("login", public)]
async fn login(#[context] ip: ClientIp) -> Result<()> {
    limit(ip).await
}
