//! railgate, an authentication gateway for GraphQL backends.
//!
//! The binary is a thin shell around this library; [`app::run`] puts the parts together. Data flows one way:
//!
//! ```text
//! client -> http -> graphql -> auth -> { store, directory } -> model
//!             |                                   ^
//!             +---- forwards to the backend       +-- Redis, SQLite, PostgreSQL
//! ```
//!
//! - [`http`]: listeners, the tower stack (one file, in order), the upstream client
//! - [`graphql`]: which requests are the gateway's own, and what they mean
//! - [`auth`]: commands and facts: login, refresh, logout; tokens and passwords
//! - [`store`], [`directory`]: traits, and the backends behind them
//! - [`model`]: ids, secrets, time, users, sessions, the caller
//! - [`config`]: `proxy.toml`, from text to checked values
//! - [`app`]: the composition root, the only place that names concrete backends
//! - [`cli`]: subcommands and exit codes

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod directory;
pub mod graphql;
pub mod http;
pub mod model;
pub mod store;
pub mod telemetry;
