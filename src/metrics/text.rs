//! The two text formats of Prometheus, written as a stream: 0.0.4 and OpenMetrics 1.0.0.
//!
//! Sources: prometheus/docs `content/docs/instrumenting/exposition_formats.md`; OpenMetrics
//! `specification/OpenMetrics.md`. A family's header is written with its first sample, so that a
//! family without samples leaves no trace.

use std::fmt::Write as _;

/// Which format the scraper asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

impl Format {
    /// The one that an `Accept` header prefers: OpenMetrics where it is named and not outweighed.
    pub fn from_accept(accept: Option<&str>) -> Self {
        let weight = |kind: &str| -> f64 {
            let ranges = accept.unwrap_or_default().split(',');
            let fitting = ranges.filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                (parts.next()? == kind).then(|| {
                    let quality = parts.find_map(|part| part.strip_prefix("q="));
                    quality.map_or(1.0, |q| q.parse().unwrap_or(0.0))
                })
            });
            fitting.fold(0.0, f64::max)
        };
        let open = weight("application/openmetrics-text");
        if open > 0.0 && open >= weight("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The `Content-Type` of the answer; Prometheus 3 refuses a scrape without a known one.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up; its name ends in `_total`.
    Counter,
    /// Buckets, sum and count.
    Histogram,
    /// Constant 1 with facts as labels; its name ends in `_info`.
    Info,
}

/// Writes families one after another.
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    out: String,
}

impl Encoder {
    /// An empty exposition with room for so many bytes.
    pub fn new(format: Format, room: usize) -> Self {
        Self {
            format,
            out: String::with_capacity(room),
        }
    }

    /// Begins a family; `name` is the full one, with `_total` or `_info`.
    pub fn family<'e>(&'e mut self, name: &'e str, kind: Kind, help: &'e str) -> Family<'e> {
        Family {
            encoder: self,
            name,
            kind,
            help,
            begun: false,
        }
    }

    /// What was written so far: one piece of several, of which [`Encoder::finish`] ends the last.
    pub fn piece(self) -> String {
        self.out
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn header(&mut self, name: &str, kind: Kind, help: &str) {
        let open = self.format == Format::OpenMetrics;
        // OpenMetrics names the family without the suffix that its samples carry.
        let family = match kind {
            Kind::Counter if open => name.strip_suffix("_total").unwrap_or(name),
            Kind::Info if open => name.strip_suffix("_info").unwrap_or(name),
            _ => name,
        };
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Info if open => "info",
            Kind::Gauge | Kind::Info => "gauge",
        };
        // Writing into a String cannot fail.
        if open {
            self.out.push_str("# TYPE ");
            self.out.extend([family, " ", word, "\n"]);
            if let Some(unit) = ["seconds", "bytes"]
                .into_iter()
                .find(|unit| ends_with_unit(family, unit))
            {
                self.out.extend(["# UNIT ", family, " ", unit, "\n"]);
            }
            self.out.extend(["# HELP ", family, " "]);
            escape_help(help, true, &mut self.out);
            self.out.push('\n');
        } else {
            self.out.extend(["# HELP ", family, " "]);
            escape_help(help, false, &mut self.out);
            self.out.extend(["\n# TYPE ", family, " ", word, "\n"]);
        }
    }
}

fn ends_with_unit(family: &str, unit: &str) -> bool {
    family.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'))
}

/// One family that is being written.
#[derive(Debug)]
pub struct Family<'e> {
    encoder: &'e mut Encoder,
    name: &'e str,
    kind: Kind,
    help: &'e str,
    begun: bool,
}

impl Family<'_> {
    /// One sample. `labels` is what [`Labels`] made; NaN and infinities are written as the formats say.
    pub fn sample(&mut self, labels: &str, value: f64) {
        self.part("", labels, value);
    }

    /// One sample with one more label behind the others, written straight into the text.
    pub fn with(&mut self, labels: &str, (name, label): (&str, &str), value: f64) {
        self.begin();
        let out = &mut self.encoder.out;
        out.extend([
            self.name,
            "{",
            labels,
            if labels.is_empty() { "" } else { "," },
            name,
            "=\"",
        ]);
        escape_label(label, out);
        out.push_str("\"} ");
        write_value(value, out);
        out.push('\n');
    }

    /// The same with the number of a shard under that name.
    pub fn of_shard(&mut self, labels: &str, (name, shard): (&str, u32), value: f64) {
        self.begin();
        let out = &mut self.encoder.out;
        let written = write!(out, "{}{{{labels},{name}=\"{shard}\"}} ", self.name);
        debug_assert!(written.is_ok(), "a String takes everything");
        write_value(value, out);
        out.push('\n');
    }

    fn begin(&mut self) {
        if !self.begun {
            self.encoder.header(self.name, self.kind, self.help);
            self.begun = true;
        }
    }

    /// One sample with a suffix to the family's name (`_bucket`, `_sum`, `_count`).
    pub fn part(&mut self, suffix: &str, labels: &str, value: f64) {
        self.begin();
        let out = &mut self.encoder.out;
        out.extend([self.name, suffix]);
        if !labels.is_empty() {
            out.extend(["{", labels, "}"]);
        }
        out.push(' ');
        write_value(value, out);
        out.push('\n');
    }
}

/// Shortest text that reads back as the same number; whole numbers without a fraction.
fn write_value(value: f64, out: &mut String) {
    // Most of what is exported: ten of eleven states of every follower are 0.
    let bits = value.to_bits();
    let written = if bits == 0 {
        out.push('0');
        Ok(())
    } else if bits == 1_f64.to_bits() {
        out.push('1');
        Ok(())
    } else if value.is_nan() {
        out.push_str("NaN");
        Ok(())
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        Ok(())
    } else {
        write!(out, "{value}")
    };
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// Builds the inside of the braces, once per follower and not once per sample.
#[derive(Debug, Clone, Default)]
pub struct Labels(String);

impl Labels {
    /// None yet.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// The same with one more; the caller gives each name once and in a stable order.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.extend([name, "=\""]);
        escape_label(value, &mut self.0);
        self.0.push('"');
        self
    }

    /// As [`Family::sample`] takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `\`, `"` and line feeds are escaped; a carriage return may not stand in OpenMetrics at all.
pub(super) fn escape_label(value: &str, out: &mut String) {
    if !value.contains(['\\', '"', '\n', '\r']) {
        out.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push(' '),
            other => out.push(other),
        }
    }
}

/// In help texts only OpenMetrics escapes quotes.
fn escape_help(help: &str, quotes: bool, out: &mut String) {
    for c in help.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' if quotes => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_of_prometheus_gets_openmetrics_and_a_browser_plain_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::from_accept(Some(prometheus)), Format::OpenMetrics);
        let reversed = "application/openmetrics-text;version=1.0.0;q=0.2, text/plain;version=0.0.4;q=0.5";
        assert_eq!(Format::from_accept(Some(reversed)), Format::Prometheus);
        for other in [
            None,
            Some("*/*"),
            Some("text/html"),
            Some("application/openmetrics-text;q=0"),
        ] {
            assert_eq!(Format::from_accept(other), Format::Prometheus, "{other:?}");
        }
    }

    #[test]
    fn labels_and_help_are_escaped_and_families_without_samples_leave_no_trace() {
        let mut encoder = Encoder::new(Format::OpenMetrics, 0);
        let _unused = encoder.family("refollow_nothing", Kind::Gauge, "never");
        let labels = Labels::new().with("a", "q\"u\\o\nte").with("b", "ü");
        encoder
            .family("refollow_x_seconds_total", Kind::Counter, "say \"x\"\n")
            .sample(labels.as_str(), 1.5);
        encoder
            .family("refollow_build_info", Kind::Info, "b")
            .sample("", f64::INFINITY);
        assert_eq!(
            encoder.finish(),
            "# TYPE refollow_x_seconds counter\n# UNIT refollow_x_seconds seconds\n# HELP refollow_x_seconds say \\\"x\\\"\\n\n\
             refollow_x_seconds_total{a=\"q\\\"u\\\\o\\nte\",b=\"ü\"} 1.5\n\
             # TYPE refollow_build info\n# HELP refollow_build b\nrefollow_build_info +Inf\n# EOF\n"
        );
    }

    #[test]
    fn large_whole_numbers_keep_every_digit_that_a_double_has() {
        let mut out = String::new();
        for value in [9_007_199_254_740_991.0, -3.0, 1_795_000_000.25, 0.0] {
            write_value(value, &mut out);
            out.push(' ');
        }
        assert_eq!(out, "9007199254740991 -3 1795000000.25 0 ");
    }
}
