//! Every order in which publishers, the deliverer and a listener that lends its connection can meet.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context as Task, Poll, Waker},
};

use super::{
    direct::Direct,
    reader::{Batch, Reader},
};
use crate::{
    Cursor, Delivery, Outlet, Seat,
    channel::Channel,
    log::{record::Draft, retention::Retention},
    sync::{Mutex, block_on, lock},
};

/// A connection in memory, which takes a number of deliveries and is full then.
struct Connection(Mutex<State>);

struct State {
    seat: Seat,
    /// The numbers of the messages that are written.
    written: Vec<u64>,
    room: usize,
    waker: Option<Waker>,
}

impl Outlet for Connection {
    fn enter(&self, at: Cursor) -> bool {
        let mut state = lock(&self.0);
        state.room > 0 && state.written.len() < 2 && state.seat.enter(at)
    }

    fn deliver(&self, delivery: &Delivery) {
        let mut state = lock(&self.0);
        if state.seat.is_due(delivery) {
            if state.room == 0 {
                state.seat.release();
            } else {
                state.room -= 1;
                state.write(delivery.messages());
                state.seat.advance(delivery);
            }
        }
        state.wake_if_left();
    }

    fn release(&self) {
        let mut state = lock(&self.0);
        state.seat.release();
        state.wake_if_left();
    }

    fn leave(&self) -> Option<Cursor> {
        lock(&self.0).seat.leave()
    }

    fn poll_left(&self, task: &mut Task<'_>) -> Poll<Cursor> {
        let mut state = lock(&self.0);
        // The test ends with the second message, whoever writes it.
        if state.written.len() == 2 {
            state.seat.release();
        }
        state.waker = Some(task.waker().clone());
        state.seat.take_left().map_or(Poll::Pending, Poll::Ready)
    }
}

impl State {
    fn write(&mut self, messages: u64) {
        let from = self.written.last().copied().unwrap_or(0);
        self.written.extend(from + 1..=from + messages);
        if self.written.len() == 2 {
            self.seat.release();
        }
    }

    fn wake_if_left(&mut self) {
        if self.seat.has_left()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

/// Two messages are published while a listener comes, whose connection takes `room` deliveries.
fn each_message_is_written_once(room: usize) {
    loom::model(move || {
        let retention = Retention { count: 9, ..Retention::DEFAULT };
        let channel = Arc::new(Channel::empty(retention, 1));
        let publisher = {
            let channel = Arc::clone(&channel);
            loom::thread::spawn(move || {
                channel.publish(Draft::new("e", b"1"), None);
                channel.publish(Draft::new("e", b"2"), None);
            })
        };
        let state = State { seat: Seat::Empty, written: Vec::new(), room, waker: None };
        let connection = Arc::new(Connection(Mutex::new(state)));
        let outlet: Arc<dyn Outlet> = Arc::clone(&connection) as _;
        let (mut reader, _) = Reader::new(Arc::clone(&channel), None);
        while lock(&connection.0).written.len() < 2 {
            let mut direct = Direct::new(&mut reader, &outlet);
            let next = poll_fn(|task| {
                let next = direct.poll(task);
                // The topic may have written the last message.
                if lock(&connection.0).written.len() == 2 {
                    Poll::Ready(None)
                } else {
                    next.map(Some)
                }
            });
            if let Some((from, Batch::Frames(_))) = block_on(pin!(next)) {
                drop(direct);
                let mut state = lock(&connection.0);
                assert_eq!(from.seq(), state.written.last().copied().unwrap_or(0));
                state.write(reader.position().seq() - from.seq());
            }
        }
        assert_eq!(lock(&connection.0).written, [1, 2]);
        publisher.join().unwrap();
        drop(reader);
    });
}

#[test]
fn loom_a_connection_that_is_lent_gets_each_message_once() {
    each_message_is_written_once(9);
}

#[test]
fn loom_a_connection_that_gets_full_loses_nothing() {
    each_message_is_written_once(1);
}
