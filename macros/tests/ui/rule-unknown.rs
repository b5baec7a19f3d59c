use kipo::{Result, action, data};

#[data]
pub struct Message {
    #[validate(lenght(min = 1))]
    text: String,
    #[validate(regex(path = "x"))]
    name: String,
    #[validate(length(min = 1, maximum = 2))]
    tags: Vec<String>,
    #[validate]
    id: u8,
}

#[action]
async fn send(
    #[validate(length)] text: String,
    #[validate(length(min = 1, equal = 2))] name: String,
    #[validate(email = true, email)] mail: String,
    #[validate(file(bytes = 1, types))] photo: kipo::Upload,
    #[validate(file)] letter: Option<kipo::Upload>,
    #[validate(custom(function = "is_even"))] number: u8,
) -> Result<()> {
    let _ = (text, name, mail, photo, letter, number);
    Ok(())
}

fn main() {}
