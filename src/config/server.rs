//! `[server]`: limits and timeouts towards clients.

use std::time::Duration;

/// Limits and timeouts towards clients.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Data-path threads, one runtime each; default: one per processor.
    pub threads: usize,
    /// Largest request body, in bytes, on any path.
    pub body_limit: u64,
    /// Largest request head, in bytes.
    pub header_limit: usize,
    /// From the first byte of a request until its head is complete.
    pub header_timeout: Duration,
    /// From the end of the head until a GraphQL body is complete.
    pub body_timeout: Duration,
    /// After SIGTERM, how long requests in flight may take.
    pub shutdown_grace: Duration,
}
