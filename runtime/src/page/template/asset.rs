//! Addresses of public files in templates: the `asset` function.

use std::cell::RefCell;

use tera::{Kwargs, State, TeraResult, Value};

use crate::{
    files::{Files, Folder},
    header::Prefix,
    page::{check::unknown_file, html::encode_path},
};

thread_local! {
    /// The prefix of the page that this thread renders. The engine gives a function no variable of the
    /// page if a component calls it.
    static PREFIX: RefCell<Prefix> = const { RefCell::new(Prefix::NONE) };
}

/// Renders with addresses below a prefix.
pub(super) fn below<T>(prefix: &Prefix, render: impl FnOnce() -> T) -> T {
    /// Sets no prefix again, also after a panic.
    struct Reset;

    impl Drop for Reset {
        fn drop(&mut self) {
            PREFIX.set(Prefix::NONE);
        }
    }

    if prefix.is_none() {
        return render();
    }
    let _reset = Reset;
    PREFIX.set(prefix.clone());
    render()
}

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
        let path = encode_path(&address);
        let url = PREFIX.with_borrow(|prefix| format!("{}/{path}", prefix.as_str()));
        Ok(Value::safe_string(&url))
    }
}
