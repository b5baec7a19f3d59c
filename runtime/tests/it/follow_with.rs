//! Streams that filter and translate the events of a topic.

use std::sync::Arc;

use kipo::{
    Context, Durability, Error, Event, EventStream, Result, StreamAction, Topic, action, data,
    topic::{Cursor, Store},
};

use crate::support::{Client, TestApp, get};

/// The bids of one test.
type Bids = Arc<Topic<Bid>>;

#[derive(Event)]
enum Bid {
    Offered(Offer),
    Withdrawn { by: String },
    Closed,
}

/// How much somebody offers.
#[data]
struct Offer {
    by: String,
    amount: u32,
}

/// Streams the bids from an amount on, and the end.
#[action]
struct HighBids {
    from: u32,
}

impl StreamAction for HighBids {
    type Event = Bid;
    type Output = ();

    async fn stream(self, cx: Context, out: EventStream<Bid>) -> Result<()> {
        let is_shown = |bid| match bid {
            Bid::Offered(offer) => offer.amount >= self.from,
            Bid::Withdrawn { .. } => false,
            Bid::Closed => true,
        };
        out.follow_with(&**cx.state::<Bids>()?, |bid, _| Ok(is_shown(bid))).await
    }
}

#[derive(Event)]
enum Line {
    Line { number: u64, text: String },
}

/// Streams the bids as lines of text. Ends with an error when the bids are closed.
#[action]
struct BidsAsText;

impl StreamAction for BidsAsText {
    type Event = Line;
    type Output = ();

    async fn stream(self, cx: Context, out: EventStream<Line>) -> Result<()> {
        out.follow_with(&**cx.state::<Bids>()?, |bid, message| {
            let text = match bid {
                Bid::Offered(Offer { by, amount }) => format!("{by} offers {amount}"),
                Bid::Withdrawn { by } => format!("{by} leaves"),
                Bid::Closed => return Err(Error::conflict("the bids are closed")),
            };
            Ok(Some(Line::Line { number: message.seq(), text }))
        })
        .await
    }
}

async fn with(bids: &Bids) -> TestApp {
    let state = Arc::clone(bids);
    TestApp::with(|app| app.state(state)).await
}

async fn offer(bids: &Bids, amount: u32) -> Cursor {
    bids.publish(&Bid::Offered(Offer { by: "ada".into(), amount })).await.unwrap()
}

async fn follow(app: &TestApp, action: &str, headers: &str) -> Client {
    let mut client = app.connect().await;
    client.write(get(&format!("/_kipo/actions/follow_with.{action}"), headers)).await;
    assert_eq!(client.head().await.status, 200);
    client
}

#[tokio::test]
async fn filtered_messages_keep_their_numbers() {
    let bids = Bids::new(Topic::new("bids"));
    let app = with(&bids).await;
    let first = offer(&bids, 200).await;
    offer(&bids, 50).await;
    bids.publish(&Bid::Withdrawn { by: "ada".into() }).await.unwrap();
    let fourth = offer(&bids, 100).await;
    let text = follow(&app, "HighBids?from=100", "").await.until(&format!("id: {fourth}\n")).await;
    assert!(text.contains(&format!("{{\"by\":\"ada\",\"amount\":200}}\nid: {first}\n")), "{text}");
    assert!(!text.contains("\"amount\":50") && !text.contains("withdrawn"), "{text}");

    let header = format!("last-event-id: {first}\r\n");
    let text = follow(&app, "HighBids?from=100", &header).await.until(&fourth.to_string()).await;
    assert!(text.contains("\"resume\":\"resumed\"") && text.matches("offered").count() == 1);
}

#[tokio::test]
async fn after_64_filtered_messages_a_frame_has_the_position_only() {
    let bids = Bids::new(Topic::new("bids").keep(100));
    let app = with(&bids).await;
    let mut client = follow(&app, "HighBids?from=100", "").await;
    client.until("kipo:ready").await;
    let mut position = None;
    for _ in 0..2 {
        for _ in 0..64 {
            offer(&bids, 1).await;
        }
        let last = offer(&bids, 1).await;
        let text = client.until(&format!("\nid: {last}\n\n")).await;
        assert!(!text.contains("offered"), "{text}");
        position = Some(last);
    }

    // A client that comes back from there has no gap, though the topic has trimmed most of these.
    for _ in 0..99 {
        offer(&bids, 1).await;
    }
    let high = offer(&bids, 100).await;
    let header = format!("last-event-id: {}\r\n", position.unwrap());
    let text = follow(&app, "HighBids?from=100", &header).await.until(&high.to_string()).await;
    assert!(text.contains("\"resume\":\"resumed\"") && !text.contains("kipo:gap"), "{text}");
}

#[tokio::test]
async fn a_translated_event_has_the_id_of_its_message() {
    let bids = Bids::new(Topic::new("bids"));
    let app = with(&bids).await;
    let first = offer(&bids, 7).await;
    let second = bids.publish(&Bid::Withdrawn { by: "bob".into() }).await.unwrap();
    let mut client = follow(&app, "BidsAsText", "").await;
    for (number, text, id) in [(1, "ada offers 7", first), (2, "bob leaves", second)] {
        let data = format!("{{\"number\":{number},\"text\":\"{text}\"}}");
        client.until(&format!("event: line\ndata: {data}\nid: {id}\n\n")).await;
    }
    bids.publish(&Bid::Closed).await.unwrap();
    let text = client.stream_to_end().await;
    assert!(text.contains("event: error\n") && text.contains("the bids are closed"), "{text}");
}

#[tokio::test]
async fn a_message_of_another_version_of_the_app_ends_the_stream_with_a_500() {
    /// What the version before has published.
    #[derive(Event)]
    enum Before {
        Offered { price: u8 },
        Raised,
    }
    for event in [Before::Offered { price: 1 }, Before::Raised] {
        let store = Store::in_memory();
        let before: Topic<Before> = Topic::durable("bids", Durability::Os);
        before.open(&store).unwrap();
        before.publish(&event).await.unwrap();

        let bids = Bids::new(Topic::durable("bids", Durability::Os));
        bids.open(&Store::on(Arc::clone(store.engine()))).unwrap();
        let app = with(&bids).await;
        let text = follow(&app, "HighBids?from=0", "").await.stream_to_end().await;
        let error = text.split_once("event: error\ndata: ").unwrap().1;
        assert!(error.contains(r#""code":"internal""#) && !error.contains("price"), "{text}");
    }
}
