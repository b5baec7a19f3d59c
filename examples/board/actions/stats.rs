//! Numbers about the whole server.

use kipo::{Action, Context, OutputCache, Result, action, data};

use crate::{
    store::{
        Store,
        cards::{self, Column},
    },
    user::User,
};

/// Counts the cards of all boards, at most once in half a minute. The user is asked for before the
/// cache answers.
#[action(method = "GET")]
pub struct Show {
    #[context]
    _user: User,
}

/// How many cards are in each column, on all boards.
#[data]
#[derive(Debug, PartialEq)]
pub struct Stats {
    pub todo: u32,
    pub doing: u32,
    pub done: u32,
}

impl Action for Show {
    type Output = Stats;
    // All users read the same numbers.
    const CACHE: OutputCache<Self> = OutputCache::for_secs(30).public();

    async fn call(self, cx: Context) -> Result<Stats> {
        let store = cx.state::<Store>()?;
        let counted = store.read(|db| {
            let count = |column| cards::count(db, column);
            let (todo, doing) = (count(Column::Todo)?, count(Column::Doing)?);
            Ok(Stats { todo, doing, done: count(Column::Done)? })
        });
        counted.await
    }
}

#[cfg(test)]
mod tests {
    use kipo::{
        http::{Request, StatusCode, header},
        testing::{self, Response, json},
    };

    use super::*;

    const NAME: &str = "/_kipo/actions/stats.Show";

    #[tokio::test]
    async fn all_users_read_one_count_and_a_stranger_reads_none() {
        let folder = tempfile::tempdir().unwrap();
        let app = crate::app(folder.path().join("board.db"), None);
        let app = testing::App::start(app).await;
        let (ann, bob, stranger) = (app.client(), app.client(), app.client());
        for (client, name) in [(&ann, "ann"), (&bob, "bob")] {
            let input = json!({ "name": name, "password": "correct horse" }).to_string();
            let request = Request::post("/_kipo/actions/users.SignUp");
            let request = request.header(header::CONTENT_TYPE, "application/json");
            assert_eq!(client.send(request.body(input).unwrap()).await.status(), 204);
        }
        let status = |response: &Response| response.header("cache-status").map(str::to_owned);
        let counted = ann.get(NAME).await;
        assert_eq!(status(&counted).as_deref(), Some("kipo; fwd=miss"));
        assert_eq!(counted.json::<Stats>(), Stats { todo: 0, doing: 0, done: 0 });
        let again = bob.get(NAME).await;
        assert!(status(&again).unwrap().starts_with("kipo; hit"), "{again}");
        assert_eq!(stranger.get(NAME).await.status(), StatusCode::UNAUTHORIZED);
    }
}
