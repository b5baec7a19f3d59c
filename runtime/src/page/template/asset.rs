//! Addresses of public files in templates: the `asset` function.

use tera::{Kwargs, State, TeraResult, Value};

use crate::{
    files::{Files, Folder},
    page::{check::unknown_file, html::encode_path},
};

/// Returns the function: `asset(path="app.css")` is `/app.0123456789abcdef.css`. Browsers cache that
/// address forever, and it changes with the content of the file.
pub(crate) fn function(
    files: Files,
) -> impl Fn(Kwargs, &State<'_>) -> TeraResult<Value> + Send + Sync + 'static {
    move |arguments, _| {
        let path = arguments.must_get::<&str>("path")?;
        let Some(address) = files.address(path) else {
            let known = files.list(Folder::Public).unwrap_or_default().paths;
            return Err(tera::Error::message(unknown_file(path, &known)));
        };
        // The address is percent-encoded, so it needs no escaping.
        Ok(Value::safe_string(&format!("/{}", encode_path(&address))))
    }
}
