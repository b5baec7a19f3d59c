/// Two mistakes: both are told, and the item is there for the rest of the program.
#[action(nmae = "chat.Post")]
pub struct Send<T> {
    #[validate(length(min = 1))]
    text: T,
}
