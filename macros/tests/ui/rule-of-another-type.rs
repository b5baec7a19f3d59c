use kipo::{Result, action, data};

#[data]
pub struct Author {
    #[validate(length(min = 1))]
    id: u32,
}

#[action]
async fn send(
    #[validate(range(min = 1))] text: String,
    #[validate(required)] name: String,
    #[validate(file(bytes_max = 1))] letter: String,
    #[validate(nested)] id: u64,
    #[validate(custom(function = is_even))] number: i8,
) -> Result<()> {
    let _ = (text, name, letter, id, number);
    Ok(())
}

fn is_even(number: &u8) -> Result<(), &'static str> {
    if number % 2 == 0 { Ok(()) } else { Err("must be even") }
}

fn main() {}
