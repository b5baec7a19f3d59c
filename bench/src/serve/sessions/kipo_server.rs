//! The call as a Kipo application.

use std::{io, path::Path};

use kipo::{
    Action, ActionError, App, Context, Error, FromContext, Key, Limits, Rate, Result, Session,
    Sessions, action, data,
};
use tokio::net::TcpListener;

use super::{CALLS_PER_SECOND, LOCKED_ID};
use crate::serve::room;

/// The name of the cookie, which is also the default.
const COOKIE: &str = "kipo-session";

/// Whose call it is. Sessions name their users, so the caller of a rate is its session.
const BY_SESSION: Key = Key::of(|cx| cx.cookie(COOKIE).map(str::to_owned));

/// Serves until standard input closes. Without a directory the sessions are in memory.
#[tokio::main]
pub(crate) async fn run(data: Option<&Path>) -> io::Result<()> {
    let app = match data {
        None => App::new().sessions(Sessions::in_memory().cookie(COOKIE)),
        Some(path) => App::new().data_dir(path).sessions(Sessions::new().cookie(COOKIE)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    room::announce(listener.local_addr()?)?;
    let served = app.require::<User>().serve(listener, room::stdin_closed()).await;
    served.map_err(io::Error::other)
}

/// The user of a session.
#[derive(Debug)]
struct User {
    name: String,
}

impl FromContext for User {
    async fn from_context(cx: &Context) -> Result<Self> {
        let session: Session = Session::from_context(cx).await?;
        let name = session.user().ok_or_else(|| Error::unauthorized("sign in first"))?;
        Ok(Self { name })
    }
}

#[action(name = "bench.SignIn", public)]
async fn sign_in(name: String, #[context] session: Session) -> Result<()> {
    session.set_user(name).await
}

#[derive(Debug, ActionError)]
enum NoteError {
    #[error(status = 409, message = "note {id} is locked by {user}")]
    Locked { id: u64, user: String },
}

#[data]
struct Note {
    id: u64,
    text: String,
}

#[action(name = "bench.Note")]
struct WriteNote {
    #[context]
    user: User,
    id: u64,
    #[validate(length(min = 1, max = 500))]
    text: String,
}

impl Action<NoteError> for WriteNote {
    type Output = Note;
    const LIMITS: Limits = Limits::new().rate(Rate::per_second(CALLS_PER_SECOND).by(BY_SESSION));

    async fn call(self, _cx: Context) -> Result<Note, NoteError> {
        let Self { user, id, text } = self;
        if id == LOCKED_ID {
            return Err(NoteError::Locked { id, user: user.name });
        }
        Ok(Note { id, text })
    }
}
