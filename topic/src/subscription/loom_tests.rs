//! Every order in which publishers, the deliverer and a listener that lends its connection can meet.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use super::{
    connection::Connection,
    direct::Direct,
    reader::{Batch, Reader},
};
use crate::{
    Outlet,
    channel::Channel,
    log::{record::Draft, retention::Retention},
    sync::{block_on, lock},
};

/// Two messages are published while a listener comes, whose connection takes `room` deliveries. The
/// publisher is at most `ahead_max` messages ahead.
fn each_message_is_written_once(room: usize, ahead_max: u64) {
    loom::model(move || {
        let retention = Retention { count: 9, ahead_max, ..Retention::DEFAULT };
        let channel = Arc::new(Channel::empty(retention, 1));
        let publisher = {
            let channel = Arc::clone(&channel);
            loom::thread::spawn(move || {
                for data in [b"1", b"2"] {
                    let cursor = channel.publish(Draft::new("e", data), None);
                    block_on(pin!(channel.wait_for_listeners(cursor)));
                }
            })
        };
        let connection = Arc::new(Connection::new(room, 2));
        let outlet: Arc<dyn Outlet> = Arc::clone(&connection) as _;
        let (mut reader, _) = Reader::new(Arc::clone(&channel) as _, None);
        while !lock(&connection.0).has_all() {
            let mut direct = Direct::new(&mut reader, &outlet);
            let next = poll_fn(|task| {
                let next = Pin::new(&mut direct).poll(task);
                // The topic may have written the last message.
                if lock(&connection.0).has_all() { Poll::Ready(None) } else { next.map(Some) }
            });
            if let Some((from, Batch::Frames(frames))) = block_on(pin!(next)) {
                drop(direct);
                let mut state = lock(&connection.0);
                assert_eq!(from.seq(), state.written.len() as u64);
                state.write(&frames);
                assert_eq!(reader.position().seq(), state.written.len() as u64);
            }
        }
        assert_eq!(lock(&connection.0).written, ["1", "2"]);
        publisher.join().unwrap();
        drop(reader);
    });
}

#[test]
fn loom_a_connection_that_is_lent_gets_each_message_once() {
    each_message_is_written_once(9, 9);
}

#[test]
fn loom_a_connection_that_gets_full_loses_nothing() {
    each_message_is_written_once(1, 9);
}

#[test]
fn loom_a_publisher_that_waits_ends_the_pause_of_the_deliverer() {
    each_message_is_written_once(9, 0);
}
