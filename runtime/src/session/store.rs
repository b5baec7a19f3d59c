//! Where sessions are kept: the trait, and the engines of `kipo-topic` as one implementation of it.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use async_trait::async_trait;
use kipo_topic::engine::Engine;

/// What a store fails with. The log contains it, and the visitor does not see it.
type Failure = Box<dyn StdError + Send + Sync>;

/// Where sessions are kept, for a store of your own: a table, a cache server.
///
/// A store keeps bytes under short names and does not look inside. Names have letters, digits, `-`,
/// `_` and `/`, and at most 64 characters. A value has at most 64 KiB.
///
/// Kipo asks such a store for each request with a session, and caches nothing. Open streams of a
/// session that another process ends go on until the session would end by itself: only an engine
/// notifies all nodes.
///
/// # Examples
///
/// ```
/// use std::{collections::HashMap, error::Error, sync::Mutex, time::{Duration, Instant}};
///
/// use kipo::{App, SessionStore, Sessions, async_trait};
///
/// #[derive(Default)]
/// struct Table(Mutex<HashMap<String, (Vec<u8>, Instant)>>);
///
/// #[async_trait]
/// impl SessionStore for Table {
///     async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Box<dyn Error + Send + Sync>> {
///         let rows = self.0.lock().unwrap();
///         Ok(rows.get(name).filter(|(_, end)| *end > Instant::now()).map(|(value, _)| value.clone()))
///     }
///
///     async fn put(
///         &self,
///         name: &str,
///         value: &[u8],
///         ttl: Duration,
///     ) -> Result<(), Box<dyn Error + Send + Sync>> {
///         let row = (value.to_owned(), Instant::now() + ttl);
///         self.0.lock().unwrap().insert(name.to_owned(), row);
///         Ok(())
///     }
///
///     async fn delete(&self, name: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
///         self.0.lock().unwrap().remove(name);
///         Ok(())
///     }
/// }
///
/// let _app = App::new().sessions(Sessions::on(Table::default()));
/// ```
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Returns the value of a name, if there is one and its time is not over.
    ///
    /// # Errors
    ///
    /// Any error is a 503 for the visitor.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped if the client disconnects.
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Failure>;

    /// Stores a value until `ttl` has passed. It is there when the future completes.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped; the value may then be stored or not.
    async fn put(&self, name: &str, value: &[u8], ttl: Duration) -> Result<(), Failure>;

    /// Deletes a value, if there is one. It is gone when the future completes.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped; the value may then be there or not.
    async fn delete(&self, name: &str) -> Result<(), Failure>;
}

/// The small records of an engine.
#[derive(Debug)]
pub(super) struct EngineStore(pub(super) Arc<dyn Engine>);

#[async_trait]
impl SessionStore for EngineStore {
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.get(name).await?.map(|(value, _)| value))
    }

    async fn put(&self, name: &str, value: &[u8], ttl: Duration) -> Result<(), Failure> {
        Ok(self.0.put(name, value, ttl).await?)
    }

    async fn delete(&self, name: &str) -> Result<(), Failure> {
        Ok(self.0.delete(name).await?)
    }
}
