//! A picture of each dashboard's data, drawn by us from the dashboard's own queries.
//!
//! One SVG for each dashboard, its panels as tiles: lines over the length of the test, or what was
//! true at its end. Not what Grafana draws, and enough to see what a panel answers.

use std::fmt::Write as _;

use serde_json::Value;

use super::dashboards::Query;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 130.0;
const COLOURS: [&str; 6] = ["#1f6fb4", "#d95f02", "#1b9e77", "#7570b3", "#b8860b", "#a6324a"];
/// Rows of a table or lines of a plot; more would not be read.
const MOST: usize = 6;

/// What a panel answered.
pub struct Tile<'a> {
    pub query: &'a Query,
    /// Name of each series and its points: seconds from the start, value.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

/// A legend with a series' labels in it.
pub fn legend(form: &str, metric: &Value) -> String {
    let mut text = form.to_owned();
    while let (Some(begin), Some(end)) = (text.find("{{"), text.find("}}")) {
        let name = text[begin + 2..end].trim().to_owned();
        let value = metric[&name].as_str().unwrap_or_default().to_owned();
        text.replace_range(begin..end + 2, &value);
    }
    if text.is_empty() { "value".to_owned() } else { text }
}

fn safe(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).collect();
    short
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn number(value: f64, unit: &str) -> String {
    match unit {
        "s" if value.abs() >= 3600.0 => format!("{:.1} h", value / 3600.0),
        "s" => format!("{value:.1} s"),
        _ if value.fract().abs() < 1e-9 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

fn tile(out: &mut String, tile: &Tile<'_>, left: f64, top: f64, length: f64) {
    writeln!(
        out,
        "<g transform=\"translate({left} {top})\"><rect width=\"{}\" height=\"{}\" fill=\"#fff\" stroke=\"#ccc\"/><text x=\"6\" y=\"14\" font-weight=\"bold\">{}</text>",
        WIDTH - 8.0,
        HEIGHT - 8.0,
        safe(&tile.query.panel, 44)
    )
    .unwrap();
    let unit = tile.query.unit.as_str();
    let plotted = tile.query.kind == "timeseries" || tile.query.kind == "state-timeline";
    if tile.series.is_empty() {
        out.push_str("<text x=\"6\" y=\"60\" fill=\"#777\">no data: nothing of the kind at the time</text>");
    } else if plotted {
        let values = || {
            tile.series
                .iter()
                .flat_map(|(_, points)| points.iter().map(|(_, value)| *value))
        };
        let highest = values().fold(1e-9, f64::max);
        let lowest = values().fold(0.0, f64::min);
        for (place, (name, points)) in tile.series.iter().take(MOST).enumerate() {
            let colour = COLOURS[place % COLOURS.len()];
            out.push_str("<polyline fill=\"none\" stroke-width=\"1.5\" points=\"");
            for (at, value) in points {
                let x = 6.0 + at / length.max(1.0) * (WIDTH - 20.0);
                let y = 84.0 - (value - lowest) / (highest - lowest) * 62.0;
                write!(out, "{x:.0},{y:.0} ").unwrap();
            }
            writeln!(out, "\" stroke=\"{colour}\"/>").unwrap();
            let (column, row) = (
                f64::from(u8::try_from(place % 2).unwrap()),
                f64::from(u8::try_from(place / 2).unwrap()),
            );
            writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" fill=\"{colour}\" font-size=\"8\">{}</text>",
                6.0 + column * 140.0,
                96.0 + row * 9.0,
                safe(name, 28)
            )
            .unwrap();
        }
        write!(
            out,
            "<text x=\"{}\" y=\"14\" text-anchor=\"end\" fill=\"#777\">max {}</text>",
            WIDTH - 14.0,
            number(highest, unit)
        )
        .unwrap();
    } else {
        for (place, (name, points)) in tile.series.iter().take(MOST).enumerate() {
            let value = points.last().map_or(f64::NAN, |(_, value)| *value);
            let y = 32 + 14 * place;
            let text = format!(
                "{}  {}",
                number(value, unit),
                if name == "value" { "" } else { name }
            );
            writeln!(out, "<text x=\"6\" y=\"{y}\">{}</text>", safe(text.trim(), 50)).unwrap();
        }
    }
    out.push_str("</g>\n");
}

/// A plot shows first what moves most; what only is true now is what is true at the end.
fn chosen(tile: &mut Tile<'_>, length: f64) {
    let plotted = tile.query.kind == "timeseries" || tile.query.kind == "state-timeline";
    if plotted {
        let highest = |points: &[(f64, f64)]| points.iter().map(|(_, value)| *value).fold(f64::MIN, f64::max);
        tile.series.retain(|(_, points)| !points.is_empty());
        tile.series
            .sort_by(|one, other| highest(&other.1).total_cmp(&highest(&one.1)));
    } else {
        tile.series
            .retain(|(_, points)| points.last().is_some_and(|(at, _)| *at > length - 2.0));
    }
}

/// One dashboard over so many seconds; it begins where the first panel has something.
pub fn draw(uid: &str, mut tiles: Vec<Tile<'_>>, length: f64) -> String {
    let first = tiles
        .iter()
        .filter(|tile| tile.query.expr.contains("refollow_"))
        .flat_map(|tile| tile.series.iter().filter(|(name, _)| name.contains("eu")))
        .filter_map(|(_, points)| points.first().map(|(at, _)| *at))
        .fold(length, f64::min);
    let length = length - first;
    for tile in &mut tiles {
        for (_, points) in &mut tile.series {
            points.retain(|(at, _)| *at >= first);
            for (at, _) in points.iter_mut() {
                *at -= first;
            }
        }
        chosen(tile, length);
    }
    let rows = tiles.len().div_ceil(3);
    let height = HEIGHT * f64::from(u32::try_from(rows).unwrap()) + 30.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"#f4f4f4\"/>\n<text x=\"6\" y=\"18\" font-size=\"13\">{uid}: {length:.0} s of the end-to-end test</text>\n",
        WIDTH * 3.0
    );
    for (place, one) in tiles.iter().enumerate() {
        let column = f64::from(u32::try_from(place % 3).unwrap());
        let row = f64::from(u32::try_from(place / 3).unwrap());
        tile(&mut out, one, column * WIDTH + 4.0, row * HEIGHT + 26.0, length);
    }
    out.push_str("</svg>\n");
    out
}

#[test]
fn a_legend_takes_labels_and_a_name_cannot_break_the_picture() {
    let metric = serde_json::json!({"a": "eu", "b": "<x>"});
    assert_eq!(legend("{{a}}/{{ b }}", &metric), "eu/<x>");
    assert_eq!(legend("", &metric), "value");
    assert_eq!(safe("<x> & y", 6), "&lt;x&gt; &amp; ");
}
