//! Mistakes in configuration files, collected and shown all at once.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One file's text, as it was read.
#[derive(Debug)]
pub(super) struct Text {
    /// How the user knows the file.
    pub(super) name: String,
    /// What is in it.
    pub(super) text: String,
}

/// One mistake.
#[derive(Debug)]
struct Problem {
    file: Arc<Text>,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

/// All mistakes of one load. Never empty where it is an error.
#[derive(Debug)]
pub struct Problems(Vec<Problem>);

/// What is not wrong, and should be looked at.
#[derive(Debug)]
pub struct Findings(Vec<Problem>);

/// Collects mistakes while the files are read.
#[derive(Debug, Default)]
pub(super) struct Collector(RefCell<Vec<Problem>>);

impl Collector {
    /// Notes a mistake.
    pub(super) fn add(
        &self,
        file: &Arc<Text>,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = Problem { file: Arc::clone(file), span, message: message.into(), help };
        self.0.borrow_mut().push(problem);
    }

    /// The mistakes so far, in the order of files and lines, if there is one.
    pub(super) fn finish(self) -> Result<(), Problems> {
        let problems = self.sorted();
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// What was noted so far, where none of it is a mistake.
    pub(super) fn findings(self) -> Findings {
        Findings(self.sorted())
    }

    fn sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by(|a, b| (&a.file.name, a.span.start).cmp(&(&b.file.name, b.span.start)));
        problems.dedup_by(|a, b| {
            a.file.name == b.file.name && a.span == b.span && a.message == b.message
        });
        problems
    }
}

impl Problem {
    fn render(&self, level: &Level<'_>) -> String {
        let Text { name, text } = &*self.file;
        let end = self.span.end.min(text.len());
        let span = self.span.start.min(end)..end;
        let snippet = Snippet::source(text.as_str())
            .path(name.as_str())
            .annotation(AnnotationKind::Primary.span(span));
        let title = level.clone().primary_title(self.message.as_str());
        let mut group = title.element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[group])
    }
}

impl Findings {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|one| writeln!(f, "{}\n", one.render(&Level::WARNING)))
    }
}

impl Problems {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{}\n", problem.render(&Level::ERROR))?;
        }
        let many = if self.0.len() == 1 { "mistake" } else { "mistakes" };
        write!(f, "{} {many}; nothing was changed", self.0.len())
    }
}

impl std::error::Error for Problems {}
