//! A store in the engine that a URL names.

use std::io;

use kipo::topic::Store;

/// What begins the address of a store in a folder of this machine.
pub(crate) const DISK: &str = "disk://";

/// Connects to an engine, or opens a store in a folder.
pub(crate) async fn connect(url: &str) -> io::Result<Store> {
    if let Some(folder) = url.strip_prefix(DISK) {
        return Store::open(folder).map_err(io::Error::other);
    }
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let connectors = [kipo_nats::CONNECTOR, kipo_redis::CONNECTOR];
    let connector = connectors.into_iter().find(|connector| connector.schemes.contains(&scheme));
    let connector = connector.ok_or_else(|| io::Error::other(format!("no engine for {url}")))?;
    let engine = (connector.connect)(url.to_owned()).await.map_err(io::Error::other)?;
    Ok(Store::on(engine))
}
