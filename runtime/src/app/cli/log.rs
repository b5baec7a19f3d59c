//! The log of an app, on standard error.

use std::{
    io::{self, IsTerminal as _},
    str::FromStr as _,
};

use clap::ArgMatches;
use tracing_subscriber::{
    Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

#[cfg(all(feature = "dev", debug_assertions))]
use crate::dev::{SUPERVISED, supervisor};

/// Logs to standard error, by the filter in `RUST_LOG`.
pub(super) fn log(matches: &ArgMatches) {
    let filter = std::env::var("RUST_LOG").ok().and_then(|text| Targets::from_str(&text).ok());
    let filter = filter.unwrap_or_else(|| {
        let filter = Targets::new().with_default(tracing::Level::INFO);
        // The supervisor reports that one version replaces another.
        if is_supervised() {
            filter.with_target("kipo::server", tracing::Level::WARN)
        } else {
            filter
        }
    });
    let is_json = matches.get_one::<String>("log").is_some_and(|format| format == "json");
    let lines = lines(is_json, is_coloured(), io::stderr);
    // This fails if the app has set up a log of its own, which stays.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// Returns what writes the lines of the log: as text, or each as an object of JSON that has the fields
/// of the line and of its spans.
fn lines<S, W>(is_json: bool, is_coloured: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    if is_json {
        lines.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        lines.with_ansi(is_coloured).boxed()
    }
}

/// Returns whether the development server started this process.
fn is_supervised() -> bool {
    #[cfg(all(feature = "dev", debug_assertions))]
    return std::env::var_os(SUPERVISED).is_some();
    #[cfg(not(all(feature = "dev", debug_assertions)))]
    return false;
}

/// Returns whether the log ends up on a terminal.
fn is_coloured() -> bool {
    #[cfg(all(feature = "dev", debug_assertions))]
    if let Some(coloured) = std::env::var_os(supervisor::COLOUR) {
        return coloured == "1";
    }
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use serde_json::Value;

    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns what is logged by a line in a span of the app inside the span of a call.
    fn logged(is_json: bool) -> String {
        let written = Written::default();
        let writer = written.clone();
        let lines = lines(is_json, false, move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let call = tracing::info_span!("call", action = "chat.Send", request_id = "a-1");
            call.in_scope(|| {
                tracing::info_span!("store").in_scope(|| tracing::info!(rows = 3, "say \"hi\"\n"));
            });
        });
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_of_json_has_its_fields_and_the_request_id_of_its_call() {
        let log = logged(true);
        assert_eq!(log.trim_end().lines().count(), 1, "{log}");
        let line: Value = serde_json::from_str(&log).unwrap();
        assert_eq!((&line["level"], &line["rows"]), (&"INFO".into(), &3.into()), "{log}");
        assert_eq!(line["message"], "say \"hi\"\n");
        assert_eq!(line["target"], module_path!());
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{log}");
        let call = &line["spans"][0];
        assert_eq!(
            (&call["name"], &call["action"]),
            (&"call".into(), &"chat.Send".into()),
            "{log}"
        );
        assert_eq!(call["request_id"], "a-1");
    }

    #[test]
    fn a_line_of_text_has_them_too() {
        let log = logged(false);
        assert!(log.contains(r#"call{action="chat.Send" request_id="a-1"}"#), "{log}");
        assert!(log.contains("rows=3"), "{log}");
    }
}
