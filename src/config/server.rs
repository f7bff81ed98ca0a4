//! `[server]`: limits and timeouts towards clients.

use std::{ops::RangeInclusive, thread, time::Duration};

use super::reader::{GIB, KIB, MIB, Table, millis, minutes, seconds};

/// What hyper's buffer can be limited to.
const HEADER_LIMITS: RangeInclusive<u64> = 8 * KIB..=MIB;

/// Limits and timeouts towards clients.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Data-path threads, one runtime each; default: one per processor.
    pub threads: usize,
    /// Largest request body, in bytes, on any path.
    pub body_limit: u64,
    /// Largest request head, in bytes.
    pub header_limit: usize,
    /// From a connection's start, or the end of the exchange before, until a request's head is complete: the patience
    /// with those who send slowly, and the time that an idle connection is kept.
    pub header_timeout: Duration,
    /// From the end of the head until a GraphQL body is complete.
    pub body_timeout: Duration,
    /// After SIGTERM, how long requests in flight may take.
    pub shutdown_grace: Duration,
}

impl ServerSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let patience = millis(100)..=minutes(60);
        Self {
            threads: table.number("threads", processors(), &(1..=1024)),
            body_limit: table.size("body_limit", 10 * MIB, &(KIB..=1024 * GIB)),
            header_limit: table.size("header_limit", 32 * KIB, &HEADER_LIMITS),
            header_timeout: table.duration("header_timeout", seconds(75), &patience),
            body_timeout: table.duration("body_timeout", seconds(30), &patience),
            shutdown_grace: table.duration("shutdown_grace", seconds(30), &(seconds(0)..=minutes(60))),
        }
    }
}

/// Processors that this process may use; one when the system doesn't say.
pub(super) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config, messages};

    #[test]
    fn there_are_as_many_threads_as_processors() {
        assert!(config("").server.threads >= 1);
        assert_eq!(config("[server]\nthreads = 3").server.threads, 3);
    }

    #[test]
    fn numbers_and_sizes_have_bounds() {
        assert_eq!(messages("[server]\nthreads = 0"), ["`server.threads`: must be from 1 to 1024, not 0"]);
        assert_eq!(messages("[server]\nthreads = -1"), ["`server.threads`: must be from 1 to 1024, not -1"]);
        assert_eq!(
            messages("[server]\nheader_limit = '4KiB'\nshutdown_grace = '2h'"),
            [
                "`server.header_limit`: must be from 8KiB to 1MiB, not 4KiB",
                "`server.shutdown_grace`: must be from 0ms to 1h, not 2h"
            ]
        );
    }
}
