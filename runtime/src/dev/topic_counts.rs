//! The topics of the app with their counts, for the development panel.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    dev::editor::{self, location},
    stream::TopicRegistration,
};

/// Up to how many topics of a family are counted in its store: there may be a million.
const KNOWN_MAX: usize = 1000;

/// How long a count of the topics in a store counts. The panel asks every two seconds, and an engine
/// may have to look at all of its topics to list some.
const KNOWN_AGE: Duration = Duration::from_secs(30);

/// The counts of topics in stores, each with its time.
#[derive(Debug, Default)]
pub(super) struct TopicCounts {
    /// By the name of the family. A std lock: held to copy one count or to add it, never over an
    /// `.await`.
    known: Mutex<HashMap<String, (Instant, Option<usize>)>>,
}

impl TopicCounts {
    /// Returns the registered topics, families and presences, sorted by name.
    pub(super) async fn document(&self, sources: Option<&Path>) -> Value {
        let mut topics = Vec::new();
        for at in inventory::iter::<TopicRegistration> {
            let topic = (at.topic)();
            let counts = topic.counts();
            let known = if counts.kind == "family" { self.known(at).await } else { None };
            topics.push(json!({
                "name": topic.name(),
                "durability": format!("{:?}", topic.durability()),
                "counts": counts,
                "known": known.map(|known| known.min(KNOWN_MAX)),
                "has_more": known.is_some_and(|known| known > KNOWN_MAX),
                "place": location(sources, at.file, at.line),
            }));
        }
        topics.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
        json!({ "topics": topics, "editor": editor::url() })
    }

    /// Returns how many topics of a family have had a message, as of a moment ago.
    async fn known(&self, at: &TopicRegistration) -> Option<usize> {
        let topic = (at.topic)();
        let recent = |(counted, known): &(Instant, Option<usize>)| {
            (counted.elapsed() < KNOWN_AGE).then_some(*known)
        };
        if let Some(known) = self.lock().get(topic.name()).and_then(recent) {
            return known;
        }
        let known = topic.known(KNOWN_MAX + 1).await;
        self.lock().insert(topic.name().to_owned(), (Instant::now(), known));
        known
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Option<usize>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kipo_topic::Topics;

    use super::*;

    #[derive(crate::Event)]
    enum BoardEvent {
        Card(u32),
    }

    #[crate::topic]
    static COUNTED: Topics<u32, BoardEvent> = Topics::new("counted");

    async fn row(counts: &TopicCounts) -> Value {
        let document = counts.document(None).await;
        let rows = document["topics"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == "counted").unwrap().clone()
    }

    #[tokio::test]
    async fn a_family_has_its_counts_and_its_store_is_not_listed_each_time() {
        let counts = TopicCounts::default();
        for board in [1, 1, 2, 3] {
            COUNTED.of(&board).publish(&BoardEvent::Card(board)).await.unwrap();
        }
        let _listeners =
            [COUNTED.of(&1).subscribe(None).await, COUNTED.of(&1).subscribe(None).await];
        let first = row(&counts).await;
        assert_eq!(
            first["counts"],
            json!({ "kind": "family", "topics": 3, "followed": 1, "listeners": 2, "published": 4 })
        );
        let known = |row: &Value| (row["known"].as_u64(), row["has_more"].as_bool());
        assert_eq!(known(&first), (Some(3), Some(false)));
        assert!(first["place"]["file"].as_str().unwrap().ends_with("topic_counts.rs"), "{first}");

        for board in 4..=1 + u32::try_from(KNOWN_MAX).unwrap() {
            COUNTED.of(&board).publish(&BoardEvent::Card(board)).await.unwrap();
        }
        let second = row(&counts).await;
        assert_eq!(second["counts"]["topics"], KNOWN_MAX + 1);
        assert_eq!(known(&second), (Some(3), Some(false)), "as of a moment ago");
        assert_eq!(known(&row(&TopicCounts::default()).await), (Some(1000), Some(true)));
    }
}
