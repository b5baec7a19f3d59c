//! The members of a board: `boards.members.Invite` and `boards.members.Remove`.

use kipo::{Action, Context, Error, Result, action};

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

/// Makes another user a member. Only the owner of the board may.
#[action]
pub struct Invite {
    #[context]
    user: User,
    board: BoardId,
    #[validate(length(min = 1, max = 24))]
    name: String,
}

impl Action for Invite {
    type Output = Vec<Member>;

    async fn call(self, cx: Context) -> Result<Vec<Member>> {
        let Self { user, board, name } = self;
        let store = cx.state::<Store>()?;
        let invited = store.write(move |db| {
            boards::ownership(db, user.id, board)?;
            let absent = || Error::not_found("nobody has this name").with_word("no_such_user");
            let invited = users::by_name(db, name.trim())?.ok_or_else(absent)?;
            let revision = boards::add_member(db, board, invited.id)?.map_err(refused)?;
            Ok((revision, boards::members(db, board)?))
        });
        let (revision, members) = invited.await?;
        live::show_members(board, revision, members.clone()).await;
        Ok(members)
    }
}

fn refused(why: NotAdded) -> Error {
    match why {
        NotAdded::IsMember => Error::conflict("they are a member already").with_word("is_member"),
        NotAdded::BoardIsFull => {
            Error::conflict(format!("the board has {MEMBERS_MAX} members, which is the most"))
                .with_word("board_is_full")
        }
        NotAdded::UserIsFull => {
            Error::conflict(format!("they have {BOARDS_MAX} boards, which is the most"))
                .with_word("user_is_full")
        }
    }
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

impl Action for Remove {
    type Output = ();

    async fn call(self, cx: Context) -> Result<()> {
        let Self { user, board, name } = self;
        let store = cx.state::<Store>()?;
        let is_leaving = name.eq_ignore_ascii_case(&user.name);
        let removed = store.write(move |db| {
            if !is_leaving {
                boards::ownership(db, user.id, board)?;
            }
            boards::membership(db, user.id, board)?;
            let revision = boards::remove_member(db, board, &name)?;
            Ok((revision, boards::members(db, board)?))
        });
        let (revision, members) = removed.await?;
        live::show_members(board, revision, members).await;
        if is_leaving { cx.redirect("/") } else { Ok(()) }
    }
}
