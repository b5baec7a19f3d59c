//! The steps of a history, and the settings that it runs with.

use proptest::prelude::*;

use crate::engine::conformance::{Deliveries, Fault, Messages, Reads};

pub(super) const NODES: usize = 3;
pub(super) const LISTENERS: usize = 5;

/// The topics of all histories: two families, which have a key in common.
pub(super) const TOPICS: [(Family, &str); 3] =
    [(Family::Rooms, "a"), (Family::Rooms, "b"), (Family::Boards, "a")];

#[derive(Clone, Copy, Debug)]
pub(super) enum Family {
    Rooms,
    Boards,
}

/// One message to publish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) node: usize,
    pub(super) topic: usize,
    pub(super) key: Option<u8>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Publish(Message),
    /// Publishes several messages at once, and waits for all answers.
    Race(Vec<Message>),
    /// Publishes without waiting for the answer.
    Begin(Message),
    /// Drops the publisher that waits for the longest time.
    Cancel,
    Fail(usize, Fault),
    /// Late appends of a node reach the engine.
    Arrive(usize),
    SetLink(usize, bool),
    SetDeliveries(usize, Deliveries),
    SetReads(usize, Reads),
    /// Nothing if the nodes of this history do not write to each other.
    SetMessages(usize, Messages),
    LoseTail(usize, usize),
    Copy,
    Restore,
    Wipe,
    Restart(usize),
    Remove(usize, usize),
    Read(usize),
    /// A listener connects to a node, and leaves the one that it was connected to.
    Move(usize, usize),
    /// Other tasks run for a while.
    Yield(usize),
    /// Time passes until every node must have noticed what happened.
    Settle,
}

pub(super) fn message() -> impl Strategy<Value = Message> {
    let key = prop_oneof![2 => Just(None), 1 => (0u8..6).prop_map(Some)];
    (0..NODES, 0..TOPICS.len(), key).prop_map(|(node, topic, key)| Message { node, topic, key })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![Just(Fault::Refused), Just(Fault::Unacknowledged), Just(Fault::Late)];
    let messages = prop_oneof![
        2 => Just(Messages::InOrder),
        1 => Just(Messages::Held),
        1 => Just(Messages::Repeated),
        1 => Just(Messages::Lost),
    ];
    let deliveries = prop_oneof![
        Just(Deliveries::InOrder),
        Just(Deliveries::Held),
        Just(Deliveries::Repeated),
        Just(Deliveries::Reversed),
        Just(Deliveries::Lost),
    ];
    prop_oneof![
        12 => message().prop_map(Step::Publish),
        5 => proptest::collection::vec(message(), 2..12).prop_map(Step::Race),
        4 => message().prop_map(Step::Begin),
        1 => Just(Step::Cancel),
        3 => (0..NODES, fault).prop_map(|(node, fault)| Step::Fail(node, fault)),
        2 => (0..NODES).prop_map(Step::Arrive),
        4 => (0..NODES, any::<bool>()).prop_map(|(node, up)| Step::SetLink(node, up)),
        3 => (0..NODES, deliveries).prop_map(|(node, way)| Step::SetDeliveries(node, way)),
        2 => (0..NODES, prop_oneof![Just(Reads::AtOnce), Just(Reads::Held)])
            .prop_map(|(node, when)| Step::SetReads(node, when)),
        3 => (0..NODES, messages).prop_map(|(node, way)| Step::SetMessages(node, way)),
        2 => (0..TOPICS.len(), 1usize..5).prop_map(|(topic, count)| Step::LoseTail(topic, count)),
        1 => Just(Step::Copy),
        1 => Just(Step::Restore),
        1 => Just(Step::Wipe),
        2 => (0..NODES).prop_map(Step::Restart),
        1 => (0..NODES, 0..TOPICS.len()).prop_map(|(node, topic)| Step::Remove(node, topic)),
        8 => (0..LISTENERS).prop_map(Step::Read),
        8 => (0..LISTENERS, 0..NODES).prop_map(|(who, node)| Step::Move(who, node)),
        2 => (1usize..4).prop_map(Step::Yield),
        3 => Just(Step::Settle),
    ]
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) keep: usize,
    pub(super) replay_max: u64,
    /// How many messages of a topic are in memory.
    pub(super) window: usize,
    /// How many topics of a family are in memory.
    pub(super) loaded_max: usize,
    /// How many entries one append has.
    pub(super) append_max: usize,
    /// Whether the nodes write to each other, so that one may append for another.
    pub(super) has_messages: bool,
}

pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let replay_max = prop_oneof![3 => Just(u64::MAX), 1 => 1u64..6];
    let loaded_max = prop_oneof![Just(1), Just(9)];
    let window = prop_oneof![Just(1), Just(2), Just(5), Just(usize::MAX)];
    let all = (1usize..14, replay_max, window, loaded_max, 1usize..5, any::<bool>());
    all.prop_map(|(keep, replay_max, window, loaded_max, append_max, has_messages)| Settings {
        keep,
        replay_max,
        window,
        loaded_max,
        append_max,
        has_messages,
    })
}
