//! A line chart as SVG.

use std::fmt::Write as _;

use super::axis::{Axis, Scale};
use crate::table::number;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;

/// The edges of the area that the lines are in.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 730.0;
const TOP: f64 = 80.0;
const BOTTOM: f64 = 345.0;

/// Colors that people with a color vision deficiency tell apart (Okabe and Ito), one for each line.
const COLORS: [&str; 4] = ["#0072b2", "#d55e00", "#555555", "#009e73"];

/// Lines over two axes.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// What the axes show, with the unit.
    pub(super) x_label: &'static str,
    pub(super) y_label: &'static str,
    /// The x axis is logarithmic.
    pub(super) y_scale: Scale,
    pub(super) lines: Vec<Line>,
    /// How the values were measured, and where.
    pub(super) caption: [String; 2],
}

/// One line: its points from left to right.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

impl Chart {
    /// Returns the whole file.
    pub(super) fn to_svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x_axis = Axis::over(Scale::Log, points().map(|point| point.0));
        let y_axis = Axis::over(self.y_scale, points().map(|point| point.1));
        let x_of = |value| LEFT + x_axis.position(value) * (RIGHT - LEFT);
        let y_of = |value| BOTTOM - y_axis.position(value) * (BOTTOM - TOP);

        let title = escaped(self.title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#222\">\n\
             <title>{title}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
        );
        text(&mut svg, (LEFT, 28.0), "font-size=\"17\" font-weight=\"600\"", self.title);
        for tick in y_axis.ticks() {
            let y = y_of(tick);
            rule(&mut svg, (LEFT, y), (RIGHT, y), "#ddd");
            text(&mut svg, (LEFT - 8.0, y + 4.5), "text-anchor=\"end\"", &y_axis.label(tick));
        }
        for tick in x_axis.ticks() {
            let x = x_of(tick);
            rule(&mut svg, (x, TOP), (x, BOTTOM + 5.0), "#ddd");
            let label = x_axis.label(tick);
            text(&mut svg, (x, BOTTOM + 21.0), "text-anchor=\"middle\"", &label);
        }
        rule(&mut svg, (LEFT, BOTTOM), (RIGHT, BOTTOM), "#222");
        rule(&mut svg, (LEFT, TOP), (LEFT, BOTTOM), "#222");
        let middle = f64::midpoint(LEFT, RIGHT);
        text(&mut svg, (middle, BOTTOM + 43.0), "text-anchor=\"middle\"", self.x_label);
        let middle = f64::midpoint(TOP, BOTTOM);
        let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 20 {middle})\"");
        text(&mut svg, (20.0, middle), &turned, self.y_label);
        for (line, y) in self.caption.iter().zip([HEIGHT - 26.0, HEIGHT - 11.0]) {
            text(&mut svg, (LEFT, y), "font-size=\"10.5\" fill=\"#666\"", line);
        }

        let mut legend_x = LEFT;
        for (line, color) in self.lines.iter().zip(COLORS.into_iter().cycle()) {
            let style = format!("fill=\"{color}\" font-weight=\"600\"");
            let _ = writeln!(
                svg,
                "<rect x=\"{legend_x:.1}\" y=\"49\" width=\"16\" height=\"4\" fill=\"{color}\"/>"
            );
            text(&mut svg, (legend_x + 22.0, 56.0), &style, line.name);
            legend_x += 50.0 + 8.0 * line.name.chars().count() as f64;

            // What is not above zero has no position on a logarithmic axis.
            let shown = line
                .points
                .iter()
                .filter(|(_, y)| y.is_finite() && (self.y_scale == Scale::Linear || *y > 0.0));
            let positions = shown.clone().map(|&(x, y)| format!("{:.1},{:.1}", x_of(x), y_of(y)));
            let positions = positions.collect::<Vec<_>>().join(" ");
            let _ = writeln!(
                svg,
                "<polyline points=\"{positions}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
            );
            for &(x, y) in shown {
                let name = escaped(line.name);
                let (left, top) = (x_of(x), y_of(y));
                let (x, y) = (number(x, 0), number(y, 2));
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"4\" fill=\"{color}\">\
                     <title>{name}, {x}: {y}</title></circle>"
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Returns the values as a table, for the terminal.
    pub(super) fn to_markdown(&self) -> String {
        let names: Vec<_> = self.lines.iter().map(|line| line.name).collect();
        let mut xs: Vec<f64> =
            self.lines.iter().flat_map(|line| &line.points).map(|point| point.0).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let mut table = format!(
            "{}: {}\n\n| {} | {} |\n|--:|{}\n",
            self.title,
            self.y_label,
            self.x_label,
            names.join(" | "),
            "--:|".repeat(names.len())
        );
        for x in xs {
            let cells = self.lines.iter().map(|line| {
                let point = line.points.iter().find(|point| point.0 == x);
                point.map_or_else(|| "–".to_owned(), |point| number(point.1, 2))
            });
            let cells: Vec<_> = cells.collect();
            let _ = writeln!(table, "| {} | {} |", number(x, 0), cells.join(" | "));
        }
        table.push('\n');
        table
    }
}

/// Writes a text; `style` is attributes.
fn text(svg: &mut String, (x, y): (f64, f64), style: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{}</text>", escaped(text));
}

/// Writes a thin line.
fn rule(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), color: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{color}\"/>"
    );
}

/// Returns a text as an element of XML holds it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(y_scale: Scale, points: &[(f64, f64)]) -> Chart {
        Chart {
            title: "Cost & gain",
            x_label: "listeners",
            y_label: "µs",
            y_scale,
            lines: vec![Line { name: "a < b", points: points.to_vec() }],
            caption: ["x > y".to_owned(), String::new()],
        }
    }

    #[test]
    fn texts_are_escaped() {
        let svg = chart(Scale::Linear, &[(1.0, 2.0)]).to_svg();
        for text in ["Cost &amp; gain", "a &lt; b", "x &gt; y"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
        assert!(!svg.contains("a < b"), "{svg}");
    }

    #[test]
    fn the_smallest_and_the_largest_value_are_at_the_ends_of_the_axes() {
        let svg = chart(Scale::Linear, &[(100.0, 0.0), (1_000.0, 10.0)]).to_svg();
        assert!(svg.contains("<polyline points=\"80.0,345.0 730.0,80.0\""), "{svg}");
    }

    #[test]
    fn a_zero_is_left_out_of_a_logarithmic_axis() {
        let svg = chart(Scale::Log, &[(1.0, 0.0), (10.0, 1.0), (100.0, 10.0)]).to_svg();
        assert_eq!(svg.matches("<circle").count(), 2, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn the_table_has_a_dash_where_a_line_has_no_point() {
        let mut chart = chart(Scale::Linear, &[(1.0, 2.0), (2.0, 3.0)]);
        chart.lines.push(Line { name: "c", points: vec![(2.0, 4.5)] });
        let table = chart.to_markdown();
        assert!(table.ends_with("| 1 | 2.00 | – |\n| 2 | 3.00 | 4.50 |\n\n"), "{table}");
    }
}
