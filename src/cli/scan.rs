//! `borderpost scan`: what is found in a file. Nothing is sent anywhere, and
//! no value is shown.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use crate::config;
use crate::data::{
    Confidence, Described, Detectors, Finding, Findings, Inspection, Inspector, Options, Scanner,
};

use super::ConfigArgument;
use super::output::{Usage, count, line};

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// Look for personal data, card numbers and secrets in a file.
#[derive(Debug, clap::Args)]
pub(super) struct Scan {
    /// The file, or `-` for standard input.
    file: PathBuf,
    /// Print JSON: one object for each finding, then the sums.
    #[arg(long, conflicts_with = "spans")]
    json: bool,
    /// Read JSON lines `{"id", "text"}` and print the spans that rules would act on, in
    /// characters.
    #[arg(long)]
    spans: bool,
    /// As if it were sent there: what `[[field_map]]` says of that place counts.
    #[arg(long, value_name = "URL", conflicts_with = "spans")]
    url: Option<String>,
    /// What the head of the request would say of it.
    #[arg(long, value_name = "TYPE", conflicts_with = "spans")]
    content_type: Option<String>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// One line to look through.
#[derive(Debug, Deserialize)]
struct Body {
    id: String,
    text: String,
}

impl Scan {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let inspector = config::inspector(&self.config.clone().origin())?;
        let mut input: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            let file = File::open(&self.file);
            Box::new(file.with_context(|| format!("cannot read {}", self.file.display()))?)
        };
        if self.spans {
            return spans(inspector.detectors(), BufReader::new(input));
        }
        let mut inspection = self.begin(&inspector)?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = input.read(&mut piece)?;
            let Some(text) = piece.get(..read).filter(|text| !text.is_empty()) else { break };
            inspection.push(text);
        }
        let findings = inspection.finish();
        if self.json {
            print_json(&findings);
        } else {
            print(&findings);
        }
        Ok(())
    }

    fn begin(&self, inspector: &Arc<Inspector>) -> anyhow::Result<Inspection> {
        let url = self.url.as_deref().map(url::Url::parse).transpose();
        let url = url.map_err(|error| Usage(format!("--url: {error}")))?;
        let described = Described {
            host: url.as_ref().and_then(url::Url::host_str).unwrap_or_default(),
            path: url.as_ref().map_or("/", url::Url::path),
            content_type: self.content_type.as_deref(),
            content_encoding: None,
        };
        Ok(Inspection::new(inspector, &described))
    }
}

fn scanner(detectors: &Arc<Detectors>) -> Scanner {
    Scanner::new(Arc::clone(detectors), Options { records: true, ..Options::default() })
}

fn print(findings: &Findings) {
    for finding in findings.kept() {
        let Finding { tag, detector, confidence, layer, offset, record, shape, digest, .. } =
            finding;
        let (tag, confidence) = (tag.as_str(), confidence.name());
        let shape = shape.as_str();
        let layer = if layer.as_str().is_empty() { "" } else { &format!("  {}", layer.as_str()) };
        line(format!(
            "{offset:>10}  {confidence:<6}  {tag:<26}  {detector:<20}  {shape:<22}  record {record}  {digest}{layer}"
        ));
    }
    let kept = u64::try_from(findings.kept().len()).unwrap_or(u64::MAX);
    if let Some(more @ 1..) = findings.count().checked_sub(kept) {
        line(format!("{more} more are not shown"));
    }
    if findings.sums().is_empty() {
        line("nothing found");
    }
    for (tag, sum) in findings.sums() {
        let found = count(usize::try_from(sum.count).unwrap_or(usize::MAX), "value");
        line(format!("{tag}: {found}, {} distinct, {}", sum.distinct(), sum.confidence.name()));
    }
}

fn print_json(findings: &Findings) {
    for finding in findings.kept() {
        line(json!({
            "tag": finding.tag.as_str(),
            "detector": &*finding.detector,
            "confidence": finding.confidence.name(),
            "layer": finding.layer.as_str(),
            "offset": finding.offset,
            "length": finding.length,
            "record": finding.record,
            "shape": finding.shape.as_str(),
            "digest": finding.digest.as_str(),
        }));
    }
    let sum = |(tag, sum): (&crate::data::Tag, &crate::data::Summary)| {
        let confidence = sum.confidence.name();
        let sum = json!({"count": sum.count, "distinct": sum.distinct(), "confidence": confidence});
        (tag.to_string(), sum)
    };
    line(json!({ "sums": findings.sums().iter().map(sum).collect::<serde_json::Map<_, _>>() }));
}

fn spans(detectors: &Arc<Detectors>, input: impl BufRead) -> anyhow::Result<()> {
    for (number, text) in input.lines().enumerate() {
        let text = text?;
        if text.trim().is_empty() {
            continue;
        }
        let body: Body = serde_json::from_str(&text)
            .with_context(|| format!("line {} is not {{\"id\", \"text\"}}", number + 1))?;
        let mut scanner = scanner(detectors);
        scanner.push(body.text.as_bytes());
        let findings = scanner.finish();
        let acted = findings.kept().iter().filter(|one| one.confidence >= Confidence::Likely);
        let spans: Vec<_> = acted.map(|one| span(&body.text, one)).collect();
        line(json!({ "id": body.id, "spans": spans }));
    }
    Ok(())
}

fn span(text: &str, finding: &Finding) -> serde_json::Value {
    let characters = |octets: u64| {
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        text.char_indices().take_while(|(place, _)| *place < octets).count()
    };
    let score = match finding.confidence {
        Confidence::Weak => 0.3,
        Confidence::Likely => 0.7,
        Confidence::Sure => 1.0,
    };
    json!({
        "start": characters(finding.offset),
        "end": characters(finding.offset + u64::from(finding.length)),
        "type": finding.detector.to_uppercase(),
        "score": score,
    })
}
