//! Measurements as a Markdown table.

use std::fmt::Write as _;

use crate::plan::Plan;
use crate::runs::pair::Pair;
use crate::server::Cores;
use load::machine;

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    what: String,
    kipo: String,
    /// Of what Kipo is compared with.
    other: String,
    ratio: String,
    target: String,
    met: &'static str,
    medians: Option<Medians>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Medians {
    kipo: f64,
    /// Of the ratios of the pairs, which is not the ratio of the medians.
    ratio: f64,
}

/// What a line should come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    KipoAtMost(f64),
}

impl Line {
    /// Compares one value of each pair: medians, and the median ratio with its range.
    pub(crate) fn compared<T>(
        what: &str,
        decimals: usize,
        pairs: &[Pair<T>],
        value: impl Fn(&T) -> f64,
    ) -> Self {
        let kipo = sorted(pairs.iter().map(|pair| value(&pair.kipo)));
        let other = sorted(pairs.iter().map(|pair| value(&pair.other)));
        let ratios = sorted(pairs.iter().map(|pair| value(&pair.kipo) / value(&pair.other)));
        let ratio = median(&ratios);
        let range = match ratios[..] {
            [first, .., last] => format!(" ({first:.2}–{last:.2})"),
            _ => String::new(),
        };
        Self {
            what: what.to_owned(),
            kipo: number(median(&kipo), decimals),
            other: number(median(&other), decimals),
            ratio: format!("{ratio:.2}{range}"),
            target: String::new(),
            met: "",
            medians: Some(Medians { kipo: median(&kipo), ratio }),
        }
    }

    /// Shows the median of values that have nothing beside them.
    pub(crate) fn alone(what: &str, decimals: usize, values: impl Iterator<Item = f64>) -> Self {
        let kipo = median(&sorted(values));
        let texts = Pair { kipo: number(kipo, decimals), other: String::new() };
        let mut line = Self::plain(what, texts);
        line.medians = Some(Medians { kipo, ratio: 0.0 });
        line
    }

    /// Shows two texts side by side.
    pub(crate) fn plain(what: &str, Pair { kipo, other }: Pair<String>) -> Self {
        let what = what.to_owned();
        Self {
            what,
            kipo,
            other,
            ratio: String::new(),
            target: String::new(),
            met: "",
            medians: None,
        }
    }

    /// Leaves the ratio out where it would say nothing.
    pub(crate) fn without_ratio(mut self) -> Self {
        self.ratio.clear();
        self
    }

    /// Adds a target and whether it is met.
    pub(crate) fn with_target(mut self, target: Target) -> Self {
        let Some(Medians { kipo, ratio }) = self.medians else { return self };
        let (text, met) = match target {
            Target::RatioAtLeast(bound) => (format!("ratio ≥ {bound}"), ratio >= bound),
            Target::RatioAtMost(bound) => (format!("ratio ≤ {bound}"), ratio <= bound),
            Target::KipoAtMost(bound) => (format!("≤ {bound}"), kipo <= bound),
        };
        self.target = text;
        self.met = if met { "yes" } else { "**no**" };
        self
    }
}

/// Returns the lines above the table: how and where it was measured.
pub(crate) fn heading(plan: &Plan, cores: Cores) -> String {
    let mut text = String::new();
    if plan.quick {
        text.push_str(
            "**A smoke run: these numbers say that the bench works, and nothing else.**\n\n",
        );
    }
    if cfg!(debug_assertions) {
        text.push_str("**A debug build: these numbers mean nothing.**\n\n");
    }
    let _ = writeln!(
        text,
        "{} × {} s per row and side on {}; {cores}.\n",
        plan.rounds,
        plan.window.as_secs(),
        machine::describe()
    );
    text
}

/// Returns the whole table; `other` is the head of the column that Kipo is compared with.
pub(crate) fn markdown(heading: &str, other: &str, lines: &[Line]) -> String {
    let mut text = format!(
        "{heading}\
         | median of all rounds | kipo | {other} | ratio (range) | target | met |\n\
         |---|--:|--:|--:|---|---|\n"
    );
    for Line { what, kipo, other, ratio, target, met, .. } in lines {
        let _ = writeln!(text, "| {what} | {kipo} | {other} | {ratio} | {target} | {met} |");
    }
    text
}

/// Writes a number with commas between thousands.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) =
        text.split_once('.').map_or((&*text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        let _ = write!(grouped, ".{fraction}");
    }
    grouped
}

/// Returns the value in the middle, or the mean of the two there; 0 of nothing.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted[half],
    }
}

/// Returns the value below which `part` of all lie; 0 of nothing.
pub(crate) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(0.0)
}

pub(crate) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(1_000.256, 2), "1,000.26");
    }

    #[test]
    fn the_ratio_is_that_of_the_pairs() {
        let pair = |kipo, other| Pair { kipo, other };
        let pairs = [pair(1.0, 2.0), pair(3.0, 4.0), pair(9.0, 9.0)];
        let line = Line::compared("x", 1, &pairs, |value| *value);
        assert_eq!((&*line.kipo, &*line.other), ("3.0", "4.0"));
        assert_eq!(line.ratio, "0.75 (0.50–1.00)");
        assert_eq!(line.clone().with_target(Target::RatioAtMost(0.75)).met, "yes");
        assert_eq!(line.with_target(Target::RatioAtLeast(0.9)).met, "**no**");
    }
}
