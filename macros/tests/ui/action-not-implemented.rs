use kipo::action;

/// An input without an action.
#[action]
pub struct Send {
    text: String,
}

fn main() {}
