//! Tasks under a paused clock.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::*;
use crate::{error::Error, metrics::Metrics, testing::logged};

/// Running tasks, and a channel through which they report the time since their start.
struct Scene {
    began: Instant,
    reports: mpsc::UnboundedReceiver<Duration>,
    cancellation: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

/// Reports the time since the start of the tasks.
#[derive(Clone)]
struct Reporter {
    began: Instant,
    reports: mpsc::UnboundedSender<Duration>,
}

impl Reporter {
    fn report(&self) {
        self.reports.send(self.began.elapsed()).unwrap();
    }
}

impl Scene {
    fn start(add: impl FnOnce(&mut Tasks, Reporter)) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let (began, cancellation) = (Instant::now(), CancellationToken::new());
        let mut tasks = Tasks::default();
        add(&mut tasks, Reporter { began, reports: sender });
        assert_eq!(tasks.errors(), []);
        let futures = tasks.start(&States::default(), &Metrics::default(), &cancellation);
        let running = futures.into_iter().map(tokio::spawn).collect();
        Self { began, reports, cancellation, running }
    }

    /// Waits for the next report, and returns its time in milliseconds.
    async fn report(&mut self) -> u128 {
        self.reports.recv().await.unwrap().as_millis()
    }

    /// Cancels the tasks, and returns how long they take to end.
    async fn end(self) -> Duration {
        let began = Instant::now();
        self.cancellation.cancel();
        for task in self.running {
            task.await.unwrap();
        }
        began.elapsed()
    }
}

#[track_caller]
fn check(delay_ms: u128, longest_ms: u128) {
    assert!((longest_ms / 2..=longest_ms).contains(&delay_ms), "{delay_ms} of {longest_ms}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_fails_or_ends_starts_again_with_growing_delays() {
    for how in 0..3 {
        let mut scene = Scene::start(|tasks, reporter| {
            tasks.add("worker".into(), move |_| {
                let reporter = reporter.clone();
                async move {
                    reporter.report();
                    match how {
                        0 => panic!("at once"),
                        1 => Err(Error::not_found("no such room")),
                        _ => Ok(()),
                    }
                }
            });
        });
        let mut last = scene.report().await;
        assert_eq!(last, 0);
        for longest_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            let next = scene.report().await;
            check(next - last, longest_ms);
            last = next;
        }
        assert_eq!(scene.end().await, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_panics_before_it_returns_its_future_starts_again() {
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add("worker".into(), move |_| -> std::future::Ready<Result<()>> {
            reporter.report();
            panic!("before the future");
        });
    });
    assert_eq!(scene.report().await, 0);
    check(scene.report().await, 1_000);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_at_once_for_ever_runs_about_once_in_a_minute() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let scene = Scene::start(move |tasks, _| {
        tasks.add("worker".into(), move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("at once") }
        });
    });
    sleep(Duration::from_secs(24 * 3600)).await;
    // The delays are 30 to 60 seconds.
    assert!((24 * 60..=24 * 120 + 20).contains(&runs.load(Ordering::Relaxed)));
    assert_eq!(scene.end().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_healthy_starts_again_soon() {
    let mut scene = Scene::start(|tasks, reporter| {
        let runs = AtomicU32::new(0);
        tasks.add("worker".into(), move |_| {
            let (reporter, run) = (reporter.clone(), runs.fetch_add(1, Ordering::Relaxed));
            async move {
                reporter.report();
                let healthy = Duration::from_secs(if run == 5 { 3_600 } else { 0 });
                sleep(healthy).await;
                Err(Error::not_found("no such room"))
            }
        });
    });
    for _ in 0..5 {
        scene.report().await;
    }
    let healthy = scene.report().await;
    check(scene.report().await - healthy - 3_600_000, 1_000);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ignores_its_cancellation_is_dropped_at_once() {
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add("worker".into(), move |_| {
            let reporter = reporter.clone();
            async move {
                reporter.report();
                sleep(Duration::from_secs(3_600)).await;
                reporter.report();
                Ok(())
            }
        });
    });
    scene.report().await;
    assert_eq!(scene.end().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_asks_for_its_cancellation_ends_by_itself() {
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add("worker".into(), move |cx| {
            let reporter = reporter.clone();
            async move {
                reporter.report();
                cx.cancelled().await;
                assert!(cx.is_cancelled());
                sleep(Duration::from_secs(3)).await;
                Ok(())
            }
        });
    });
    scene.report().await;
    assert_eq!(scene.end().await, Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_periodic_task_runs_at_once_and_then_at_each_tick() {
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add_every("tidy".into(), Duration::from_secs(60), move |cx| {
            assert_eq!(cx.name(), "tidy");
            let reporter = reporter.clone();
            async move {
                reporter.report();
                sleep(Duration::from_secs(7)).await;
                Ok(())
            }
        });
    });
    for tick in [0, 60_000, 120_000, 180_000] {
        assert_eq!(scene.report().await, tick);
    }
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_periodic_task_never_overlaps_with_itself_and_catches_up_once() {
    let overlaps = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&overlaps);
    let mut scene = Scene::start(move |tasks, reporter| {
        let (runs, inside) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
        tasks.add_every("tidy".into(), Duration::from_secs(10), move |_| {
            let (reporter, inside, counted) =
                (reporter.clone(), Arc::clone(&inside), Arc::clone(&counted));
            let long = runs.fetch_add(1, Ordering::Relaxed) == 1;
            async move {
                counted.fetch_add(inside.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
                reporter.report();
                sleep(Duration::from_secs(if long { 35 } else { 1 })).await;
                inside.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            }
        });
    });
    // The run at 10 s lasts to 45 s. The ticks at 20, 30 and 40 s are one run.
    for tick in [0, 10_000, 45_000, 50_000, 60_000] {
        assert_eq!(scene.report().await, tick);
    }
    assert_eq!(overlaps.load(Ordering::Relaxed), 0);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_periodic_task_that_fails_is_repeated_and_then_keeps_its_ticks() {
    let mut scene = Scene::start(|tasks, reporter| {
        let runs = AtomicU32::new(0);
        tasks.add_every("tidy".into(), Duration::from_secs(3_600), move |_| {
            let (reporter, run) = (reporter.clone(), runs.fetch_add(1, Ordering::Relaxed));
            async move {
                reporter.report();
                match run {
                    0 => panic!("the first run"),
                    1 => Err(Error::not_found("no such room")),
                    _ => Ok(()),
                }
            }
        });
    });
    assert_eq!(scene.report().await, 0);
    let second = scene.report().await;
    check(second, 1_000);
    check(scene.report().await - second, 2_000);
    assert_eq!(scene.report().await, 3_600_000);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_periodic_task_that_always_fails_does_not_run_at_each_tick() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let scene = Scene::start(move |tasks, _| {
        tasks.add_every("tidy".into(), Duration::from_millis(1), move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Err(Error::not_found("no such room")) }
        });
    });
    sleep(Duration::from_secs(3600)).await;
    assert!((60..=140).contains(&runs.load(Ordering::Relaxed)));
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_run_of_a_periodic_task_goes_on_to_its_end() {
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add_every("tidy".into(), Duration::from_secs(1), move |_| {
            let reporter = reporter.clone();
            async move {
                reporter.report();
                sleep(Duration::from_secs(5)).await;
                Ok(())
            }
        });
    });
    scene.report().await;
    assert_eq!(scene.end().await, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_period_longer_than_the_clock_runs_once() {
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add_every("tidy".into(), Duration::MAX, move |_| {
            reporter.report();
            async { Ok(()) }
        });
    });
    assert_eq!(scene.report().await, 0);
    assert!(timeout(Duration::from_secs(1 << 30), scene.report()).await.is_err());
    assert!(scene.began.elapsed() >= Duration::from_secs(1 << 30));
    scene.end().await;
}

#[test]
fn wrong_names_and_periods_are_reported_together() {
    let mut tasks = Tasks::default();
    tasks.add("".into(), |_| async { Ok(()) });
    tasks.add("tidy".into(), |_| async { Ok(()) });
    tasks.add_every("tidy".into(), Duration::ZERO, |_| async { Ok(()) });
    let errors: Vec<String> = tasks.errors().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "App::task(\"\"): a task needs a name: the log refers to it by that",
            "App::every(\"tidy\"): another task has this name: rename one of them",
            "App::every(\"tidy\"): the period is 0ns: it must be at least 1 ms",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn each_failure_and_panic_is_one_line_with_the_name_of_the_task() {
    logged::start();
    let mut scene = Scene::start(|tasks, reporter| {
        tasks.add("mails".into(), |_| async { panic!("no letters") });
        tasks.add_every("tidy".into(), Duration::from_secs(60), |_| async {
            Err(Error::not_found("no such room").with_source("room 7 was deleted"))
        });
        tasks.add("short".into(), move |_| {
            reporter.report();
            async { Ok(()) }
        });
    });
    scene.report().await;
    sleep(Duration::from_millis(100)).await;
    scene.end().await;
    let text = logged::text();
    assert_eq!(text.lines().count(), 3, "{text}");
    for expected in [
        "the task has failed, and starts again task=\"mails\" error=\"panicked: no letters\"",
        "the task has failed, and starts again task=\"tidy\" error=\"no such room: room 7 was deleted\"",
        "the task has ended, and starts again task=\"short\"",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}
