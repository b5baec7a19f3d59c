use kipo::data;

pub struct Secret;

#[data]
pub struct Message {
    secret: Secret,
}

fn main() {}
