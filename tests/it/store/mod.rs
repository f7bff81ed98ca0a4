//! Session stores: one contract for all, and what each promises by itself.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod adopt;
mod challenge;
mod cluster;
mod contract;
mod embedded;
mod eviction;
mod failover;
mod feed;
pub(crate) mod fixture;
mod life;
mod many;
mod redis;
mod replies;
mod sealed;
mod sentinel;
mod throttle;
mod tls;
mod tokens;
mod trouble;
mod vault;
