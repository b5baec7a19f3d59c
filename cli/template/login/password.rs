//! Hashes passwords with Argon2.
//!
//! A hash takes tens of milliseconds and 19 MiB on purpose. So it runs on a thread that may block,
//! and only a few run at the same time: a flood of sign-ins waits in a queue, and the other requests
//! do not.

use kipo::{Error, Result};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many hashes are computed at the same time.
const HASHES_MAX: usize = 2;

static HASHES: Semaphore = Semaphore::const_new(HASHES_MAX);

/// Returns the hash of a new password, with a salt of its own.
pub(crate) async fn hash(password: String) -> Result<String> {
    compute(move || password_auth::generate_hash(password)).await
}

/// Returns whether a password has this hash.
///
/// Without a hash the answer is no, after the same work: the time of an answer does not show whether
/// there is a user of this name.
pub(crate) async fn is_right(password: String, hash: Option<String>) -> Result<bool> {
    compute(move || match hash {
        Some(hash) => password_auth::verify_password(password, &hash).is_ok(),
        None => {
            password_auth::generate_hash(password);
            false
        }
    })
    .await
}

async fn compute<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let permit = HASHES.acquire().await.map_err(Error::internal)?;
    let computed = spawn_blocking(move || {
        // The permit stays with the work, also if its caller gives up.
        let _permit = permit;
        compute()
    });
    Ok(computed.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hash = hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(
            is_right("correct horse".to_owned(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !is_right("Correct horse".to_owned(), Some(hash))
                .await
                .unwrap()
        );
        assert!(!is_right("correct horse".to_owned(), None).await.unwrap());
    }
}
