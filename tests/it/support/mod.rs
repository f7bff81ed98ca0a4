//! What several tests need to run against.

pub(crate) mod redis;
