//! Where the durable topics of an app are kept: its data directory, or an engine that many nodes
//! share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kipo_topic::{
    Store,
    engine::{Connector, Engine},
};

use crate::{
    app::start_error::StartError, error::StartDiagnostic, session::Sessions, stream::topics,
};

/// What an app says about where its durable topics are kept.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) data_dir: PathBuf,
    pub(crate) engine: Option<Arc<dyn Engine>>,
    /// The kinds of engines that a URL may name.
    pub(crate) connectors: Vec<Connector>,
    /// The engine to connect to at start, instead of the data directory.
    pub(crate) engine_url: Option<String>,
    pub(crate) allows_weaker: bool,
    pub(crate) sessions: Option<Sessions>,
}

impl Storage {
    pub(crate) fn new() -> Self {
        Self {
            data_dir: "data".into(),
            engine: None,
            connectors: Vec::new(),
            engine_url: None,
            allows_weaker: false,
            sessions: None,
        }
    }

    /// Opens the durable topics that are not open yet, without a look at what they hold. Returns the
    /// store, if there is such a topic, or if the sessions are in it.
    pub(crate) fn open(&self) -> Result<Option<Store>, StartError> {
        let open = || match &self.engine {
            Some(engine) => Ok(Store::on(Arc::clone(engine))),
            None => open_directory(&self.data_dir),
        };
        let weaker = |store: Store| if self.allows_weaker { store.allow_weaker() } else { store };
        let sessions = self.sessions.as_ref().filter(|sessions| sessions.needs_storage());
        let is_wanted = self.engine.is_some() || sessions.is_some();
        let store = topics::open_all(is_wanted, || open().map(weaker)).map_err(one)?;
        if let (Some(sessions), Some(store)) = (sessions, &store) {
            let opened = sessions.open(store);
            opened.map_err(|error| one(StartDiagnostic::new("App::sessions", error.log_text())))?;
        }
        Ok(store)
    }

    /// Connects to the engine that is named by a URL, opens the durable topics that are not open yet,
    /// and reads them. Returns the store, if there is such a topic.
    pub(crate) async fn open_and_load(&mut self) -> Result<Option<Store>, StartError> {
        if let Some(url) = &self.engine_url {
            self.engine = Some(connect(&self.connectors, url).await.map_err(one)?);
        }
        let store = self.open()?;
        if store.is_some() {
            topics::load_all().await.map_err(one)?;
        }
        Ok(store)
    }
}

fn one(error: StartDiagnostic) -> StartError {
    StartError(vec![error])
}

async fn connect(connectors: &[Connector], url: &str) -> Result<Arc<dyn Engine>, StartDiagnostic> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let known = || connectors.iter().flat_map(|connector| connector.schemes.iter().copied());
    let Some(connector) = connectors.iter().find(|connector| connector.schemes.contains(&scheme))
    else {
        let schemes: Vec<_> = known().map(|scheme| format!("`{scheme}://`")).collect();
        let message = if schemes.is_empty() {
            "this app has no engine: add `.connectors([kipo_nats::CONNECTOR])` or \
             `.connectors([kipo_redis::CONNECTOR])` to the App"
                .to_owned()
        } else {
            format!("the URL of an engine begins with {} here", schemes.join(" or "))
        };
        return Err(StartDiagnostic::new("engine", message));
    };
    let engine = (connector.connect)(url.to_owned()).await;
    engine.map_err(|error| StartDiagnostic::new("engine", error.to_string()))
}

#[cfg(feature = "disk")]
fn open_directory(path: &Path) -> Result<Store, StartDiagnostic> {
    Store::open(path).map_err(|error| topics::start_error(&error))
}

#[cfg(not(feature = "disk"))]
fn open_directory(_: &Path) -> Result<Store, StartDiagnostic> {
    let message = "durable topics need the feature `disk` of kipo, which this build does not have, \
                   or an engine";
    Err(StartDiagnostic::new("topics", message))
}
