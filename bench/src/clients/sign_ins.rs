//! Users who sign in, and what a server with sessions answers them.

use std::{io, net::SocketAddr};

use load::http::{Connection, unexpected};
use tokio::task::JoinSet;

use crate::{clients::calls, serve::side::Endpoint, server::Server};

/// How many users sign in at once.
const CONNECTIONS: usize = 32;

/// The response to one call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Whether it names a rate, and what is left of it.
    pub(crate) names_rate: bool,
}

/// Signs so many users in, each with a name of its own. Returns their cookies.
pub(crate) async fn sign_in(server: &Server, users: usize) -> io::Result<Vec<String>> {
    let (address, path) = (server.address(), server.side.path(Endpoint::SignIn));
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS.min(users) {
        tasks.spawn(sign_in_some(address, path, (first..users).step_by(CONNECTIONS)));
    }
    let mut cookies = Vec::with_capacity(users);
    for some in tasks.join_all().await {
        cookies.extend(some?);
    }
    Ok(cookies)
}

async fn sign_in_some(
    address: SocketAddr,
    path: &'static str,
    users: impl Iterator<Item = usize>,
) -> io::Result<Vec<String>> {
    let mut connection = Connection::open(address).await?;
    let mut cookies = Vec::new();
    for user in users {
        let request =
            calls::call(address, path, format!(r#"{{"name":"user-{user:06}"}}"#).as_bytes());
        let response = connection.send(&request).await?;
        let cookie = response.head.header("set-cookie").and_then(|text| text.split(';').next());
        match (response.status, cookie) {
            (204, Some(cookie)) => cookies.push(cookie.to_owned()),
            (status, _) => return Err(unexpected(&format!("{status} without a session"))),
        }
    }
    Ok(cookies)
}

/// Sends one call, with a cookie or without.
pub(crate) async fn ask(server: &Server, cookie: Option<&str>, body: &str) -> io::Result<Answer> {
    let address = server.address();
    let mut head = calls::head_of_call(address, server.side.path(Endpoint::Note));
    if let Some(cookie) = cookie {
        head = head.header("Cookie", cookie);
    }
    let mut connection = Connection::open(address).await?;
    let response = connection.send(&head.json(body.as_bytes())).await?;
    let names_rate = ["ratelimit", "ratelimit-policy"].map(|name| response.head.header(name));
    let names_rate = names_rate.iter().all(Option::is_some);
    Ok(Answer { status: response.status, body: response.body.to_owned(), names_rate })
}
