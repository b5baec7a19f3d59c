//! The setting of uploads, and what an app with an action that takes files has for them.

use std::{path::Path, sync::Arc};

use crate::{
    action::{BodyForm, Identify, States, UploadSettings, Uploads},
    request::Route,
    server::Shared,
};

/// Adds the uploads to the states, if an action takes files.
pub(in crate::app) fn open(
    states: &mut States,
    routes: &[Arc<Route>],
    settings: UploadSettings,
    data_dir: &Path,
    identify: Option<Identify>,
) {
    if routes.iter().any(|route| route.endpoint.form == BodyForm::Multipart) {
        states.insert(Uploads::open(settings, data_dir, identify));
    }
}

/// Removes uploads that nobody has finished, from time to time, until the drain.
pub(in crate::app) fn start_sweep(shared: &Shared) {
    let Ok(uploads) = shared.states.get::<Uploads>() else { return };
    let cancellation = shared.background.cancellation().clone();
    shared.background.spawn(async move {
        tokio::select! {
            () = uploads.sweep() => {}
            () = cancellation.cancelled() => {}
        }
    });
}
