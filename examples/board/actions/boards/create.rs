//! `boards.Create`

use kipo::{Action, ActionError, Context, Error, Result, action};

use crate::{
    store::{
        Store,
        boards::{self, BOARDS_MAX},
        ids::BoardId,
    },
    user::User,
};

/// What stops a new board.
#[derive(Debug, ActionError)]
pub enum CreateError {
    /// The user has the most boards that one may have.
    #[error(status = 409, message = "you have {boards} boards, which is the most")]
    TooManyBoards {
        /// How many that are.
        boards: u32,
    },

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Makes a board. Its maker is the owner.
#[action]
pub struct Create {
    #[context]
    user: User,
    #[validate(length(min = 1, max = 60))]
    title: String,
}

impl Action<CreateError> for Create {
    type Output = BoardId;

    async fn call(self, cx: Context) -> Result<BoardId, CreateError> {
        let title = self.title.trim().to_owned();
        if title.is_empty() {
            return Err(Error::invalid("title", "must not be blank").into());
        }
        let created = cx.state::<Store>()?;
        let created = created.write(move |db| boards::create(db, self.user.id, &title)).await?;
        let board = created.ok_or(CreateError::TooManyBoards { boards: BOARDS_MAX })?;
        cx.redirect(&format!("/boards/{}", board.0))?;
        Ok(board)
    }
}
