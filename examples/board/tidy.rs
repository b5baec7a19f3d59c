//! The task that tidies: it runs each minute, on each node.

use std::time::Duration;

use kipo::{Result, TaskContext};

use crate::{
    live,
    store::{Store, attachments, cards},
};

/// A card that is done leaves its board after this time.
pub(crate) const DONE_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A delivery of the webhook is remembered for this time.
const DELIVERIES_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A deleted card can be restored for this time.
const RESTORABLE_FOR: Duration = Duration::from_secs(60 * 60);

/// A file without a row is removed after this time: until then an action may still write its row.
const ORPHANS_FOR: Duration = Duration::from_secs(60 * 60);

/// How many cards one run deletes: others may write in between.
const CARDS_MAX: u32 = 200;

/// Deletes cards that have been done for long and those that nobody restored, removes the files of cards
/// that are gone, and forgets old deliveries.
pub(crate) async fn tidy(cx: TaskContext) -> Result<()> {
    let store = cx.state::<Store>()?;
    let removed = store.write(|db| {
        cards::forget_deliveries(db, DELIVERIES_FOR)?;
        cards::purge(db, RESTORABLE_FOR)?;
        cards::remove_done(db, DONE_FOR, CARDS_MAX)
    });
    // Two nodes that tidy at the same time delete each card once, because a delete returns its rows.
    for removed in removed.await? {
        live::show_removed(live::TIDY, removed).await;
    }
    let folder = store.folder().to_owned();
    // On the thread of a reader, which may block. Others read in the meantime.
    let orphans = store.read(move |db| attachments::remove_orphans(db, &folder, ORPHANS_FOR));
    let orphans = orphans.await?;
    if orphans > 0 {
        tracing::info!(orphans, "files of cards that are gone were removed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{boards, cards::Column, testing, users};

    #[tokio::test]
    async fn a_card_that_is_done_for_long_leaves_and_open_pages_learn_it() {
        kipo::testing::open_topics();
        let (_folder, store) = testing::open().await;
        let board = store.write(|db| {
            let ann = users::add(db, "ann", "")?.unwrap();
            let board = boards::create(db, ann, "Kitchen")?.unwrap();
            let old = cards::add(db, board, Column::Done, "old")?.unwrap().card.card;
            cards::add(db, board, Column::Done, "new")?.unwrap();
            db.execute("UPDATE cards SET done_at = 0 WHERE id = ?1", [old])?;
            Ok(board)
        });
        let board = board.await.unwrap();
        let cx = TaskContext::test().with_state(store);
        tidy(cx.clone()).await.unwrap();
        let store = cx.state::<Store>().unwrap();
        let left = store.read(move |db| cards::of_board(db, board)).await.unwrap();
        assert_eq!(left.iter().map(|card| &*card.title).collect::<Vec<_>>(), ["new"]);
    }
}
