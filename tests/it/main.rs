//! The integration tests: one binary, a file per behaviour.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod batches;
mod bodies;
mod browser;
mod clients;
mod config;
mod contract;
mod cookies;
mod cors;
mod cross_site;
mod cutover;
mod demo;
mod differential;
mod directory;
mod django_session;
mod documents;
mod failover;
mod forwarding;
mod fuzz;
mod hygiene;
mod identity;
mod introspection;
mod keys;
mod messages;
mod mixed;
mod refusals;
mod revocations;
mod second_factors;
mod session_cookie;
mod sessions;
mod standing;
mod store;
mod support;
mod tutorial;
mod uploads;
