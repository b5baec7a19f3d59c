//! Writes series in the text format of Prometheus, version 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use crate::metrics::{
    family::{Family, Kind, Numbers, Series},
    handle::Bounds,
};

/// Returns the text of all metrics.
pub(super) fn write(families: &BTreeMap<&'static str, Family>) -> String {
    let mut text = String::new();
    for (name, family) in families {
        // Writing to a string does not fail.
        let _ = write_family(&mut text, name, family);
    }
    text
}

fn write_family(out: &mut String, name: &str, family: &Family) -> fmt::Result {
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    writeln!(out, "# HELP {name} {}", Escaped { text: family.help, quotes: false })?;
    writeln!(out, "# TYPE {name} {kind}")?;
    family.series.iter().try_for_each(|series| write_series(out, name, series))
}

fn write_series(out: &mut String, name: &str, Series { labels, numbers }: &Series) -> fmt::Result {
    match numbers {
        Numbers::Counter(cells) => line(out, name, labels, None, cells.sum(0)),
        // The wrapped sum of what was added and subtracted. A reader may see the second before the
        // first.
        Numbers::Gauge(cells) => line(out, name, labels, None, cells.sum(0).cast_signed().max(0)),
        Numbers::Read(read) => match read() {
            f64::INFINITY => line(out, name, labels, None, "+Inf"),
            number => line(out, name, labels, None, number),
        },
        Numbers::Counters(cells, by, values) => {
            for (index, value) in values.iter().enumerate() {
                let count = cells.sum(index);
                if index == 0 || count > 0 {
                    line(out, name, labels, Some((by, value)), count)?;
                }
            }
            Ok(())
        }
        Numbers::Histogram(cells, Bounds { upper, steps }) => {
            let unit = |value: u64| value as f64 / f64::from(*steps);
            let (bucket, mut count) = (format!("{name}_bucket"), 0);
            for (index, bound) in upper.iter().enumerate() {
                count += cells.sum(index);
                line(out, &bucket, labels, Some(("le", &unit(*bound).to_string())), count)?;
            }
            count += cells.sum(upper.len());
            line(out, &bucket, labels, Some(("le", "+Inf")), count)?;
            line(out, &format!("{name}_sum"), labels, None, unit(cells.sum(upper.len() + 1)))?;
            line(out, &format!("{name}_count"), labels, None, count)
        }
    }
}

/// Writes one sample.
fn line(
    out: &mut String,
    name: &str,
    labels: &[(&'static str, String)],
    last: Option<(&str, &str)>,
    value: impl fmt::Display,
) -> fmt::Result {
    out.push_str(name);
    let labels = labels.iter().map(|(label, value)| (*label, value.as_str())).chain(last);
    let mut before = '{';
    for (label, value) in labels {
        write!(out, "{before}{label}=\"{}\"", Escaped { text: value, quotes: true })?;
        before = ',';
    }
    if before == ',' {
        out.push('}');
    }
    writeln!(out, " {value}")
}

/// A help text, or the value of a label, in which quotes are escaped too.
struct Escaped<'t> {
    text: &'t str,
    quotes: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.text.chars() {
            match c {
                '\\' => f.write_str(r"\\")?,
                '\n' => f.write_str(r"\n")?,
                '"' if self.quotes => f.write_str(r#"\""#)?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::registry::{Desc, Metrics};

    const THINGS: Desc = Desc { name: "kipo_things_total", help: "Things \\ with\ntwo \"lines\"." };
    const SIZES: Desc = Desc { name: "kipo_sizes_seconds", help: "Sizes." };
    const OPEN: Desc = Desc { name: "kipo_open", help: "Open." };
    const BOUNDS: Bounds = Bounds { upper: &[500, 1_000_000, 30_000_000], steps: 1_000_000 };

    #[test]
    fn each_kind_has_its_lines_and_texts_are_escaped() {
        let metrics = Metrics::counting();
        metrics.counter(THINGS, &[("name", "a\"b\\c\nd"), ("other", "é")]).add(3);
        let sizes = metrics.histogram(SIZES, &[("action", "A")], &BOUNDS);
        for us in [500, 501, 40_000_000] {
            sizes.observe(us);
        }
        let open = metrics.gauge(OPEN, &[]);
        open.raise();
        open.raise();
        open.lower();
        let expected = r#"# HELP kipo_open Open.
# TYPE kipo_open gauge
kipo_open 1
# HELP kipo_sizes_seconds Sizes.
# TYPE kipo_sizes_seconds histogram
kipo_sizes_seconds_bucket{action="A",le="0.0005"} 1
kipo_sizes_seconds_bucket{action="A",le="1"} 2
kipo_sizes_seconds_bucket{action="A",le="30"} 2
kipo_sizes_seconds_bucket{action="A",le="+Inf"} 3
kipo_sizes_seconds_sum{action="A"} 40.001001
kipo_sizes_seconds_count{action="A"} 3
# HELP kipo_things_total Things \\ with\ntwo "lines".
# TYPE kipo_things_total counter
kipo_things_total{name="a\"b\\c\nd",other="é"} 3
"#;
        assert_eq!(metrics.text(), expected);
    }

    #[test]
    fn a_counter_by_code_shows_the_first_code_and_those_that_were_counted() {
        let metrics = Metrics::counting();
        let codes = metrics.counters(THINGS, &[], "code", ["ok", "internal", "timeout"]);
        codes.add(2, 7);
        codes.add(3, 1);
        let text = metrics.text();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [r#"kipo_things_total{code="ok"} 0"#, r#"kipo_things_total{code="timeout"} 7"#]
        );
    }

    #[test]
    fn metrics_that_do_not_count_have_no_text_and_a_series_is_there_once() {
        let off = Metrics::default();
        off.counter(THINGS, &[]).add(1);
        off.read(OPEN, Kind::Gauge, &[], || unreachable!("nobody reads it"));
        assert_eq!(off.text(), "");
        let on = Metrics::counting();
        on.read(OPEN, Kind::Gauge, &[], || 1.0);
        on.read(OPEN, Kind::Gauge, &[], || 0.25);
        assert!(on.text().ends_with("gauge\nkipo_open 0.25\n"));
    }
}
