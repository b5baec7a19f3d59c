//! Listeners that lend their connections to the topic.

use std::{collections::VecDeque, future::poll_fn, sync::Arc, task::Poll, time::Duration};

use super::{connection::Connection, *};
use crate::{
    Cursor,
    channel::Channel,
    engine::Link,
    log::{
        record::{Draft, Head},
        retention::Retention,
    },
    sync::lock,
    topic::{Topic, tests::N},
};

/// A listener, which writes to its connection what it reads by itself.
struct Listener {
    connection: Arc<Connection>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    fn start(channel: &Arc<Channel>, from: Option<&str>) -> Self {
        let connection = Arc::new(endless());
        let subscription: Subscription<N> = Subscription::new(Arc::clone(channel) as _, from);
        let task = tokio::spawn(listen(subscription, Arc::clone(&connection)));
        Self { connection, task }
    }

    /// Returns the data of all messages, and `gap` or `link` for what else it read.
    fn read(&self) -> Vec<String> {
        lock(&self.connection.0).written.clone()
    }

    fn delivered(&self) -> usize {
        lock(&self.connection.0).delivered
    }

    fn set_full(&self, is_full: bool) {
        lock(&self.connection.0).room = if is_full { 0 } else { usize::MAX };
    }
}

async fn listen(mut subscription: Subscription<N>, connection: Arc<Connection>) {
    let outlet: Arc<dyn Outlet> = Arc::clone(&connection) as _;
    loop {
        let before = subscription.position();
        let (from, batch) = subscription.next_batch_through(&outlet).await;
        assert!(from.seq() >= before.seq());
        let mut state = lock(&connection.0);
        match batch {
            Batch::Frames(bytes) => state.write(&bytes),
            Batch::Gap(gap, _) => state.written.push(format!("gap {:?}", gap.missed)),
            Batch::Link(link) => state.written.push(format!("{link:?}")),
            Batch::Removed => return,
        }
    }
}

/// Starts so many listeners of a topic, and returns their connections.
async fn listeners_of(topic: &Topic<N>, count: usize) -> Vec<Arc<Connection>> {
    let connections: Vec<_> = (0..count).map(|_| Arc::new(endless())).collect();
    for connection in &connections {
        let subscription = topic.subscribe(None).await.expect("a topic in memory");
        tokio::spawn(listen(subscription, Arc::clone(connection)));
    }
    settle().await;
    connections
}

/// Returns a connection that takes all messages.
fn endless() -> Connection {
    Connection::new(usize::MAX, usize::MAX)
}

fn channel(count: usize) -> Arc<Channel> {
    Arc::new(Channel::empty(Retention { count, ..Retention::DEFAULT }, 1))
}

fn publish(channel: &Channel, n: usize) {
    channel.publish(Draft::new("n", n.to_string().as_bytes()), None);
}

/// Lets all other tasks run until they wait.
async fn settle() {
    // Time that is paused goes on when all tasks wait.
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// An idle listener holds it in the future of its stream.
#[test]
fn a_subscription_is_small() {
    assert!(size_of::<Subscription<N>>() <= 136, "{}", size_of::<Subscription<N>>());
}

#[tokio::test(start_paused = true)]
async fn the_topic_writes_to_the_connections_of_many_listeners_and_not_of_few() {
    let channel = channel(100);
    let few: Vec<_> = (0..3).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    publish(&channel, 0);
    settle().await;
    assert!(
        few.iter().all(|listener| listener.read() == numbers(0..1) && listener.delivered() == 0)
    );
    let more: Vec<_> = (0..200).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    for n in 1..10 {
        publish(&channel, n);
        settle().await;
    }
    assert!(more.iter().all(|listener| listener.read() == numbers(0..10)));
    assert!(more.iter().all(|listener| listener.delivered() == 9));
    // Those that came first read one message by themselves, and then lend their connections too.
    assert!(few.iter().all(|listener| listener.read() == numbers(0..10)));
    assert!(few.iter().all(|listener| listener.delivered() == 8));
    assert_eq!(channel.listeners(), 203);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_full_is_written_by_its_listener_and_lent_again() {
    let channel = channel(100);
    let listeners: Vec<_> = (0..20).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    listeners[3].set_full(true);
    for n in 0..5 {
        publish(&channel, n);
        settle().await;
    }
    assert_eq!((listeners[3].delivered(), listeners[4].delivered()), (0, 5));
    listeners[3].set_full(false);
    for n in 5..9 {
        publish(&channel, n);
        settle().await;
    }
    assert!(listeners.iter().all(|listener| listener.read() == numbers(0..9)));
    assert_eq!(listeners[3].delivered(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_leaves_is_written_nothing_and_the_last_one_ends_the_deliverer() {
    let channel = channel(100);
    let mut listeners: Vec<_> = (0..20).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    let gone = listeners.split_off(10);
    gone.iter().for_each(|listener| listener.task.abort());
    settle().await;
    publish(&channel, 0);
    settle().await;
    assert!(gone.iter().all(|listener| listener.read().is_empty()));
    assert!(gone.iter().all(|listener| Arc::strong_count(&listener.connection) == 1));
    assert!(listeners.iter().all(|listener| listener.read() == numbers(0..1)));
    listeners.iter().for_each(|listener| listener.task.abort());
    settle().await;
    assert_eq!((channel.listeners(), Arc::strong_count(&channel)), (0, 1));
    // Another crowd gets a deliverer again.
    let again: Vec<_> = (0..20).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    publish(&channel, 1);
    settle().await;
    assert!(
        again.iter().all(|listener| listener.read() == numbers(0..2) && listener.delivered() == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn every_listener_reads_news_of_the_engine_gaps_and_the_end_by_itself() {
    let channel = channel(2);
    let listeners: Vec<_> = (0..20).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    channel.set_link(Link::Down);
    settle().await;
    channel.set_link(Link::Up);
    settle().await;
    // More messages than are retained, before any task runs.
    (0..5).for_each(|n| publish(&channel, n));
    settle().await;
    let expected = ["Down", "Up", "gap Some(3)", "3", "4"];
    for listener in &listeners {
        assert_eq!(listener.read(), expected);
    }
    publish(&channel, 5);
    settle().await;
    assert!(listeners.iter().all(|listener| listener.delivered() == 1));
    channel.remove();
    settle().await;
    assert!(listeners.iter().all(|listener| listener.task.is_finished()));
    settle().await;
    assert_eq!(Arc::strong_count(&channel), 1);
}

/// The log is replaced by one with another history, while listeners have read more than the deliverer.
#[tokio::test(start_paused = true)]
async fn a_history_that_differs_is_a_gap_for_each_listener() {
    let channel = channel(100);
    let listeners: Vec<_> = (0..20).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    publish(&channel, 0);
    settle().await;
    let head = Head::of_generation(2);
    let entries: VecDeque<_> =
        [crate::engine::Entry::next(&head, None, "n", b"7", 0).unwrap()].into();
    let loaded = crate::engine::Loaded {
        head: entries[0].head(),
        entries: entries.into(),
        keys: Vec::new(),
    };
    let known = channel.head().cursor;
    channel.settle(known, loaded);
    settle().await;
    for listener in &listeners {
        assert_eq!(listener.read(), ["0", "gap None", "7"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_waits_while_it_is_too_far_ahead_of_the_listeners_and_for_no_slow_one() {
    let topic: Arc<Topic<N>> = Arc::new(Topic::new("ahead").keep(1_000).ahead_max(3));
    let connections = listeners_of(&topic, 20).await;
    // A connection that is full is no reason to wait.
    lock(&connections[0].0).room = 0;
    let publish = |n| {
        let topic = Arc::clone(&topic);
        async move { topic.publish(&N(n)).await.unwrap() }
    };
    // The deliverer is a task of this thread, and does not run yet.
    for n in 0..3 {
        assert!(poll_once(publish(n)).await.is_ready(), "message {n}");
    }
    let mut fourth = Box::pin(publish(3));
    assert!(poll_fn(|task| Poll::Ready(fourth.as_mut().poll(task))).await.is_pending());
    // It is published, and waits for the listeners alone.
    assert_eq!(topic.history().await.unwrap().len(), 4);
    fourth.await;
    for n in 4..50 {
        publish(n).await;
    }
    settle().await;
    for connection in &connections {
        let written = lock(&connection.0).written.len();
        assert_eq!(written, 50);
    }
}

#[tokio::test(start_paused = true)]
async fn publishers_that_wait_publish_before_the_next_round_of_writes() {
    let topic: Arc<Topic<N>> = Arc::new(Topic::new("rounds").keep(1_000).ahead_max(3));
    // The deliverer gives way some thirty times in a round.
    let connections = listeners_of(&topic, 2_000).await;
    let clock = tokio::spawn(async {
        loop {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    });
    for n in 0..40 {
        tokio::task::yield_now().await;
        topic.publish(&N(n)).await.unwrap();
    }
    clock.abort();
    // The last pause ends by itself.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for connection in &connections {
        let state = lock(&connection.0);
        assert_eq!(state.written, numbers(0..40));
        // Four messages in each round, but for the first and the last one.
        assert!(state.delivered <= 40 / 4 + 2, "{} rounds", state.delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_does_not_wait_for_an_engine_that_is_away() {
    let channel = channel(1_000);
    let listeners: Vec<_> = (0..20).map(|_| Listener::start(&channel, None)).collect();
    settle().await;
    let far = Cursor { seq: 1_000, ..channel.head().cursor };
    let waiting = tokio::spawn({
        let channel = Arc::clone(&channel);
        async move { channel.wait_for_listeners(far).await }
    });
    settle().await;
    assert!(!waiting.is_finished());
    channel.set_link(Link::Down);
    waiting.await.unwrap();
    drop(listeners);
}

/// Polls a future once.
async fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = Box::pin(future);
    poll_fn(|task| Poll::Ready(future.as_mut().poll(task))).await
}

#[test]
fn a_runtime_that_ends_gives_the_connections_of_another_one_back() {
    let channel = channel(100);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    // The deliverer is a task of the first runtime.
    let early = first.block_on(async {
        let early: Vec<_> = (0..10).map(|_| Listener::start(&channel, None)).collect();
        settle().await;
        early
    });
    let late = second.block_on(async {
        let late: Vec<_> = (0..10).map(|_| Listener::start(&channel, None)).collect();
        settle().await;
        late
    });
    drop(first);
    second.block_on(async {
        settle().await;
        publish(&channel, 0);
        settle().await;
        publish(&channel, 1);
        settle().await;
        assert!(early.iter().all(|listener| listener.read().is_empty()));
        assert!(late.iter().all(|listener| listener.read() == numbers(0..2)));
        assert!(late.iter().any(|listener| listener.delivered() > 0));
    });
}

/// Publishers, and listeners that come, leave, resume and get full, on several threads.
#[test]
fn each_message_is_read_once_and_in_order_however_they_meet() {
    const MESSAGES: usize = 2_000;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.unwrap().block_on(async {
        let channel = channel(MESSAGES);
        let listeners: Vec<_> = (0..40).map(|_| Listener::start(&channel, None)).collect();
        let publisher = {
            let channel = Arc::clone(&channel);
            tokio::spawn(async move {
                for n in 0..MESSAGES {
                    publish(&channel, n);
                    if n % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        };
        let mut passing = Vec::new();
        for n in 0..MESSAGES {
            if let Some(listener) = listeners.get(n % 80) {
                listener.set_full(n % 7 < 3);
            }
            if n % 20 == 0 {
                passing.push(Listener::start(&channel, None));
            }
            if n % 40 == 30 {
                passing[n / 40].task.abort();
            }
            tokio::task::yield_now().await;
        }
        publisher.await.unwrap();
        listeners.iter().for_each(|listener| listener.set_full(false));
        let all = numbers(0..MESSAGES);
        for listener in &listeners {
            poll_fn(|task| {
                task.waker().wake_by_ref();
                if listener.read().len() < MESSAGES { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            assert_eq!(listener.read(), all);
        }
        // Those that left have read the beginning.
        for listener in passing {
            let read = listener.read();
            assert_eq!(read, all[..read.len()]);
        }
    });
}
