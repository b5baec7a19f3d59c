//! `POST /webhooks/cards`: another program adds a card.
//!
//! The program signs the bytes of the body, as GitHub does: `X-Signature-256: sha256=…`, the
//! HMAC-SHA256 in hexadecimal digits. The signature is checked before the body is parsed.
//!
//! An action with a `RawBody` has the bytes as well. A route fits better here: the sender was given this
//! address and expects a 201 for a new card and a 200 for a repeated one, and an action answers 200 or
//! 204, below `/_kipo/actions`.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use hmac::{Hmac, Mac as _};
use kipo::{Context, Error, Result};
use serde::Deserialize;
use sha2::Sha256;

use crate::{
    live::{self, Change},
    store::{Store, cards, ids::BoardId},
};

/// The header field with the signature.
const SIGNATURE: &str = "x-signature-256";

/// The secret that this app and the sender share. Without one the webhook answers 404.
pub(crate) struct WebhookSecret(Option<String>);

impl WebhookSecret {
    pub(crate) fn new(secret: Option<String>) -> Self {
        Self(secret.filter(|secret| !secret.is_empty()))
    }
}

/// What the sender writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    /// The sender's own id of this card. A delivery that comes again makes no second card.
    id: String,
    board: i64,
    title: String,
}

/// Returns the routes of the webhook. Its signature protects it, so it needs no check of the origin.
pub(crate) fn routes() -> Router {
    Router::new().route("/webhooks/cards", post(add_card))
}

async fn add_card(cx: Context, headers: HeaderMap, body: Bytes) -> Result<StatusCode> {
    let secret = cx.state::<WebhookSecret>()?;
    let Some(secret) = &secret.0 else {
        return Err(Error::not_found("this server has no webhook"));
    };
    check(secret, &headers, &body)?;
    let Delivery { id, board, title } = parse(&body)?;
    let store = cx.state::<Store>()?;
    let delivered = store.write(move |db| cards::deliver(db, &id, BoardId(board), title.trim()));
    let Some(changed) = delivered.await? else { return Ok(StatusCode::OK) };
    live::show("The webhook", Change::Added, changed).await;
    Ok(StatusCode::CREATED)
}

/// Refuses a body without the right signature. The comparison takes the same time for every
/// signature, so the time of an answer does not help to guess it.
fn check(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let signature = signature.and_then(|text| hex::decode(text.strip_prefix("sha256=")?).ok());
    let mut expected = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    expected.update(body);
    let is_right = signature.is_some_and(|signature| expected.verify_slice(&signature).is_ok());
    if is_right {
        Ok(())
    } else {
        Err(Error::unauthorized("the signature does not match the body"))
    }
}

fn parse(body: &[u8]) -> Result<Delivery> {
    let delivery: Delivery = serde_json::from_slice(body)
        .map_err(|error| Error::bad_request("the body is no delivery").with_source(error))?;
    if !(1..=100).contains(&delivery.id.len()) {
        return Err(Error::invalid("id", "must have 1 to 100 bytes"));
    }
    if !(1..=120).contains(&delivery.title.trim().chars().count()) {
        return Err(Error::invalid("title", "must have 1 to 120 characters"));
    }
    Ok(delivery)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '{"a":1}' | openssl dgst -sha256 -hmac key`
    const OF_A: &str = "sha256=88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342";

    fn is_right(secret: &str, signature: &str, body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, signature.parse().unwrap());
        check(secret, &headers, body).is_ok()
    }

    #[test]
    fn only_the_signature_of_these_bytes_with_this_secret_is_right() {
        assert!(is_right("key", OF_A, br#"{"a":1}"#));
        assert!(!is_right("key", OF_A, br#"{"a": 1}"#));
        assert!(!is_right("another", OF_A, br#"{"a":1}"#));
        for wrong in
            ["", "sha256=", &OF_A[..70], &OF_A[7..], "sha256=zz", &OF_A.replace("e342", "e343")]
        {
            assert!(!is_right("key", wrong, br#"{"a":1}"#), "{wrong}");
        }
        assert!(check("key", &HeaderMap::new(), b"").is_err());
    }

    #[test]
    fn a_delivery_has_an_id_a_board_and_a_title() {
        let parsed = |text: &str| parse(text.as_bytes()).map(|delivery| delivery.title);
        assert_eq!(parsed(r#"{"id":"7","board":1,"title":"Tea"}"#).unwrap(), "Tea");
        for wrong in [
            r#"{"id":"","board":1,"title":"Tea"}"#,
            r#"{"id":"7","board":1,"title":" "}"#,
            r#"{"id":"7","board":1,"title":"Tea","more":1}"#,
            "[]",
            "",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
