/// Takes an entry off the list.
#[action]
pub async fn delete_entry(
    cx: Context,
    db: State<Database>,
    /// Which one.
    #[validate(range(min = 1))]
    id: i64,
    #[serde(default)] mut reason: Option<String>,
) -> Result<()> {
    reason.get_or_insert_default();
    db.delete(cx, id, reason).await
}

#[action]
async fn ping() -> Result<u8> {
    Ok(1)
}
