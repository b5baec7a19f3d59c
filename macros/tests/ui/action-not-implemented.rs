use kipo::action;

/// An input, and nothing that takes it.
#[action]
pub struct Send {
    text: String,
}

fn main() {}
