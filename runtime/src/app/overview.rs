//! What an app serves, who may use it and within which limits: the output of `routes`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    action::{Bounds, CacheOverview, InputMethod, Limits, Rate},
    app::build::Built,
    page::PageOverview,
    request::Route,
};

/// The actions and the pages of an app.
pub(super) struct Overview<'b> {
    actions: Vec<Row<'b>>,
    pages: Vec<PageOverview>,
    /// How long the guards and the data of a page may take.
    page_time: Duration,
    /// How many guards of `App::guard` every action passes.
    guards: usize,
}

/// An action and the limits that apply to it.
struct Row<'b> {
    route: &'b Route,
    bounds: Bounds,
    rate: Option<Rate>,
    concurrent_max: Option<usize>,
}

const HEAD: [&str; 11] =
    ["KIND", "NAME", "METHOD", "NEEDS", "USES", "BODY", "TIME", "RATE", "RUNS", "CACHE", "WHERE"];

/// Marks what only `App::require` protects.
const UNDECIDED: &str = "*";

impl<'b> Overview<'b> {
    pub(super) fn new(built: &'b Built) -> Self {
        let app = built.shared.limits;
        let row = |route: &'b std::sync::Arc<Route>| {
            let limits = route.endpoint.limits;
            let (rate, concurrent_max) = (limits.rate_within(app), limits.concurrent_within(app));
            Row { route, bounds: limits.within(app), rate, concurrent_max }
        };
        Self {
            actions: built.routes.iter().map(row).collect(),
            pages: built.pages.as_ref().map_or_else(Vec::new, |pages| pages.overview()),
            page_time: Limits::new().within(app).timeout,
            guards: built.shared.guards.count(),
        }
    }

    /// Returns how many actions and pages there are, in words.
    pub(super) fn counts(&self) -> String {
        let counted = |count: usize, one: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        format!("{}, {}", counted(self.actions.len(), "action"), counted(self.pages.len(), "page"))
    }

    /// Returns a table with aligned columns.
    pub(super) fn table(&self) -> String {
        let needs = |needs: &[String], is_undecided: bool| match (needs, is_undecided) {
            ([], _) => "-".to_owned(),
            (needs, false) => needs.join(", "),
            (needs, true) => format!("{} {UNDECIDED}", needs.join(", ")),
        };
        let none = || "-".to_owned();
        let actions = self.actions.iter().map(|row| {
            let Row { route, bounds, rate, concurrent_max } = row;
            let (file, line) = route.location;
            [
                kind(route).to_owned(),
                route.name.to_string(),
                methods(route).join(", "),
                needs(&route.needs(), route.is_undecided),
                needs(&route.uses(), false),
                bytes(bounds.body_bytes_max),
                time(route, bounds).map_or_else(none, seconds),
                rate.as_ref().map_or_else(none, rate_words),
                concurrent_max.map_or_else(none, |max| max.to_string()),
                route.endpoint.cache.map_or_else(none, cache_words),
                format!("{file}:{line}"),
            ]
        });
        let pages = self.pages.iter().map(|page| {
            [
                "page".to_owned(),
                page.path.clone(),
                "GET".to_owned(),
                needs(&page.needs, page.is_undecided),
                needs(&page.uses, false),
                none(),
                seconds(self.page_time),
                none(),
                none(),
                none(),
                page.file.clone(),
            ]
        });
        let rows: Vec<_> =
            std::iter::once(HEAD.map(str::to_owned)).chain(actions).chain(pages).collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let cells = rows.iter().map(|row| row[column].chars().count());
                let width = cells.max().unwrap_or_default();
                line.push_str(&format!("{cell:width$}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text + &self.notes()
    }

    /// Returns what the table does not show.
    fn notes(&self) -> String {
        let mut notes = String::new();
        let is_undecided = self.actions.iter().any(|row| row.route.is_undecided)
            || self.pages.iter().any(|page| page.is_undecided);
        if is_undecided {
            notes.push_str(
                "\n* by App::require alone: nothing at the action or the page says who may use it\n",
            );
        }
        match self.guards {
            0 => {}
            1 => notes.push_str("\nEvery action passes 1 guard of App::guard as well.\n"),
            guards => {
                notes.push_str(&format!(
                    "\nEvery action passes {guards} guards of App::guard as well.\n"
                ));
            }
        }
        notes
    }

    /// Returns the same as JSON.
    pub(super) fn json(&self) -> Value {
        let actions = self.actions.iter().map(|row| {
            let Row { route, bounds, rate, concurrent_max } = row;
            let (file, line) = route.location;
            json!({
                "kind": kind(route),
                "name": &*route.name,
                "methods": methods(route),
                "needs": route.needs(),
                "uses": route.uses(),
                "undecided": route.is_undecided,
                "body_bytes_max": bounds.body_bytes_max,
                "time_ms": time(route, bounds).map(ms),
                "rate": rate.as_ref().map(rate_json),
                "concurrent_max": concurrent_max,
                "cache": route.endpoint.cache.map(cache_json),
                "file": file,
                "line": line,
            })
        });
        let pages = self.pages.iter().map(|page| {
            json!({
                "path": page.path,
                "needs": page.needs,
                "uses": page.uses,
                "undecided": page.is_undecided,
                "time_ms": ms(self.page_time),
                "file": page.file,
            })
        });
        json!({
            "guards": self.guards,
            "actions": actions.collect::<Vec<_>>(),
            "pages": pages.collect::<Vec<_>>(),
        })
    }
}

fn kind(route: &Route) -> &'static str {
    if route.endpoint.is_stream { "stream" } else { "call" }
}

/// Returns the methods that a request may have. A GET may also be a HEAD.
fn methods(route: &Route) -> &'static [&'static str] {
    match route.endpoint.method {
        _ if route.endpoint.is_stream => &["GET", "POST"],
        InputMethod::Get => &["GET"],
        InputMethod::Post => &["POST"],
        InputMethod::Put => &["PUT"],
        InputMethod::Patch => &["PATCH"],
        InputMethod::Delete => &["DELETE"],
    }
}

/// Returns a rate in words: `5/min by user, burst 10`.
fn rate_words(rate: &Rate) -> String {
    let (permits, period) = rate.permits();
    let period = match period.as_secs() {
        1 => "s".to_owned(),
        60 => "min".to_owned(),
        3600 => "h".to_owned(),
        seconds => format!("{seconds} s"),
    };
    let burst = match rate.capacity() {
        burst if burst == permits => String::new(),
        burst => format!(", burst {burst}"),
    };
    format!("{permits}/{period} by {}{burst}", rate.key().name())
}

fn rate_json(rate: &Rate) -> Value {
    let ((calls, period), by) = (rate.permits(), rate.key().name());
    json!({ "calls": calls, "period_ms": ms(period), "burst": rate.capacity(), "by": by })
}

/// Returns a cache in words: `60 s by caller, vary accept-language`.
fn cache_words(CacheOverview { lifetime, by, vary }: CacheOverview) -> String {
    let vary = if vary.is_empty() { String::new() } else { format!(", vary {vary}") };
    let by = if by == "everybody" { "for everybody".to_owned() } else { format!("by {by}") };
    format!("{} {by}{vary}", seconds(lifetime))
}

fn cache_json(CacheOverview { lifetime, by, vary }: CacheOverview) -> Value {
    let vary: Vec<&str> = vary.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    json!({ "time_ms": ms(lifetime), "by": by, "vary": vary })
}

/// Returns how long a call, or one connection of a stream, may take.
fn time(route: &Route, bounds: &Bounds) -> Option<Duration> {
    if route.endpoint.is_stream { bounds.stream_time } else { Some(bounds.timeout) }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(time: Duration) -> String {
    match ms(time) {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}

fn bytes(bytes: usize) -> String {
    const KIB: usize = 1024;
    const MIB: usize = KIB * KIB;

    match bytes {
        bytes if bytes > 0 && bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        bytes if bytes > 0 && bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        bytes => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::{Action, Context, FromContext, Key, OutputCache},
        app::App,
        error::Result,
        files::TestDir,
        session::{Cookies, Session, Sessions},
        stream::EventStream,
    };

    struct Member;

    impl FromContext for Member {
        async fn from_context(_: &Context) -> Result<Self> {
            Ok(Self)
        }
    }

    #[derive(crate::Event)]
    enum Nothing {}

    #[crate::action(name = "overview.Plain")]
    async fn plain() -> Result<()> {
        Ok(())
    }

    #[crate::action(name = "overview.Streams", public)]
    async fn streams(out: EventStream<Nothing>) -> Result<()> {
        drop(out);
        Ok(())
    }

    /// It has all that the table shows.
    #[crate::action(name = "overview.Full", method = "GET")]
    struct Full {
        #[context]
        _session: Session<u32>,
        #[context]
        _cookies: Cookies,
    }

    impl Action for Full {
        type Output = ();
        const LIMITS: Limits =
            Limits::new().rate(Rate::per_minute(5).burst(10).by(Key::User)).concurrent_max(4);
        const CACHE: OutputCache<Self> =
            OutputCache::for_secs(60).by(|_, _| String::new()).vary("accept-language");

        async fn call(self, _cx: Context) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rates_and_caches_are_words() {
        assert_eq!(rate_words(&Rate::per_second(1)), "1/s by address");
        assert_eq!(rate_words(&Rate::per_hour(3).by(Key::Session)), "3/h by session");
        let cache = |cache: OutputCache<()>| cache.overview().map(cache_words);
        assert_eq!(cache(OutputCache::for_secs(1)).as_deref(), Some("1 s by caller"));
        let public = OutputCache::for_secs(60).public();
        assert_eq!(cache(public).as_deref(), Some("60 s for everybody"));
        assert_eq!(cache(OutputCache::off()), None);
    }

    #[test]
    fn the_table_is_aligned_and_says_who_may_use_what() {
        let dir = TestDir::new(&[("pages/index.html", "home"), ("pages/[id].html", "an item")]);
        let app = App::new()
            .sessions(Sessions::in_memory())
            .files(dir.files())
            .require::<Member>()
            .limits(Limits::new().body_bytes_max(2 << 10).timeout(Duration::from_millis(1500)));
        let built = app.without_edits().build().unwrap();
        let overview = Overview::new(&built);
        let table = overview.table();
        let lines: Vec<&str> = table.lines().collect();
        let line = |name: &str| *lines.iter().find(|line| line.contains(name)).unwrap();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let plain = words(line("overview.Plain"));
        let expected = "call overview.Plain POST Member * - 2 KiB 1500 ms - - - ";
        assert!(plain.join(" ").starts_with(expected), "{plain:?}");
        assert!(plain.last().unwrap().contains("overview.rs:"), "{plain:?}");
        let full = words(line("overview.Full")).join(" ");
        let expected = "call overview.Full GET Member * Session<u32>, Cookies 2 KiB 1500 ms \
                        5/min by user, burst 10 4 60 s by key, vary accept-language ";
        assert!(full.starts_with(expected), "{full}");
        let streams = words(line("overview.Streams")).join(" ");
        assert!(streams.starts_with("stream overview.Streams GET, POST - - 2 KiB - "), "{streams}");
        let page = words(line("/{id}"));
        let expected = "page /{id} GET Member * - - 1500 ms - - - pages/[id].html";
        assert_eq!(page.join(" "), expected);
        assert!(table.ends_with(
            "\n* by App::require alone: nothing at the action or the page says who may use it\n"
        ));
        let column = lines[0].find("NEEDS").unwrap();
        for name in ["overview.Plain", "overview.Streams"] {
            let start = line(name).char_indices().nth(column).unwrap().0;
            assert!(line(name)[..start].ends_with("  ") && !line(name)[start..].starts_with(' '));
        }

        let json = overview.json();
        let actions = json["actions"].as_array().unwrap();
        let plain = actions.iter().find(|action| action["name"] == "overview.Plain").unwrap();
        assert_eq!((&plain["time_ms"], &plain["undecided"]), (&json!(1500), &json!(true)));
        assert_eq!((&plain["rate"], &plain["cache"]), (&Value::Null, &Value::Null));
        let full = actions.iter().find(|action| action["name"] == "overview.Full").unwrap();
        for (field, expected) in [
            ("methods", json!(["GET"])),
            ("uses", json!(["Session<u32>", "Cookies"])),
            ("rate", json!({ "calls": 5, "period_ms": 60_000, "burst": 10, "by": "user" })),
            ("concurrent_max", json!(4)),
            ("cache", json!({ "time_ms": 60_000, "by": "key", "vary": ["accept-language"] })),
        ] {
            assert_eq!(full[field], expected, "{field}");
        }
        assert_eq!(json["pages"][0]["path"], "/");
        assert!(overview.counts().ends_with("actions, 2 pages"), "{}", overview.counts());
    }
}
