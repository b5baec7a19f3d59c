//! Sends messages, each until it is acknowledged: with one key for all its attempts.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fastrand::Rng;
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    actor::{feed::Feed, listener::Scene},
    record::Acknowledged,
};
use load::http::call;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// A message that is not acknowledged after so many attempts never will be.
const ATTEMPTS_MAX: usize = 200;

/// What Send answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The id of the message.
    Sent(Acknowledged),
    /// A status that is not a success, and its body.
    Refused(u16, String),
}

/// Sends one message once. Its key is its text.
pub(crate) async fn send(feed: &Feed, target: SocketAddr, token: &str) -> io::Result<Answer> {
    let request = feed.send(target, token, &token[..token.len().min(100)]);
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let (status, body) = timeout(ATTEMPT, call(target, &request)).await.map_err(late)??;
    let body = String::from_utf8_lossy(&body).into_owned();
    if status != 200 {
        return Ok(Answer::Refused(status, body));
    }
    let answer: Value = serde_json::from_str(&body)?;
    let cursor = answer["id"].as_str().and_then(|id| id.parse().ok());
    let cursor = cursor.ok_or_else(|| io::Error::other(format!("Send answered {body}")))?;
    Ok(Answer::Sent(Acknowledged { token: token.to_owned(), cursor }))
}

/// Sends one message until it is acknowledged, each time to the next of the nodes.
pub(crate) async fn send_until_acknowledged(
    feed: &Feed,
    nodes: &[SocketAddr],
    token: &str,
    scene: &Scene,
) -> io::Result<Acknowledged> {
    let (first, mut last) = (fastrand::usize(..nodes.len()), String::new());
    for attempt in 0..ATTEMPTS_MAX {
        if attempt > 0 {
            scene.tally.send_retries.add();
            sleep(Duration::from_millis(fastrand::u64(50..300))).await;
        }
        match send(feed, nodes[(first + attempt) % nodes.len()], token).await {
            Ok(Answer::Sent(sent)) => {
                scene.tally.acknowledged.add();
                return Ok(sent);
            }
            // Our own mistake: no attempt will do better.
            Ok(Answer::Refused(status @ 400..=428, body)) => {
                return Err(io::Error::other(format!("Send answered {status}: {body}")));
            }
            Ok(Answer::Refused(status, body)) => last = format!("{status}: {body}"),
            Err(error) => last = error.to_string(),
        }
    }
    Err(io::Error::other(format!("{token:?} was not sent in {ATTEMPTS_MAX} attempts: {last}")))
}

/// Publishes with pauses around `pause`, until `stop` is set. Returns what was acknowledged.
///
/// Now and then it sends an acknowledged message again: the answer has to be the same id.
pub(crate) async fn publish(
    number: usize,
    nodes: Arc<[SocketAddr]>,
    scene: Arc<Scene>,
    pause: Duration,
    mut stop: watch::Receiver<bool>,
    mut rng: Rng,
) -> io::Result<Vec<Acknowledged>> {
    let mut acknowledged = Vec::new();
    for n in 0u64.. {
        let token = format!("p{number}-{n}");
        let sent = send_until_acknowledged(&Feed::Chat, &nodes, &token, &scene).await?;
        if rng.u8(0..20) == 0 {
            let again = send_until_acknowledged(&Feed::Chat, &nodes, &token, &scene).await?;
            acknowledged.push(again);
        }
        acknowledged.push(sent);
        tokio::select! {
            () = sleep(pause.mul_f64(0.5 + rng.f64())) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    Ok(acknowledged)
}
