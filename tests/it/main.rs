//! The integration tests: one binary, a file per behaviour.
#![expect(clippy::unwrap_used, reason = "tests")]

mod directory;
mod support;
