//! What is wrong with a profile, shown with file, line and caret. Collects; decides nothing.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use kubelease_core::error::printable;

/// One thing that is wrong: a title, the place, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    title: String,
    span: Range<usize>,
    label: String,
    context: Option<(Range<usize>, String)>,
    help: Option<String>,
}

impl Problem {
    pub(crate) fn new(title: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            title: title.into(),
            span,
            label: String::new(),
            context: None,
            help: None,
        }
    }

    /// The words beside the caret.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// A second place that matters.
    pub(crate) fn context(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.context = Some((span, label.into()));
        self
    }

    /// What to write instead.
    pub(crate) fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Everything that is wrong with one file. `Display` is the plain rendering, which starts each problem
/// with `error:` of its own, so that a printer adds nothing in front.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileError {
    file: String,
    source: String,
    problems: Vec<Problem>,
}

impl ProfileError {
    /// `problems` must not be empty; they are shown in the order of the file.
    pub(crate) fn new(file: &str, source: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|p| p.span.start);
        Self {
            file: printable(file),
            source: source.to_owned(),
            problems,
        }
    }

    /// How many problems there are, at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// What is wrong in one line each, without places: for JSON and logs.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(|p| p.title.as_str())
    }

    /// For a person: `file:line:column`, the line, a caret and a suggestion for each problem. Safe for
    /// a terminal whatever the file holds. No line end at the end.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let blocks: Vec<String> = self
            .problems
            .iter()
            .map(|problem| renderer.render(&[self.group(problem)]))
            .collect();
        blocks.join("\n\n")
    }

    fn group<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let mut snippet = Snippet::source(self.source.as_str())
            .path(self.file.as_str())
            .annotation(
                AnnotationKind::Primary
                    .span(self.inside(&problem.span))
                    .label(printable(&problem.label)),
            );
        if let Some((span, label)) = &problem.context {
            let context = AnnotationKind::Context
                .span(self.inside(span))
                .label(printable(label));
            snippet = snippet.annotation(context);
        }
        let group = Level::ERROR
            .primary_title(printable(&problem.title))
            .element(snippet);
        match &problem.help {
            Some(help) => group.element(Level::HELP.message(printable(help))),
            None => group,
        }
    }

    /// The part of the span that lies on whole characters of the text: the renderer panics on others.
    fn inside(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.source.floor_char_boundary(span.start);
        let end = self.source.floor_char_boundary(span.end).max(start);
        start..end
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Debug for ProfileError {
    // Without the text, which may hold a webhook's token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileError")
            .field("file", &self.file)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ProfileError {}
