//! The metrics as numbers, for those who do not read text. The registry tells them by its text alone,
//! so that is what is read: nothing can be in one and not in the other.

use jiff::Timestamp;

/// All metrics at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Since when they are counted.
    pub since: Timestamp,
    /// Until when.
    pub at: Timestamp,
    /// Each metric.
    pub families: Vec<MetricFamily>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFamily {
    /// Its name, as `/metrics` shows it.
    pub name: String,
    /// What it counts.
    pub help: String,
    /// In what, if it has a unit.
    pub unit: Option<String>,
    /// How it behaves.
    pub kind: MetricKind,
    /// One for each set of labels.
    pub points: Vec<Point>,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It never falls.
    Counter,
    /// It rises and falls.
    Gauge,
    /// It counts by size.
    Histogram,
}

/// A number, or several, and what it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Names and values, in their order.
    pub labels: Vec<(String, String)>,
    /// What was read.
    pub reading: Reading,
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A whole number.
    Whole(i64),
    /// Another number.
    Real(f64),
    /// A histogram.
    Buckets(Buckets),
}

/// A histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    /// Where each bucket ends, but for the last, which has no end.
    pub bounds: Vec<f64>,
    /// How many fell into each.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: f64,
    /// A value of a trace, for some buckets.
    pub exemplars: Vec<Exemplar>,
}

/// A value of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The trace.
    pub trace: String,
    /// The value.
    pub value: f64,
    /// When it was, if that is known.
    pub at: Option<Timestamp>,
}

/// Reads OpenMetrics text that this program wrote.
pub(super) fn read(text: &str) -> Vec<MetricFamily> {
    let mut families: Vec<MetricFamily> = Vec::new();
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("# HELP ") {
            let (name, help) = told.split_once(' ').unwrap_or((told, ""));
            families.push(MetricFamily {
                name: name.to_owned(),
                help: help.to_owned(),
                unit: None,
                kind: MetricKind::Gauge,
                points: Vec::new(),
            });
            continue;
        }
        let Some(family) = families.last_mut() else { continue };
        if let Some(told) = line.strip_prefix("# TYPE ") {
            family.kind = match told.rsplit(' ').next() {
                Some("counter") => MetricKind::Counter,
                Some("histogram") => MetricKind::Histogram,
                _ => MetricKind::Gauge,
            };
            if family.kind == MetricKind::Counter {
                family.name.push_str("_total");
            }
        } else if let Some(told) = line.strip_prefix("# UNIT ") {
            family.unit = told.rsplit(' ').next().map(str::to_owned);
        } else if let Some(sample) = Sample::read(line) {
            family.take(sample);
        }
    }
    families
}

/// One line.
struct Sample<'t> {
    name: &'t str,
    labels: Vec<(String, String)>,
    value: &'t str,
    exemplar: Option<Exemplar>,
}

impl<'t> Sample<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let (name, rest) = line.split_at_checked(line.find(['{', ' '])?)?;
        let (labels, rest) = labels(rest)?;
        let rest = rest.trim_start();
        let (value, more) = rest.split_once(' ').unwrap_or((rest, ""));
        (!name.is_empty() && !value.is_empty()).then(|| Self {
            name,
            labels,
            value,
            exemplar: more.strip_prefix("# ").and_then(exemplar),
        })
    }
}

impl MetricFamily {
    fn take(&mut self, sample: Sample<'_>) {
        let Sample { name, mut labels, value, exemplar } = sample;
        if self.kind != MetricKind::Histogram {
            let whole = value.parse().map(Reading::Whole);
            let reading = whole.or_else(|_| value.parse().map(Reading::Real));
            self.points.extend(reading.ok().map(|reading| Point { labels, reading }));
            return;
        }
        let le = labels.iter().position(|(name, _)| name == "le").map(|at| labels.remove(at).1);
        let known = self.points.iter().position(|point| point.labels == labels);
        let at = known.unwrap_or_else(|| {
            let reading = Reading::Buckets(Buckets::default());
            self.points.push(Point { labels, reading });
            self.points.len() - 1
        });
        let Some(Point { reading: Reading::Buckets(buckets), .. }) = self.points.get_mut(at) else {
            return;
        };
        if name.ends_with("_sum") {
            buckets.sum = value.parse().unwrap_or_default();
        } else if let (Some(le), Ok(upto)) = (le, value.parse::<u64>()) {
            // Text has in each bucket what is in those before, too.
            let before: u64 = buckets.counts.iter().sum();
            buckets.counts.push(upto.saturating_sub(before));
            buckets.bounds.extend(le.parse().ok().filter(|bound: &f64| bound.is_finite()));
            buckets.exemplars.extend(exemplar);
        }
    }
}

/// What stands in braces, if anything does, and what follows.
fn labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let Some(mut rest) = text.strip_prefix('{') else { return Some((Vec::new(), text)) };
    let mut labels = Vec::new();
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((name.to_owned(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some((labels, rest.strip_prefix('}')?))
}

/// A text up to its closing quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(match signs.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            sign => value.push(sign),
        }
    }
    None
}

fn exemplar(text: &str) -> Option<Exemplar> {
    let (labels, rest) = labels(text)?;
    let mut parts = rest.split_ascii_whitespace();
    let value = parts.next()?.parse().ok()?;
    let at = parts.next().and_then(|seconds| seconds.parse::<f64>().ok()).and_then(moment);
    let (_, trace) = labels.into_iter().find(|(name, _)| name == "trace_id")?;
    Some(Exemplar { trace, value, at })
}

fn moment(seconds: f64) -> Option<Timestamp> {
    let since = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Timestamp::try_from(std::time::UNIX_EPOCH.checked_add(since)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_what_it_says() {
        let text = "# HELP a_b Help of b.\n# TYPE a_b counter\n# UNIT a_b bytes\n\
                    a_b_total{c=\"d \\\"# {e}\\\\\\n\",f=\"\"} 7\na_b_total 1.5\n\
                    # HELP g Help.\n# TYPE g gauge\ng -2\n\
                    # HELP h Help.\n# TYPE h histogram\n# UNIT h seconds\n\
                    h_sum 3.5\nh_count 4\nh_bucket{le=\"0.1\"} 1\n\
                    h_bucket{le=\"2.5\"} 3 # {trace_id=\"ab\"} 0.2 1796000000.5\nh_bucket{le=\"+Inf\"} 4\n# EOF\n";
        let [a, g, h] = <[_; 3]>::try_from(read(text)).unwrap();
        assert_eq!(
            (&*a.name, a.unit.as_deref(), a.kind),
            ("a_b_total", Some("bytes"), MetricKind::Counter)
        );
        let labels = [("c", "d \"# {e}\\\n"), ("f", "")];
        assert_eq!(
            a.points[0].labels,
            labels.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(a.points[0].reading, Reading::Whole(7));
        assert_eq!(
            (&a.points[1].reading, &g.points[0].reading),
            (&Reading::Real(1.5), &Reading::Whole(-2))
        );
        let at = "2026-11-30T00:53:20.5Z".parse().ok();
        let exemplars = vec![Exemplar { trace: "ab".to_owned(), value: 0.2, at }];
        let buckets =
            Buckets { bounds: vec![0.1, 2.5], counts: vec![1, 2, 1], sum: 3.5, exemplars };
        assert_eq!(h.points, [Point { labels: vec![], reading: Reading::Buckets(buckets) }]);
    }

    #[test]
    fn everything_that_is_shown_is_read() {
        let metrics = super::super::Metrics::new();
        let read = metrics.snapshot();
        let shown = metrics.render();
        assert_eq!(read.families.len(), shown.matches("# TYPE ").count());
        let names: Vec<_> = read.families.iter().map(|family| &*family.name).collect();
        assert!(names.len() > 20 && names.iter().all(|name| super::super::NAMES.contains(name)));
    }
}
