use kipo::{Event, Topic, topic};

#[derive(Event)]
enum News {
    Headline(String),
}

#[topic]
const NEWS: Topic<News> = Topic::new("news");

#[topic(durable)]
static MORE: Topic<News> = Topic::new("more");

#[topic]
static NUMBER: u32 = 1;

fn main() {}
