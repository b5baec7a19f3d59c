//! The commands of this repository: `cargo xtask test` and `cargo xtask fmt`.

mod ahead;
mod grow;
mod machine;
mod report;
mod run;
mod steps;

use std::{process::ExitCode, time::Instant};

use crate::{ahead::Ahead, report::Report};

const HELP: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  test            Runs all checks: format, lints, tests, documentation, types, browsers
  test --list     Lists the steps of these checks
  test STEP …     Runs only these steps
  fmt             Formats everything, also the files below app/actions

The test command installs what it needs besides Rust: npm packages by their lock files, Python
packages by their requirements and, as root on Debian, Chromium, Firefox and WebKit. Elsewhere it
reports what is missing. The last line counts the steps that passed, failed and were skipped.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["test", "--list"] => {
            for step in steps::ALL {
                run::say(&format!("{:10} {}", step.name, step.what));
            }
            ExitCode::SUCCESS
        }
        ["test", only @ ..] => test(only),
        ["fmt"] => steps::format(),
        ["help" | "-h" | "--help"] => {
            run::say(HELP);
            ExitCode::SUCCESS
        }
        _ => {
            run::say(HELP);
            ExitCode::FAILURE
        }
    }
}

/// Runs all steps, or only the named ones. It goes on after a failure, so that one run reports all.
fn test(only: &[&str]) -> ExitCode {
    if let Some(unknown) = only.iter().find(|name| steps::ALL.iter().all(|s| s.name != **name)) {
        run::say(&format!("there is no step `{unknown}`; `cargo xtask test --list` lists them"));
        return ExitCode::FAILURE;
    }
    let wanted = |step: &&steps::Step| only.is_empty() || only.contains(&step.name);
    let steps: Vec<_> = steps::ALL.iter().filter(wanted).collect();
    let (mut report, started) = (Report::default(), Instant::now());
    // Ends with the last step.
    let mut ahead = None;
    for (i, step) in steps.iter().enumerate() {
        run::say(&format!("\n[{}/{}] {}: {}", i + 1, steps.len(), step.name, step.what));
        let began = Instant::now();
        if only.is_empty() && step.name == ahead::BESIDE {
            ahead = Ahead::begin();
        }
        let result = report.add(step.name, step.run());
        run::say(&format!("  {result}, {:.0} s", began.elapsed().as_secs_f32()));
    }
    drop(ahead);
    run::say(&format!("\nall steps took {:.0} s", started.elapsed().as_secs_f32()));
    for line in report.closing() {
        run::say(&line);
    }
    if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
