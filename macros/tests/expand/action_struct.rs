/// Posts one message to the room.
///
/// Everyone in it reads the message.
#[action(name = "chat.Post", state(Database))]
#[serde(rename_all = "camelCase")]
#[validate(custom(function = not_a_robot))]
pub struct Send {
    /// Who says it.
    #[validate(length(min = 1, max = 20))]
    user_name: String,
    #[validate(length(max = 500), contains(pattern = "."))]
    message: String,
    #[serde(rename = "re")]
    #[validate(nested)]
    reply_to: Option<Reference>,
    #[serde(default)]
    #[validate(range(min = 0.5))]
    r#type: f64,
    #[serde(flatten)]
    #[validate(nested)]
    author: Author,
}
