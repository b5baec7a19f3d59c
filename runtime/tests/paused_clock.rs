//! A durable topic in an app whose clock is paused. The test is a program of its own: every app of a
//! program opens the durable topics of that program.

use std::time::Duration;

use kipo::{
    Durability, Event, EventStream, Result, Topic, action,
    testing::{self, json},
    topic,
};
use tokio::time::Instant;

#[derive(Debug, PartialEq, Event)]
enum Tide {
    Turned(u32),
}

#[topic]
static TIDES: Topic<Tide> = Topic::durable("tides", Durability::Fsync).keep(100);

/// Publishes one event after another. An append takes real time, on the thread of the store.
#[action]
async fn turn(from: u32, to: u32) -> Result<u64> {
    let mut seq = 0;
    for n in from..=to {
        seq = TIDES.publish(&Tide::Turned(n)).await?.seq();
    }
    Ok(seq)
}

#[action]
async fn follow(out: EventStream<Tide>) -> Result<()> {
    out.follow(&TIDES).await
}

#[action]
async fn read() -> Result<usize> {
    Ok(TIDES.history().await?.len())
}

/// Takes an hour.
#[action]
async fn wait() -> Result<()> {
    kipo::time::sleep(Duration::from_secs(3600)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_waits_for_the_durable_topics_of_an_app() {
    let app = testing::App::start(kipo::App::new()).await;
    let began = Instant::now();
    let mut tides = app.stream::<Follow>(json!({})).await;
    let opened = began.elapsed();
    assert_eq!(app.call::<Turn>(json!({ "from": 1, "to": 50 })).await.output(), 50);
    for n in 1..=50 {
        assert_eq!(tides.next().await, Some(Tide::Turned(n)));
    }
    assert_eq!(app.call::<Read>(json!({})).await.output(), 50);
    assert_eq!(began.elapsed(), opened, "the clock has advanced");

    // The clock still advances when nothing works: the time limit of the call passes at once.
    let error = app.call::<Wait>(json!({})).await.error();
    assert_eq!(error.code, "timeout");
    assert!(began.elapsed() < Duration::from_secs(3600));
}
