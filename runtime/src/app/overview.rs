//! What an app serves, who may use it and within which limits: the output of `routes`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    action::{Bounds, Limits},
    app::builder::Built,
    page::PageOverview,
    request::Route,
};

/// The actions and the pages of an app.
pub(super) struct Overview<'b> {
    actions: Vec<(&'b Route, Bounds)>,
    pages: Vec<PageOverview>,
    /// How long the guards and the data of a page may take.
    page_time: Duration,
    /// How many guards of `App::guard` every action passes.
    guards: usize,
}

const HEAD: [&str; 6] = ["KIND", "NAME", "NEEDS", "BODY", "TIME", "WHERE"];

/// Marks what only `App::require` protects.
const UNDECIDED: &str = "*";

impl<'b> Overview<'b> {
    pub(super) fn new(built: &'b Built) -> Self {
        let app = built.shared.limits;
        let bounds =
            |route: &'b std::sync::Arc<Route>| (&**route, route.endpoint.limits.within(app));
        Self {
            actions: built.routes.iter().map(bounds).collect(),
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
        let actions = self.actions.iter().map(|(route, bounds)| {
            let (file, line) = route.location;
            [
                kind(route).to_owned(),
                route.name.to_string(),
                needs(&route.needs(), route.is_undecided),
                bytes(bounds.body_bytes_max),
                time(route, bounds).map_or_else(|| "-".to_owned(), seconds),
                format!("{file}:{line}"),
            ]
        });
        let pages = self.pages.iter().map(|page| {
            [
                "page".to_owned(),
                page.path.clone(),
                needs(&page.needs, page.is_undecided),
                "-".to_owned(),
                seconds(self.page_time),
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
        let is_undecided = self.actions.iter().any(|(route, _)| route.is_undecided)
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
        let actions = self.actions.iter().map(|(route, bounds)| {
            let (file, line) = route.location;
            json!({
                "kind": kind(route),
                "name": &*route.name,
                "needs": route.needs(),
                "undecided": route.is_undecided,
                "body_bytes_max": bounds.body_bytes_max,
                "time_ms": time(route, bounds).map(ms),
                "file": file,
                "line": line,
            })
        });
        let pages = self.pages.iter().map(|page| {
            json!({
                "path": page.path,
                "needs": page.needs,
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
        action::{Context, FromContext},
        app::App,
        error::Result,
        files::TestDir,
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

    #[test]
    fn the_table_is_aligned_and_says_who_may_use_what() {
        let dir = TestDir::new(&[("pages/index.html", "home"), ("pages/[id].html", "an item")]);
        let app = App::new()
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
        assert_eq!(plain[..8], ["call", "overview.Plain", "Member", "*", "2", "KiB", "1500", "ms"]);
        assert!(plain[8].contains("overview.rs:"), "{plain:?}");
        assert_eq!(
            words(line("overview.Streams"))[..6],
            ["stream", "overview.Streams", "-", "2", "KiB", "-"]
        );
        let page = words(line("/{id}"));
        assert_eq!(page, ["page", "/{id}", "Member", "*", "-", "1500", "ms", "pages/[id].html"]);
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
        assert_eq!(json["pages"][0]["path"], "/");
        assert!(overview.counts().ends_with("actions, 2 pages"), "{}", overview.counts());
    }
}
