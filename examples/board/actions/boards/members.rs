//! The members of a board: `boards.members.Invite` and `boards.members.Remove`.

use kipo::{Action, ActionError, Context, Error, Result, action};

use crate::{
    live,
    store::{
        Store,
        boards::{self, BOARDS_MAX, MEMBERS_MAX, Member, NotAdded},
        ids::BoardId,
        users,
    },
    user::User,
};

/// What stops an invitation.
#[derive(Debug, ActionError)]
pub enum InviteError {
    /// There is no such user.
    #[error(status = 404, message = "nobody has this name")]
    NoSuchUser,

    /// The user is a member.
    #[error(status = 409, message = "they are a member already")]
    IsMember,

    /// The board has the most members that it may have.
    #[error(status = 409, message = "the board has {members} members, which is the most")]
    BoardIsFull {
        /// How many that are.
        members: u32,
    },

    /// The user has the most boards that one may have.
    #[error(status = 409, message = "they have {boards} boards, which is the most")]
    UserIsFull {
        /// How many that are.
        boards: u32,
    },

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<NotAdded> for InviteError {
    fn from(why: NotAdded) -> Self {
        match why {
            NotAdded::IsMember => Self::IsMember,
            NotAdded::BoardIsFull => Self::BoardIsFull { members: MEMBERS_MAX },
            NotAdded::UserIsFull => Self::UserIsFull { boards: BOARDS_MAX },
        }
    }
}

/// Makes another user a member. Only the owner of the board may.
#[action]
pub struct Invite {
    #[context]
    user: User,
    board: BoardId,
    #[validate(length(min = 1, max = 24))]
    name: String,
}

impl Action<InviteError> for Invite {
    type Output = Vec<Member>;

    async fn call(self, cx: Context) -> Result<Vec<Member>, InviteError> {
        let Self { user, board, name } = self;
        let store = cx.state::<Store>()?;
        let invited = store.write(move |db| {
            boards::ownership(db, user.id, board)?;
            let Some(invited) = users::by_name(db, name.trim())? else {
                return Ok(Err(InviteError::NoSuchUser));
            };
            let revision = match boards::add_member(db, board, invited.id)? {
                Ok(revision) => revision,
                Err(why) => return Ok(Err(why.into())),
            };
            Ok(Ok((revision, boards::members(db, board)?)))
        });
        let (revision, members) = invited.await??;
        live::show_members(board, revision, members.clone()).await;
        Ok(members)
    }
}

/// What stops a removal.
#[derive(Debug, ActionError)]
pub enum RemoveError {
    /// Nobody of this name is a member, or the owner is.
    #[error(status = 404, message = "there is no such member, or it is the owner")]
    NoSuchMember,

    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Takes a member from the board: the owner takes anybody else, and a member takes themself.
#[action]
pub struct Remove {
    #[context]
    user: User,
    board: BoardId,
    #[validate(length(min = 1, max = 24))]
    name: String,
}

impl Action<RemoveError> for Remove {
    type Output = ();

    async fn call(self, cx: Context) -> Result<(), RemoveError> {
        let Self { user, board, name } = self;
        let store = cx.state::<Store>()?;
        let is_leaving = name.eq_ignore_ascii_case(&user.name);
        let removed = store.write(move |db| {
            if !is_leaving {
                boards::ownership(db, user.id, board)?;
            }
            boards::membership(db, user.id, board)?;
            let Some(revision) = boards::remove_member(db, board, &name)? else { return Ok(None) };
            Ok(Some((revision, boards::members(db, board)?)))
        });
        let (revision, members) = removed.await?.ok_or(RemoveError::NoSuchMember)?;
        live::show_members(board, revision, members).await;
        if is_leaving {
            cx.redirect("/")?;
        }
        Ok(())
    }
}
