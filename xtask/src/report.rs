//! The results of all steps and the lines that close the test command.

use crate::run::Result;

/// How a step ended that did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Everything in the step ran.
    Passed,
    /// The step ran without a part of it. Each entry names the part and the reason.
    PassedWithout(Vec<String>),
    /// Nothing in the step ran, for this reason.
    Skipped(String),
}

impl Outcome {
    /// Returns the outcome of a step that ran without these parts.
    pub(crate) fn without(missing: Vec<String>) -> Self {
        if missing.is_empty() { Self::Passed } else { Self::PassedWithout(missing) }
    }
}

/// The results of the steps that have ended.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    /// The name of each failed step and its failure.
    failed: Vec<String>,
    /// The name of each skipped step, or of a step with a skipped part, and the reason.
    skipped: Vec<String>,
}

impl Report {
    /// Adds the result of a step and returns the line that shows it.
    pub(crate) fn add(&mut self, step: &str, result: Result<Outcome>) -> String {
        let skip = |reason: &String| format!("{step}: {reason}");
        match result {
            Ok(Outcome::Passed) => {
                self.passed += 1;
                "ok".to_owned()
            }
            Ok(Outcome::PassedWithout(reasons)) => {
                self.passed += 1;
                self.skipped.extend(reasons.iter().map(skip));
                format!("ok, but in part skipped: {}", reasons.join("; "))
            }
            Ok(Outcome::Skipped(reason)) => {
                self.skipped.push(skip(&reason));
                format!("skipped: {reason}")
            }
            Err(failure) => {
                self.failed.push(format!("{step}: {failure}"));
                format!("FAILED: {failure}")
            }
        }
    }

    /// Returns whether a step has failed. A skipped step has not.
    pub(crate) fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Returns the closing lines: what failed, what was skipped, and the counts last.
    ///
    /// The last line has the same form in every run, because programs read it.
    pub(crate) fn closing(&self) -> Vec<String> {
        let failed = self.failed.iter().map(|line| format!("FAILED {line}"));
        let skipped = self.skipped.iter().map(|line| format!("SKIPPED {line}"));
        let (passed, failures, skips) = (self.passed, self.failed.len(), self.skipped.len());
        let counts = format!("{passed} passed, {failures} failed, {skips} skipped");
        failed.chain(skipped).chain([counts]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(results: Vec<(&str, Result<Outcome>)>, has_failed: bool, closing: &[&str]) {
        let mut report = Report::default();
        for (step, result) in results {
            report.add(step, result);
        }
        assert_eq!(report.closing(), closing);
        assert_eq!(report.has_failed(), has_failed);
    }

    fn skipped(reason: &str) -> Result<Outcome> {
        Ok(Outcome::Skipped(reason.to_owned()))
    }

    #[test]
    fn a_skipped_step_has_not_passed_and_is_named_before_the_counts() {
        check(
            vec![("fmt", Ok(Outcome::Passed)), ("deny", skipped("no cargo-deny"))],
            false,
            &["SKIPPED deny: no cargo-deny", "1 passed, 0 failed, 1 skipped"],
        );
    }

    #[test]
    fn a_step_without_a_part_has_passed_and_the_part_is_named() {
        let without = Outcome::PassedWithout(vec!["no Firefox".to_owned()]);
        check(
            vec![("engines", Ok(without))],
            false,
            &["SKIPPED engines: no Firefox", "1 passed, 0 failed, 1 skipped"],
        );
    }

    #[test]
    fn failures_come_first_and_the_counts_are_always_last() {
        check(
            vec![("deny", skipped("no cargo-deny")), ("test", Err("1 test failed".to_owned()))],
            true,
            &[
                "FAILED test: 1 test failed",
                "SKIPPED deny: no cargo-deny",
                "0 passed, 1 failed, 1 skipped",
            ],
        );
        check(vec![("fmt", Ok(Outcome::Passed))], false, &["1 passed, 0 failed, 0 skipped"]);
        check(vec![], false, &["0 passed, 0 failed, 0 skipped"]);
    }

    #[test]
    fn the_line_of_a_step_shows_its_result() {
        let mut report = Report::default();
        assert_eq!(report.add("fmt", Ok(Outcome::Passed)), "ok");
        assert_eq!(report.add("deny", skipped("no cargo-deny")), "skipped: no cargo-deny");
        assert_eq!(report.add("test", Err("no".to_owned())), "FAILED: no");
    }
}
