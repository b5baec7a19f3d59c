use kipo::{ActionError, Error};

#[derive(ActionError)]
enum Wrong {
    #[error(status = 200)]
    Success,
    #[error(status = 600)]
    Beyond,
    #[error(status = "409")]
    Text,
    Full,
    #[error(code = "full")]
    AlsoFull,
    #[error(code = "room full")]
    Malformed,
    #[error(mesage = "no")]
    Misspelt,
    #[error("no {0}")]
    LikeThiserror(u32),
    #[error(message = "{limits} guests")]
    NoSuchField { limit: u32 },
    #[error(message = "{0}")]
    ShowsItsSource(#[source] std::io::Error),
    Two(u32, u32),
    #[error(transparent, status = 409)]
    Both(Error),
    #[error(transparent)]
    Nothing,
    #[error]
    Bare,
}

fn main() {}
