//! The integration tests: one binary, a file per behaviour.

mod store;
mod support;
