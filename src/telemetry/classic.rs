//! OpenMetrics text as the older format of Prometheus (0.0.4) has it, for readers that do not
//! ask for OpenMetrics: there a counter is announced by its whole name.

/// The same metrics in the older format.
pub(super) fn of(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    // The help comes first, and what its metric is called only with the type.
    let mut help = None;
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("# HELP ") {
            help = told.split_once(' ');
        } else if let Some((name, kind)) = announced(line) {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take().filter(|(of, _)| *of == name) {
                classic.push_str(&format!("# HELP {name}{suffix} {help}\n"));
            }
            let kind = if kind == "unknown" { "untyped" } else { kind };
            classic.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            // Buckets have no labels of clients, in which this could stand.
            let bucket = line.contains("_bucket{");
            let exemplar = line.split_once(" # {").filter(|_| bucket);
            classic.push_str(exemplar.map_or(line, |(before, _)| before));
            classic.push('\n');
        }
    }
    classic
}

fn announced(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("# TYPE ")?.split_once(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_announced_by_its_whole_name() {
        let text = "# HELP a_b Help of b.\n# TYPE a_b counter\n# UNIT a_b bytes\n\
                    a_b_total{c=\"d # e\"} 1\n# HELP f Help.\n# TYPE f gauge\nf 2\n\
                    h_bucket{le=\"1.0\"} 1 # {trace_id=\"a\"} 0.5 17.5\n# EOF\n";
        let wanted = "# HELP a_b_total Help of b.\n# TYPE a_b_total counter\n\
                      a_b_total{c=\"d # e\"} 1\n# HELP f Help.\n# TYPE f gauge\nf 2\n\
                      h_bucket{le=\"1.0\"} 1\n";
        assert_eq!(of(text), wanted);
    }
}
