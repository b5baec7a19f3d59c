/// Moves a card to another column.
#[action(guard = Member)]
#[derive(Debug)]
#[serde(rename_all = "camelCase")]
pub struct MoveCard {
    /// Who asks.
    #[context]
    user: User,
    /// Which one.
    card_id: CardId,
    #[context]
    db: State<Database>,
    #[validate(range(min = 1))]
    column: u8,
}

#[action(guard = Role("admin"))]
struct Purge {
    #[context]
    admin: auth::Admin,
}

#[action(public)]
async fn greet(#[context] user: Option<User>, name: String) -> Result<String> {
    Ok(hello(user, name))
}
