//! Runs the cases one after another, and reports.

use std::{
    any::Any,
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    append, follow, messages, outage, records,
    subject::{Skipped, Subject},
    topics, trim,
};

/// How long one case may take. Each answer has a limit of its own, which is shorter.
const CASE_MAX: Duration = Duration::from_secs(120);

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Skipped>> + 'a>>;

/// A case with its name.
type Case = (&'static str, for<'a> fn(&'a mut dyn Subject) -> Running<'a>);

macro_rules! cases {
    ($($room:ident::$case:ident),* $(,)?) => {
        &[$((
            concat!(stringify!($room), "::", stringify!($case)),
            |subject| Box::pin($room::$case(subject)),
        )),*]
    };
}

/// All cases, the simple ones first.
const CASES: &[Case] = cases![
    append::profile,
    append::empty_head,
    append::round_trip,
    append::reading,
    append::refused,
    append::diverged,
    append::groups,
    append::many_topics,
    append::dropped_futures,
    append::heads_are_newest,
    append::race,
    topics::names,
    topics::list,
    topics::remove,
    topics::removed_elsewhere,
    topics::release,
    trim::trim,
    trim::retention,
    trim::retention_without_keys,
    trim::old_entries_go,
    follow::follow_in_one_process,
    follow::follow,
    follow::follow_from_the_past,
    follow::follow_while_appending,
    follow::follow_many_topics,
    follow::follow_large_entries,
    follow::follow_on_both_nodes,
    follow::follow_is_prompt,
    follow::follow_ends,
    messages::messages,
    records::records,
    records::large_records,
    records::keys_of_records,
    records::records_end,
    records::counters,
    records::shared_counters,
    records::counters_end,
    outage::close,
    outage::restart,
    outage::link,
    outage::follow_across_an_outage,
    outage::rollback,
];

/// Which cases run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    only: Option<String>,
    skip: Vec<(String, String)>,
}

/// The results of a run, each with the name of its case.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The cases that the engine passes.
    pub passed: Vec<&'static str>,
    /// Those that it does not, each with what was expected.
    pub failed: Vec<(&'static str, String)>,
    /// Those that did not run, each with the reason.
    pub skipped: Vec<(&'static str, String)>,
}

impl Options {
    /// Runs only the cases whose names begin with `prefix`.
    #[must_use]
    pub fn only(mut self, prefix: impl Into<String>) -> Self {
        self.only = Some(prefix.into());
        self
    }

    /// Skips one case. The report shows the reason.
    #[must_use]
    pub fn skip(mut self, case: impl Into<String>, reason: impl Into<String>) -> Self {
        self.skip.push((case.into(), reason.into()));
        self
    }
}

/// Runs all cases against an engine: the body of a test.
///
/// The runtime has timers and, if the engine needs it, I/O. A test on several threads
/// (`flavor = "multi_thread"`) finds more.
///
/// # Panics
///
/// Panics if a case fails, once all have run.
pub async fn check(mut subject: impl Subject) {
    run(&mut subject, &Options::default()).await.assert_passed();
}

/// Runs the cases against an engine, and prints one line for each.
pub async fn run(subject: &mut dyn Subject, options: &Options) -> Report {
    let mut report = Report::default();
    for (name, case) in CASES {
        if options.only.as_ref().is_some_and(|prefix| !name.starts_with(prefix.as_str())) {
            continue;
        }
        let begun = Instant::now();
        let reason = options.skip.iter().find(|(case, _)| case == name);
        let ended = match reason {
            Some((_, reason)) => Ended::Skipped(reason.clone()),
            None => end(case(subject)).await,
        };
        print(format_args!("{name}: {ended} ({} ms)", begun.elapsed().as_millis()));
        match ended {
            Ended::Passed => report.passed.push(name),
            Ended::Failed(expectation) => report.failed.push((name, expectation)),
            Ended::Skipped(reason) => report.skipped.push((name, reason)),
        }
    }
    let Report { passed, failed, skipped } = &report;
    let counts = (passed.len(), failed.len(), skipped.len());
    print(format_args!("{} passed, {} failed, {} skipped", counts.0, counts.1, counts.2));
    report
}

impl Report {
    /// Returns if no case failed.
    ///
    /// # Panics
    ///
    /// Panics with the names of the cases that failed, and what they expected.
    #[track_caller]
    pub fn assert_passed(&self) {
        let lines =
            self.failed.iter().map(|(name, expectation)| format!("\n{name}: {expectation}"));
        let lines: String = lines.collect();
        assert!(lines.is_empty(), "the engine does not pass:{lines}");
    }
}

/// How a case ended.
enum Ended {
    Passed,
    Failed(String),
    Skipped(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(expectation) => write!(f, "FAILED: {expectation}"),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

/// Runs a case to its end. A panic is its failure.
async fn end(mut case: Running<'_>) -> Ended {
    let caught = poll_fn(|cx| {
        // A case that has panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| case.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    });
    match timeout(CASE_MAX, caught).await {
        Ok(Ok(Ok(()))) => Ended::Passed,
        Ok(Ok(Err(Skipped(reason)))) => Ended::Skipped(reason.to_owned()),
        Ok(Err(panic)) => Ended::Failed(message(&*panic)),
        Err(_) => Ended::Failed(format!("the case ends within {} s", CASE_MAX.as_secs())),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

#[expect(clippy::print_stdout, reason = "the report of a test is its output")]
fn print(line: fmt::Arguments<'_>) {
    println!("{line}");
}
