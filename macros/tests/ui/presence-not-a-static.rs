use kipo::{Presence, presence};

#[presence]
const HERE: Presence<u64, String> = Presence::new("here");

#[presence(grace)]
static THERE: Presence<u64, String> = Presence::new("there");

#[presence]
static NUMBER: u32 = 1;

fn main() {}
