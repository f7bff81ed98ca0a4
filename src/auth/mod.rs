//! What the gateway does about credentials: the commands, and what they come to.
//!
//! A command is a plain struct, its answer a typed fact. Nothing here sees JSON, headers, cookies or status codes;
//! `graphql` translates arguments into commands and facts into payloads.
//!
//! - [`assertion`]: what the backend may believe of a caller wherever a request comes from
//! - [`backend`]: passwords and codes that the backend checks itself
//! - [`commands`]: login in one step or two, refresh, logout and those on sessions and second factors, as values, and the [`Commands`] trait that runs them
//! - [`audit`]: one event for every operation, whatever became of it
//! - [`passwords`]: Django's password hashes, checked on a bounded pool of threads
//! - [`tokens`]: access tokens, refresh tokens, challenge tokens, and the keys under them
//! - [`factors`]: what second factors are made of: codes, backup codes, trusted devices, and who has to have one
//! - [`django_session`]: sessions that Django itself opened, and whom they speak for
//! - [`standing`]: whether a caller with a good token may still come in
//! - [`endings`]: how a session ends, whoever ends it
//! - [`identity`]: the bearer token that an unchanged backend believes
//! - [`rehearsal`]: what commands would come to, where the backend answers
//! - [`revocations`]: what other gateways say of sessions that ended
//! - [`throttle`]: how often credentials may be tried
//! - [`timed`]: stores and directories whose calls are seen in traces
//! - [`service`]: the implementation of [`Commands`] on a directory and a store

use std::error::Error;

pub mod assertion;
pub mod audit;
pub mod backend;
pub mod commands;
pub mod django_session;
pub mod endings;
pub mod factors;
#[cfg(test)]
pub(crate) mod fakes;
pub mod identity;
pub mod passwords;
pub mod rehearsal;
pub mod revocations;
pub(in crate::auth) mod seals;
pub mod service;
pub mod standing;
pub mod throttle;
pub mod timed;
pub mod tokens;

pub use commands::{
    AdmitRegistration, Commands, CompleteMfaLogin, ConfirmFactor, DisableMfa, Enroller, Entry, FactorConfirmed,
    FactorSetup, Grant, IssuedToken, ListDevices, ListSessions, Login, Logout, Own, OwnDevices, OwnSession, OwnTrusted,
    PendingName, Refresh, Refusal, RegenerateBackupCodes, RevokeAllSessions, RevokeSession, RevokeTrustedDevice,
    SetUpFactor,
};

/// Logs a dependency's failure; the client is told only that the service is unavailable.
fn unavailable<E: Error + 'static>(doing: &'static str) -> impl FnOnce(E) -> Refusal {
    move |error| {
        tracing::error!(error = &error as &dyn Error, "{doing} failed");
        Refusal::Unavailable
    }
}
