//! The summary as a JUnit report: a test case for each destination, failed where something was
//! refused.

use std::fmt::Write;

use super::summary::{Destination, Refusal, Refused, Sum, Summary};

/// The document.
pub(super) fn document(summary: &Summary) -> String {
    let failed = summary.destinations.values().filter(|sum| sum.refused > 0).count();
    let tests = summary.destinations.len();
    let counts = format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"borderpost exec\" {counts}>\n\
         <testsuite name=\"egress\" {counts}>\n"
    );
    for (destination, sum) in &summary.destinations {
        case(&mut text, summary, destination, sum);
    }
    if !summary.unseen.is_empty() {
        put(&mut text, "<system-err>");
        put(&mut text, &xml(&format!("warning: {}\n", summary.unseen.join("\nwarning: "))));
        put(&mut text, "</system-err>\n");
    }
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, summary: &Summary, destination: &Destination, sum: &Sum) {
    let Destination { name, place, source } = destination;
    put(text, &format!("<testcase classname=\"egress.{}\" name=\"{}\">\n", xml(place), xml(name)));
    let here = summary.refusals.iter().filter(|(refusal, _)| refusal.destination == *name);
    for (refusal, refused) in here.clone().filter(|(refusal, _)| refusal.enforced) {
        let (message, kind) = (xml(&refused.because), xml(&refusal.reason));
        put(text, &format!("<failure message=\"{message}\" type=\"{kind}\">"));
        put(text, &xml(&said(refusal, refused)));
        put(text, "</failure>\n");
    }
    put(text, "<system-out>");
    put(text, &xml(&format!("{place} ({source}): {}\n", sum.in_words())));
    for (refusal, refused) in here.filter(|(refusal, _)| !refusal.enforced) {
        put(text, &xml(&format!("would be refused: {}\n", said(refusal, refused))));
    }
    for ((_, code), (many, detail)) in
        summary.failures.iter().filter(|((failed, _), _)| failed == name)
    {
        put(text, &xml(&format!("failed: {many} x {code}: {detail}\n")));
    }
    put(text, "</system-out>\n</testcase>\n");
}

fn said(refusal: &Refusal, refused: &Refused) -> String {
    let mut text = format!("{} [{}]", refusal.reason, refused.outcome);
    if let Some(site) = &refused.site {
        text.push_str(&format!(" at {site}"));
    }
    if let Some(cite) = &refused.cite {
        text.push_str(&format!(", {cite}"));
    }
    let classes: Vec<_> = refused.classes.iter().map(String::as_str).collect();
    let classes = if classes.is_empty() { "no class".to_owned() } else { classes.join(", ") };
    text + &format!("\n{} x {} with {classes}", refused.count, refused.first)
}

fn put(text: &mut String, part: &str) {
    text.write_str(part).expect("a String takes every write");
}

/// Text of XML 1.0, in which some characters cannot stand at all.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\n' | '\t' => safe.push(character),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                safe.push('\u{fffd}');
            }
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_xml() {
        assert_eq!(
            xml("a<b>&\"'\u{1}\u{ffff}\r\n"),
            "a&lt;b&gt;&amp;&quot;&apos;\u{fffd}\u{fffd}\u{fffd}\n"
        );
        let mut summary = Summary::default();
        let name = "h\"<x>:1".to_owned();
        let place = "-".to_owned();
        summary
            .destinations
            .insert(Destination { name, place, source: "s".to_owned() }, Sum::default());
        let text = document(&summary);
        assert!(text.contains("name=\"h&quot;&lt;x&gt;:1\""), "{text}");
        assert_eq!(text.matches("<testcase").count(), 1);
    }
}
