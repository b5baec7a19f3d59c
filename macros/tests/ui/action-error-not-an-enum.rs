use kipo::ActionError;

#[derive(ActionError)]
struct RoomFull {
    limit: u32,
}

#[derive(ActionError)]
enum Generic<T> {
    Full(T),
}

fn main() {}
