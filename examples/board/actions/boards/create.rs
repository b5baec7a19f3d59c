//! `boards.Create`

use kipo::{Action, Code, Context, Error, Result, action};

use crate::{
    store::{
        Store,
        boards::{self, BOARDS_MAX},
        ids::BoardId,
    },
    user::User,
};

/// Makes a board. Its maker is the owner.
#[action]
pub struct Create {
    #[context]
    user: User,
    #[validate(length(min = 1, max = 60))]
    title: String,
}

impl Action for Create {
    type Output = BoardId;

    async fn call(self, cx: Context) -> Result<BoardId> {
        let title = self.title.trim().to_owned();
        if title.is_empty() {
            return Err(Error::invalid("title", "must not be blank"));
        }
        let created = cx.state::<Store>()?;
        let created = created.write(move |db| boards::create(db, self.user.id, &title)).await?;
        let board = created.ok_or_else(|| {
            let message = format!("you have {BOARDS_MAX} boards, which is the most");
            Error::new(Code::Conflict, message).with_word("too_many_boards")
        })?;
        cx.redirect(&format!("/boards/{}", board.0))?;
        Ok(board)
    }
}
