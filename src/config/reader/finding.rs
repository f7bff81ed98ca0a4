//! What a reader has to say about a file, and how it is printed.

use std::{fmt, io, path::Path};

use super::source::Excerpt;
use crate::config::FilesRead;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file can't be used.
    Error,
    /// Legal, but unwise.
    Warning,
}

/// One thing that is wrong, or unwise, in a file. Holds no secret.
///
/// Printed as compilers do:
///
/// ```text
/// error: `server.threds` is not a key
///  --> proxy.toml:7:1
///   |
/// 7 | threds = …
///   | ^^^^^^
///   = help: did you mean `threads`?
/// ```
#[derive(Clone, Debug)]
pub struct Finding {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) file: String,
    /// `None` when it is about something that isn't there, or about the whole file.
    pub(super) excerpt: Option<Excerpt>,
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, where that can be said.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// `file:line:column`, as editors take it; only the file where there is no line to point at.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.excerpt {
            Some(excerpt) => format!("{}:{}:{}", self.file, excerpt.line, excerpt.column),
            None => self.file.clone(),
        }
    }

    /// What can be pointed at comes in the order of the file, the rest last.
    pub(super) fn position(&self) -> (usize, usize) {
        self.excerpt.as_ref().map_or((usize::MAX, 0), |excerpt| (excerpt.line, excerpt.column))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{word}: {}", self.message)?;
        let gutter = self.excerpt.as_ref().map_or(1, |excerpt| excerpt.line.to_string().len());
        let blank = " ".repeat(gutter);
        writeln!(f, "{blank}--> {}", self.place())?;
        if let Some(excerpt) = &self.excerpt {
            let (indent, marker) = (" ".repeat(excerpt.indent), "^".repeat(excerpt.width));
            writeln!(f, "{blank} |\n{} | {}\n{blank} | {indent}{marker}", excerpt.line, excerpt.text)?;
        }
        match &self.help {
            Some(help) => writeln!(f, "{blank} = help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that was found in one file.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) file: String,
    pub(super) findings: Vec<Finding>,
    pub(super) files: FilesRead,
}

impl Report {
    /// The findings, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// The files that were read, or that could not be.
    #[must_use]
    pub const fn files(&self) -> &FilesRead {
        &self.files
    }

    /// The same, of which this is one.
    pub(in crate::config) fn of_file(mut self, path: &Path, found: Result<&[u8], &io::Error>) -> Self {
        self.files.note(path, found);
        self
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }
}

/// All findings, a blank line after each, and a line that sums up: `proxy.toml: ok`, `proxy.toml: 2 errors`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let amount = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        };
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let verdict = if errors == 0 { "ok".to_owned() } else { amount(errors, "error") };
        write!(f, "{}: {verdict}", self.file)?;
        if warnings > 0 {
            write!(f, ", {}", amount(warnings, "warning"))?;
        }
        writeln!(f)
    }
}
