//! `[graphql]`: which paths speak GraphQL, and how large documents may be.

/// Which paths speak GraphQL, and how large documents may be.
#[derive(Clone, Debug)]
pub struct GraphqlSettings {
    /// Paths whose requests are looked into.
    pub paths: Vec<PathPattern>,
    /// Largest request body on these paths, in bytes; it is held in memory.
    pub body_limit: usize,
    /// Limits on documents that are parsed.
    pub limits: Limits,
}

/// A path, or a prefix of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// This path, with or without a slash at its end. Kept without it.
    Exact(String),
    /// Every path that begins with this text; written with `*` at the end.
    Prefix(String),
}

impl PathPattern {
    /// Whether `path` (canonical, without query string) is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path.strip_suffix('/').unwrap_or(path) == exact,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

/// Limits on documents that are parsed. A document over one is refused before anything runs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Size of a document in bytes.
    pub bytes: usize,
    /// Tokens in a document.
    pub tokens: usize,
    /// Nesting of braces, brackets and parentheses.
    pub depth: usize,
    /// Owned root fields that one request may run.
    pub operations: usize,
    /// Fields that a request selects after fragments are expanded.
    pub fields: usize,
}
