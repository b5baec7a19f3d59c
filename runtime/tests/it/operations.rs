//! The admin address: `/live`, `/ready` and `/metrics`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kipo::{App, Error, ServeLimits, Sessions, Topic, topic};
use tokio::{net::TcpListener, net::TcpStream, time::sleep};

use crate::{
    actions::{Gate, Room, RoomEvent},
    cache::Counter,
    support::{Answer, Client, TestApp, get, post},
};

#[topic]
static COUNTED: Topic<RoomEvent> = Topic::new("operations.counted").keep(2);

/// One sample: its labels and its number.
type Samples = BTreeMap<Vec<(String, String)>, f64>;

/// A metric, as a strict reader of the format takes it.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    /// By the name of the sample, which has a suffix in a histogram.
    samples: BTreeMap<String, Samples>,
}

/// Parses the text format of Prometheus, and panics for each deviation from it.
fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text:?}");
    let mut families = BTreeMap::<String, Family>::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && !families.contains_key(name), "{line}");
            current = name.to_owned();
            families.insert(current.clone(), Family::default());
            continue;
        }
        let family = families.get_mut(&current).unwrap();
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(
                name == current && family.kind.is_empty() && family.samples.is_empty(),
                "{line}"
            );
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            family.kind = kind.to_owned();
            continue;
        }
        let (name, labels, number) = sample(line);
        let suffix = name.strip_prefix(&current).unwrap_or_else(|| panic!("{line}"));
        let suffixes: &[&str] = match family.kind.as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        assert!(suffixes.contains(&suffix), "{line}");
        let before = family.samples.entry(name).or_default().insert(labels, number);
        assert_eq!(before, None, "twice: {line}");
    }
    for (name, family) in &families {
        check_family(name, family);
    }
    families
}

fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let name: String =
        line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()), "{line}");
    let mut rest = &line[name.len()..];
    let mut labels = Vec::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inside.split_once("=\"").unwrap();
            assert!(label.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('"' | '\\') => c,
                        c => panic!("\\{c} in {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            match after[end + 1..].strip_prefix(',') {
                Some(next) => inside = next,
                None => {
                    rest = after[end + 1..].strip_prefix('}').unwrap();
                    break;
                }
            }
        }
    }
    let number = rest.strip_prefix(' ').unwrap();
    assert!(number != "inf" && number != "NaN", "{line}");
    (name, labels, number.parse().unwrap())
}

fn check_family(name: &str, family: &Family) {
    assert!(!family.kind.is_empty(), "{name} has no type");
    assert!(name.starts_with("kipo_") || name.starts_with("process_"), "{name}");
    assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name}");
    assert!(family.samples.values().flatten().all(|(_, number)| *number >= 0.0), "{name}");
    if family.kind != "histogram" {
        return;
    }
    let counts = &family.samples[&format!("{name}_count")];
    let sums = &family.samples[&format!("{name}_sum")];
    assert!(counts.keys().eq(sums.keys()), "{name}");
    for (labels, count) in counts {
        let mut buckets = Vec::new();
        for (with_bound, number) in &family.samples[&format!("{name}_bucket")] {
            let (bound, others) = with_bound.split_last().unwrap();
            if others == labels.as_slice() {
                assert_eq!(bound.0, "le");
                let bound = if bound.1 == "+Inf" { "inf" } else { &bound.1 };
                buckets.push((bound.parse::<f64>().unwrap(), *number));
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{name} {buckets:?}");
        assert_eq!(buckets.last().unwrap(), &(f64::INFINITY, *count), "{name}");
    }
}

/// An app with an admin address.
struct Operated {
    app: TestApp,
    admin: SocketAddr,
}

impl Operated {
    async fn with(settings: impl FnOnce(App) -> App) -> Self {
        // No other test listens on this address of the machine.
        let free = TcpListener::bind("127.0.0.3:0").await.unwrap();
        let admin = free.local_addr().unwrap();
        drop(free);
        let app = TestApp::with(|app| settings(app.admin(admin))).await;
        let operated = Self { app, admin };
        while operated.ask("/ready").await.status != 200 {
            sleep(Duration::from_millis(5)).await;
        }
        operated
    }

    async fn ask(&self, path: &str) -> Answer {
        loop {
            // The app may not listen yet.
            if let Ok(stream) = TcpStream::connect(self.admin).await {
                let mut client = Client::new(stream);
                client.write(get(path, "")).await;
                return client.answer().await;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn metrics(&self) -> BTreeMap<String, Family> {
        let answer = self.ask("/metrics").await;
        assert_eq!(answer.status, 200);
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(answer.header("content-type"), Some(content_type));
        parse(&answer.body)
    }

    /// Returns one number; 0 if there is none with these labels.
    async fn number(&self, sample: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Vec<_> = labels.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        let families = self.metrics().await;
        let samples = families.values().find_map(|family| family.samples.get(sample));
        samples.and_then(|samples| samples.get(&labels)).copied().unwrap_or(0.0)
    }

    /// Waits until one number has a value.
    async fn reaches(&self, sample: &str, labels: &[(&str, &str)], value: f64) {
        for _ in 0..1000 {
            if self.number(sample, labels).await == value {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{sample} {labels:?}: {} and not {value}", self.number(sample, labels).await);
    }
}

#[tokio::test]
async fn calls_are_counted_by_action_and_code_and_unknown_ones_under_one_name() {
    let operated = Operated::with(|app| app).await;
    operated.app.call("Nothing", "{}").await;
    operated.app.call("Nothing", "{}").await;
    operated.app.call("Nothing", "[").await.problem(400, "bad_request");
    for name in ["Nowhere", "a/b", "%22", "Nothing2"] {
        assert_eq!(operated.app.call(name, "{}").await.status, 404);
    }
    let batch = post("", "", r#"[{"action":"Nowhere"},{"action":"Nothing"}]"#);
    let mut client = operated.app.connect().await;
    client.write(batch.replace("/actions/ ", "/batch ")).await;
    client.head().await;
    client.stream_to_end().await;
    let calls = |action, code| [("action", action), ("code", code)];
    let calls =
        async |action, code| operated.number("kipo_calls_total", &calls(action, code)).await;
    assert_eq!(calls("Nothing", "ok").await, 3.0);
    assert_eq!(calls("Nothing", "bad_request").await, 1.0);
    assert_eq!(calls("(unknown)", "not_found").await, 5.0);
    for (how, code) in [("frozen", "account.frozen"), ("kipo", "conflict"), ("io", "internal")] {
        operated.app.call("bank.Transfer", &format!(r#"{{"how":"{how}"}}"#)).await;
        assert_eq!(calls("bank.Transfer", code).await, 1.0, "{how}");
    }
    let families = operated.metrics().await;
    let actions: BTreeSet<_> =
        families["kipo_calls_total"].samples["kipo_calls_total"].keys().map(|l| &l[0].1).collect();
    assert!(!actions.iter().any(|action| action.contains(['/', '"'])), "{actions:?}");
    let durations = [("action", "Nothing")];
    assert_eq!(operated.number("kipo_call_duration_seconds_count", &durations).await, 4.0);
    assert!(operated.number("kipo_call_duration_seconds_sum", &durations).await < 60.0);
}

#[tokio::test]
async fn refusals_of_limits_are_counted_by_action() {
    let operated = Operated::with(|app| app).await;
    for _ in 0..5 {
        operated.app.call("run_limits.Rated", r#"{"text":"a"}"#).await;
    }
    let refused = async |action, limit| {
        let labels = [("action", action), ("limit", limit)];
        operated.number("kipo_limit_refusals_total", &labels).await
    };
    assert_eq!(refused("run_limits.Rated", "rate").await, 2.0);
    let mut runs = operated.app.connect().await;
    runs.write(post("run_limits.Alone", "", "{}")).await;
    operated.app.gate.entered.notified().await;
    operated.app.call("run_limits.Alone", "{}").await.problem(503, "overloaded");
    assert_eq!(refused("run_limits.Alone", "concurrent").await, 1.0);
    operated.app.gate.open.notify_one();
    assert_eq!(runs.answer().await.status, 204);
    // An action without limits has no series.
    let families = operated.metrics().await;
    let series = families["kipo_limit_refusals_total"].samples["kipo_limit_refusals_total"].keys();
    assert!(!series.flatten().any(|(_, value)| value == "Nothing"));
}

#[tokio::test]
async fn cached_calls_are_counted_by_where_their_output_came_from() {
    let counter = Arc::new(Counter::default());
    let state = Arc::clone(&counter);
    let operated = Operated::with(|app| app.state(state)).await;
    for n in [1, 2, 1, 1] {
        operated.app.call("cache.WhoAsks", &format!(r#"{{"n":{n}}}"#)).await;
    }
    let counted = async |action, result| {
        let labels = [("action", action), ("result", result)];
        operated.number("kipo_cache_calls_total", &labels).await
    };
    for (result, number) in [("hit", 2.0), ("miss", 2.0), ("collapsed", 0.0)] {
        assert_eq!(counted("cache.WhoAsks", result).await, number, "{result}");
    }
}

#[tokio::test]
async fn sessions_are_counted_as_they_begin_and_end() {
    let operated = Operated::with(|app| app.sessions(Sessions::in_memory())).await;
    let call = async |name: &str, cookie: &str, body: &str| {
        operated.app.send(post(name, cookie, body)).await
    };
    let signed_in = call("session.SignIn", "", r#"{"name":"ann"}"#).await;
    let pair = signed_in.header("set-cookie").unwrap().split_once(';').unwrap().0;
    let cookie = format!("cookie: {pair}\r\n");
    assert_eq!(call("session.WhoAmI", &cookie, "{}").await.status, 200);
    call("session.WhoAmI", "cookie: kipo-session=forged\r\n", "{}").await;
    call("session.WhoAmI", "", "{}").await;
    call("session.EndAll", &cookie, "{}").await;
    let check = [("result", "found")];
    assert_eq!(operated.number("kipo_session_checks_total", &check).await, 2.0);
    call("session.WhoAmI", &cookie, "{}").await;
    let check = [("result", "missing")];
    assert_eq!(operated.number("kipo_session_checks_total", &check).await, 2.0);
    assert_eq!(operated.number("kipo_sessions_begun_total", &[]).await, 1.0);
    assert_eq!(operated.number("kipo_sessions_ended_total", &[]).await, 0.0);
    assert_eq!(operated.number("kipo_sessions_ended_users_total", &[]).await, 1.0);
}

#[tokio::test]
async fn a_call_whose_client_disconnects_is_counted() {
    let operated = Operated::with(|app| app).await;
    let mut client = operated.app.connect().await;
    client.write(post("Finish", "", "{}")).await;
    operated.app.gate.entered.notified().await;
    drop(client);
    let labels = [("action", "Finish"), ("code", "disconnected")];
    operated.reaches("kipo_calls_total", &labels, 1.0).await;
    operated.app.gate.open.notify_one();
}

#[tokio::test]
async fn streams_are_counted_with_their_events_and_gaps() {
    let operated = Operated::with(|app| app).await;
    let action = [("action", "Follow")];
    let mut client = operated.app.connect().await;
    client.write(get("/_kipo/actions/Follow", "last-event-id: 42\r\n")).await;
    client.until("kipo:gap").await;
    operated.reaches("kipo_streams_open", &action, 1.0).await;
    let gap = [("action", "Follow"), ("reason", "new_generation")];
    assert_eq!(operated.number("kipo_stream_gaps_total", &gap).await, 1.0);
    for _ in 0..3 {
        operated.app.room.publish(&RoomEvent::Said { text: "a".into() }).await.unwrap();
    }
    operated.reaches("kipo_stream_deliveries_total", &action, 3.0).await;
    assert_eq!(operated.number("kipo_stream_lag_messages_sum", &action).await, 3.0);
    let opened = [("action", "Follow"), ("code", "ok")];
    assert_eq!(operated.number("kipo_streams_total", &opened).await, 1.0);
    assert!(operated.number("kipo_connections", &[]).await >= 1.0);
    drop(client);
    operated.reaches("kipo_streams_open", &action, 0.0).await;
    operated.reaches("kipo_connections", &[], 0.0).await;
}

#[tokio::test]
async fn tasks_are_counted_by_name() {
    static FAILED: AtomicBool = AtomicBool::new(false);
    let operated = Operated::with(|app| {
        app.every("tidy", Duration::from_millis(1), async |_| {
            match FAILED.swap(true, Ordering::SeqCst) {
                false => Err(Error::conflict("once")),
                true => Ok(()),
            }
        })
    })
    .await;
    let task = [("task", "tidy")];
    operated.reaches("kipo_task_restarts_total", &task, 1.0).await;
    assert_eq!(operated.number("kipo_task_failures_total", &task).await, 1.0);
    while operated.number("kipo_task_runs_total", &task).await < 3.0 {
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stranger_finds_no_metrics_at_the_address_of_the_app() {
    let operated = Operated::with(|app| app).await;
    let unknown = operated.app.send(get("/nowhere", "")).await;
    for path in ["/metrics", "/ready", "/live", "/_kipo/metrics"] {
        let answer = operated.app.send(get(path, "")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, unknown.header("content-type"))
        );
    }
}

/// Between the signal and the drain, `/ready` says no and the app serves as before.
#[tokio::test]
async fn ready_turns_false_before_the_drain_closes_a_connection() {
    let limits = ServeLimits { drain_delay: Duration::from_millis(500), ..ServeLimits::default() };
    let mut operated = Operated::with(|app| app.serve_limits(limits)).await;
    let mut client = operated.app.connect().await;
    client.write(post("Nothing", "", "{}")).await;
    assert_eq!(client.answer().await.status, 204);
    operated.app.stop();
    let answer = loop {
        let answer = operated.ask("/ready").await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((answer.status, answer.body.as_str()), (503, "not ready: the server drains\n"));
    assert_eq!(operated.ask("/live").await.status, 200);
    // The same connection, and a new one.
    client.write(post("Nothing", "", "{}")).await;
    assert_eq!(client.answer().await.status, 204);
    assert_eq!(operated.app.call("Nothing", "{}").await.status, 204);
    assert_eq!(client.read_to_end().await, "");
    operated.app.stopped().await;
    assert!(TcpStream::connect(operated.admin).await.is_err(), "closed with the app");
}

#[tokio::test]
async fn the_app_is_not_ready_until_its_states_are_open() {
    let free = TcpListener::bind("127.0.0.3:0").await.unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let (open, opened) = tokio::sync::oneshot::channel::<()>();
    let app = TestApp::with(|app| {
        app.admin(admin).state_async(async || {
            opened.await?;
            Ok(7_u64)
        })
    })
    .await;
    let operated = Operated { app, admin };
    let answer = operated.ask("/ready").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("states are not open yet"), "{}", answer.body);
    assert_eq!(operated.ask("/live").await.status, 200);
    open.send(()).unwrap();
    while operated.ask("/ready").await.status != 200 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Returns an app with the states that its actions need.
fn app() -> App {
    let room: Room = Topic::new("room").into();
    App::new().state(room).state(Arc::new(Gate::default())).sessions(Sessions::in_memory())
}

#[tokio::test]
async fn a_topic_is_counted_by_its_name_and_what_it_retains() {
    let operated = Operated::with(|app| app).await;
    let topic = [("topic", "operations.counted")];
    let before = operated.number("kipo_topic_log_messages", &topic).await;
    assert_eq!(before, 0.0);
    for _ in 0..5 {
        COUNTED.publish(&RoomEvent::Said { text: "a".into() }).await.unwrap();
    }
    let _listener = COUNTED.subscribe(None).await.unwrap();
    assert_eq!(operated.number("kipo_topic_log_messages", &topic).await, 2.0);
    assert_eq!(operated.number("kipo_topic_listeners", &topic).await, 1.0);
    assert!(operated.number("kipo_topic_log_bytes", &topic).await > 20.0);
}

async fn serve_error(admin: SocketAddr, listener: TcpListener) -> String {
    let app = app().admin(admin);
    app.serve(listener, std::future::pending()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_admin_address_that_cannot_be_used_stops_the_start() {
    let listener = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = listener().await;
    let address = taken.local_addr().unwrap();
    let error = serve_error(address, listener().await).await;
    assert_eq!(
        error,
        format!(
            "App::admin: the admin address {address} is in use: stop the process that listens there, \
             or choose another one"
        )
    );
    let own = listener().await;
    let address = own.local_addr().unwrap();
    let error = serve_error(address, own).await;
    assert!(error.contains(&format!("{address} is that of the app itself")), "{error}");
    let error = app();
    let error = error.admin(address).router().unwrap_err().to_string();
    assert!(error.contains("needs `App::start`"), "{error}");
}

/// The guide lists exactly the metrics that an app shows, with their kinds and labels.
#[tokio::test]
async fn the_table_of_the_guide_is_what_an_app_shows() {
    let operated = Operated::with(|app| {
        let store = topic::Store::in_memory();
        let app = app.sessions(Sessions::in_memory());
        app.engine(store.engine().clone()).every("tidy", Duration::from_secs(60), async |_| Ok(()))
    })
    .await;
    operated.app.call("Nothing", "{}").await;
    let shown: BTreeSet<String> = operated
        .metrics()
        .await
        .iter()
        .map(|(name, Family { kind, samples, .. })| {
            let labels = samples.values().flat_map(BTreeMap::keys).flatten();
            let labels: BTreeSet<_> = labels.map(|(label, _)| label.as_str()).collect();
            let labels: Vec<_> =
                labels.iter().filter(|label| **label != "le").map(|l| format!("`{l}`")).collect();
            format!("| `{name}` | {kind} | {} |", labels.join(", "))
        })
        .collect();
    let guide = include_str!("../../docs/operations.md");
    let rows = guide
        .lines()
        .filter(|line| line.starts_with("| `kipo_") || line.starts_with("| `process_"));
    let listed: BTreeSet<String> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            format!("| {} | {} | {} |", cells[1], cells[2], cells[4])
        })
        .collect();
    assert_eq!(listed, shown);
}
