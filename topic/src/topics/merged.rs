//! Several topics read as one stream, with one cursor for all of them.

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    task::{Context as Task, Poll},
};

use crate::{
    engine::Link,
    error::ReadError,
    event::Event,
    log::{
        vector::{MERGED_MAX, Part, Positions},
        verdict::{Gap, Resume, Verdict},
    },
    message::Message,
    subscription::{Next, Subscription},
    topic::Topic,
};

/// A listener's positions in up to [`MERGED_MAX`] topics. It reads each topic once and in order;
/// between topics there is no order.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Merged, MergedNext, Topics};
/// # struct N(u32);
/// # impl Event for N {
/// #     fn name(&self) -> &'static str { "n" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, &self.0)
/// #     }
/// # }
///
/// static ROOMS: Topics<String, N> = Topics::new("room");
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let rooms = [ROOMS.of("attic"), ROOMS.of("cellar")];
/// rooms[0].publish(&N(1)).await?;
/// rooms[1].publish(&N(2)).await?;
///
/// let mut listener = Merged::of(&rooms, None).await?;
/// for n in [1, 2] {
///     let MergedNext::Message(_, message) = listener.next().await else { panic!("a message") };
///     assert_eq!(message.json::<u32>()?, n);
/// }
/// let position = listener.position();
///
/// // It goes on after both.
/// rooms[1].publish(&N(3)).await?;
/// let mut listener = Merged::of(&rooms, Some(&position)).await?;
/// let MergedNext::Message(topic, message) = listener.next().await else { panic!("a message") };
/// assert_eq!((topic.as_str(), message.json::<u32>()?), ("room/cellar", 3));
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Merged<E> {
    members: Vec<Member<E>>,
    /// The member that is asked first, so that a busy topic does not hold up the others.
    turn: usize,
    link: Link,
}

struct Member<E> {
    topic: String,
    subscription: Subscription<E>,
    /// The position that the listener showed, until it has read the gap that follows it.
    before_gap: Option<Part>,
}

/// What a listener of several topics reads next.
///
/// # Examples
///
/// See [`Merged`].
#[derive(Clone, Debug)]
pub enum MergedNext {
    /// The next message of the topic with this name.
    Message(String, Message),
    /// Messages of the topic with this name that the listener will not read.
    Gap(String, Gap),
    /// See [`Next::Link`].
    Link(Link),
    /// All topics were removed. There is nothing to read any more.
    Removed,
}

impl<E: Event> Merged<E> {
    /// Returns a listener to topics that goes on after `from`, the text of
    /// [`position`](Self::position). A topic that has no position there starts with its oldest
    /// retained message. A topic that is named twice is followed once.
    ///
    /// A text that is no such position gives a gap for each topic, and never an error; positions in
    /// other topics are ignored.
    ///
    /// # Errors
    ///
    /// As for [`Topic::subscribe`].
    ///
    /// # Panics
    ///
    /// Panics if there are more than [`MERGED_MAX`] topics.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn of<T: AsRef<Topic<E>>>(
        topics: &[T],
        from: Option<&str>,
    ) -> Result<Self, ReadError> {
        assert!(topics.len() <= MERGED_MAX, "one stream follows at most {MERGED_MAX} topics");
        let positions = from.map(str::parse::<Positions>);
        let mut members = Vec::<Member<E>>::with_capacity(topics.len());
        for topic in topics.iter().map(T::as_ref) {
            if members.iter().any(|member| member.topic == topic.name()) {
                continue;
            }
            let shown = match &positions {
                None => None,
                Some(Err(_)) => Some(None),
                Some(Ok(positions)) => positions.part(topic.name()).map(Some),
            };
            let generation = topic.position().await?.generation();
            let from = shown.map(|part| {
                part.map_or_else(String::new, |part| part.cursor(generation).to_string())
            });
            let subscription = topic.subscribe(from.as_deref()).await?;
            let is_gap = matches!(subscription.resume().verdict, Verdict::Gap(_));
            let before_gap = shown.flatten().filter(|_| is_gap);
            members.push(Member { topic: topic.name().to_owned(), subscription, before_gap });
        }
        Ok(Self { members, turn: 0, link: Link::Up })
    }

    /// Waits for the next message of any of the topics, or for the report that some are missing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no position moves before the future completes.
    pub async fn next(&mut self) -> MergedNext {
        poll_fn(|task| self.poll_next(task)).await
    }

    fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<MergedNext> {
        let mut asked = 0;
        while asked < self.members.len() {
            let at = (self.turn + asked) % self.members.len();
            let member = &mut self.members[at];
            let Poll::Ready(next) = pin!(member.subscription.next()).poll(task) else {
                asked += 1;
                continue;
            };
            match next {
                Next::Message(message) => {
                    self.turn = at + 1;
                    let topic = self.members[at].topic.clone();
                    return Poll::Ready(MergedNext::Message(topic, message));
                }
                Next::Gap(gap) => {
                    member.before_gap = None;
                    return Poll::Ready(MergedNext::Gap(member.topic.clone(), gap));
                }
                // Topics of one engine report it one after another; the listener reads it once.
                Next::Link(link) => {
                    if std::mem::replace(&mut self.link, link) != link {
                        return Poll::Ready(MergedNext::Link(link));
                    }
                }
                Next::Removed => {
                    self.members.remove(at);
                    asked = 0;
                }
            }
        }
        if self.members.is_empty() { Poll::Ready(MergedNext::Removed) } else { Poll::Pending }
    }

    /// Returns the position after everything that was read, in at most 128 characters of ASCII.
    #[must_use]
    pub fn position(&self) -> String {
        let mut positions = Positions::default();
        for Member { topic, subscription, before_gap } in &self.members {
            let here = || Part::new(topic, subscription.position());
            positions.push(before_gap.unwrap_or_else(here));
        }
        positions.to_string()
    }

    /// Returns where the listener started in each topic, and why there.
    pub fn resume(&self) -> impl Iterator<Item = (&str, Resume)> {
        self.members.iter().map(|member| (member.topic.as_str(), member.subscription.resume()))
    }
}

impl<E> fmt::Debug for Merged<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topics: Vec<&str> = self.members.iter().map(|member| member.topic.as_str()).collect();
        f.debug_struct("Merged").field("topics", &topics).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log::verdict::GapReason, topic::tests::N};

    async fn numbers(listener: &mut Merged<N>, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            match listener.next().await {
                MergedNext::Message(_, message) => numbers.push(message.json().unwrap()),
                other => panic!("{other:?}"),
            }
        }
        numbers
    }

    #[tokio::test]
    async fn every_topic_that_cannot_go_on_is_one_gap() {
        let topics = [Topic::new("a").keep(2), Topic::new("b").keep(2), Topic::new("c").keep(2)];
        for (n, topic) in (0..).zip(&topics) {
            topic.publish(&N(n)).await.unwrap();
        }
        let mut listener = Merged::of(&topics, None).await.unwrap();
        assert_eq!(numbers(&mut listener, 3).await, [0, 1, 2]);
        let position = listener.position();
        for n in 10..13 {
            topics[0].publish(&N(n)).await.unwrap();
            topics[2].publish(&N(n)).await.unwrap();
        }
        topics[1].publish(&N(20)).await.unwrap();

        let mut listener = Merged::of(&topics, Some(&position)).await.unwrap();
        let mut gaps = Vec::new();
        // A listener that leaves between the gaps reads the second one when it comes back.
        let MergedNext::Gap(topic, gap) = listener.next().await else { panic!("a gap") };
        gaps.push((topic, gap.missed));
        let mut listener = Merged::of(&topics, Some(&listener.position())).await.unwrap();
        let (mut read, mut seen) = (Vec::new(), 0);
        while seen < 6 {
            match listener.next().await {
                MergedNext::Gap(topic, gap) => {
                    gaps.push((topic, gap.missed));
                    seen += 1;
                }
                MergedNext::Message(_, message) => {
                    read.push(message.json::<u64>().unwrap());
                    seen += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(gaps, [("a".to_owned(), Some(1)), ("c".to_owned(), Some(1))]);
        read.sort_unstable();
        assert_eq!(read, [11, 11, 12, 12, 20]);
    }

    #[tokio::test]
    async fn positions_in_other_topics_are_ignored_and_other_texts_are_gaps() {
        let topics = [Topic::new("a"), Topic::new("b")];
        topics[0].publish(&N(1)).await.unwrap();
        topics[1].publish(&N(2)).await.unwrap();
        let mut both = Merged::of(&topics, None).await.unwrap();
        numbers(&mut both, 2).await;
        let position = both.position();
        let one = Merged::of(&topics[..1], Some(&position)).await.unwrap();
        assert!(one.resume().all(|(_, resume)| resume.verdict == Verdict::Resumed));

        let single = topics[0].position().await.unwrap().to_string();
        for text in ["", "nonsense", &single] {
            let all = Merged::of(&topics, Some(text)).await.unwrap();
            let is_new = |verdict| {
                matches!(verdict, Verdict::Gap(Gap { reason: GapReason::NewGeneration, .. }))
            };
            assert!(all.resume().all(|(_, resume)| is_new(resume.verdict)), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_busy_topic_does_not_hold_up_another() {
        let topics = [Topic::new("a"), Topic::new("b")];
        for n in 0..100 {
            topics[0].publish(&N(n)).await.unwrap();
        }
        topics[1].publish(&N(1000)).await.unwrap();
        let mut listener = Merged::of(&topics, None).await.unwrap();
        assert!(numbers(&mut listener, 2).await.contains(&1000));
    }
}
