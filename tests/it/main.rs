//! The integration tests: one binary, a file per behaviour.
#![expect(missing_docs, reason = "tests")]

mod directory;
mod support;
