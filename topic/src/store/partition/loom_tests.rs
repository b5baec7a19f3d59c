//! Publishers and checks in every order in which they can meet.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use loom::thread::{self, JoinHandle};

use super::*;
use crate::{
    engine::{Engine, conformance::Model},
    store::Store,
};

type Answered = Result<Cursor, EngineError>;

/// A publisher that nobody wakes: outside a runtime the model answers before an append returns,
/// so all answers are there once no thread runs.
struct Publisher {
    publishing: Pin<Box<dyn Future<Output = Answered> + Send>>,
    answer: Poll<Answered>,
}

impl Publisher {
    fn new(partition: &Arc<Partition>, key: Option<&str>) -> Self {
        let (partition, key) = (Arc::clone(partition), key.map(Arc::from));
        let draft = Draft::new("e", b"1");
        let publishing = Box::pin(async move { partition.publish(draft, key).await });
        Self { publishing, answer: Poll::Pending }
    }

    fn poll(&mut self) {
        if self.answer.is_pending() {
            let mut task = Context::from_waker(Waker::noop());
            self.answer = self.publishing.as_mut().poll(&mut task);
        }
    }

    /// Publishes on a thread.
    fn spawn(mut self) -> JoinHandle<Self> {
        thread::spawn(move || {
            self.poll();
            self
        })
    }

    fn answer(mut self) -> Answered {
        self.poll();
        let Poll::Ready(answer) = self.answer else { panic!("a publisher has no answer") };
        answer
    }
}

fn partition(model: &Model) -> Arc<Partition> {
    let store = Store::on(Arc::new(model.node()));
    ready(Partition::load(store.shared(), "t".into(), Durability::Os, Retention::DEFAULT)).unwrap()
}

/// Returns the output of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let Poll::Ready(output) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the model answers at once")
    };
    output
}

fn assert_idle(partition: &Partition) {
    let waiting = lock(&partition.waiting);
    assert!(waiting.submissions.is_empty() && !waiting.is_busy && !waiting.is_parked);
}

#[test]
fn loom_publishers_hand_over_the_append() {
    loom::model(|| {
        let partition = partition(&Model::new());
        let mut own = Publisher::new(&partition, None);
        let others = [None, Some("k")].map(|key| Publisher::new(&partition, key).spawn());
        own.poll();
        let others = others.map(|other| other.join().unwrap());
        let mut numbers: Vec<_> = others.into_iter().map(Publisher::answer).collect();
        numbers.push(own.answer());
        let mut numbers: Vec<_> = numbers.into_iter().map(|answer| answer.unwrap().seq()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
        assert_idle(&partition);
    });
}

/// A refused append leaves its publishers to the check that is running. It goes on with them,
/// whenever it ends and whoever comes meanwhile.
#[test]
fn loom_a_check_goes_on_with_those_who_wait() {
    loom::model(|| {
        let model = Model::new();
        let partition = partition(&model);
        Publisher::new(&partition, None).answer().unwrap();
        model.lose_tail("t", 1);
        lock(&partition.waiting).is_checking = true;
        let check = {
            let (partition, engine) = (Arc::clone(&partition), model.node());
            thread::spawn(move || {
                let known = partition.channel.head().cursor;
                partition.channel.settle(known, ready(engine.load("t", 0)).unwrap());
                partition.end_check(Ok(()));
            })
        };
        let mut own = Publisher::new(&partition, None);
        let other = Publisher::new(&partition, None).spawn();
        own.poll();
        let other = other.join().unwrap();
        check.join().unwrap();
        // Without a runtime there is no second check: an append that was refused after the end
        // of the first one has failed.
        let answers = [own.answer(), other.answer()];
        let mut numbers: Vec<_> = answers.iter().flatten().map(Cursor::seq).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        assert_idle(&partition);
    });
}

#[test]
fn loom_a_check_that_fails_answers_those_who_wait() {
    loom::model(|| {
        let model = Model::new();
        let partition = partition(&model);
        Publisher::new(&partition, None).answer().unwrap();
        model.lose_tail("t", 1);
        lock(&partition.waiting).is_checking = true;
        let check = {
            let partition = Arc::clone(&partition);
            thread::spawn(move || {
                partition.end_check(Err(EngineError::unavailable("cut off")));
            })
        };
        let mut own = Publisher::new(&partition, None);
        let other = Publisher::new(&partition, None).spawn();
        own.poll();
        let other = other.join().unwrap();
        check.join().unwrap();
        assert!(own.answer().is_err() && other.answer().is_err());
        assert_idle(&partition);
    });
}
