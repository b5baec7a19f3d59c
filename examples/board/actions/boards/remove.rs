//! `boards.Remove`

use kipo::{Action, Context, Result, action};

use crate::{
    live::BOARDS,
    store::{Store, boards, ids::BoardId},
    user::User,
};

/// Deletes a board with its cards. Only the owner may. The open pages of all members end.
#[action]
pub struct Remove {
    #[context]
    user: User,
    board: BoardId,
}

impl Action for Remove {
    type Output = ();

    async fn call(self, cx: Context) -> Result<()> {
        let Self { user, board } = self;
        let store = cx.state::<Store>()?;
        let removed = store.write(move |db| {
            boards::ownership(db, user.id, board)?;
            boards::remove(db, board)
        });
        removed.await?;
        BOARDS.remove(&board).await?;
        cx.redirect("/")
    }
}
