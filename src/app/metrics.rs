//! What is counted by those who know nothing of metrics, and what this gateway is.

use std::{fmt, sync::Arc};

use super::Common;
use crate::{
    auth::{audit::tally, passwords::Passwords, revocations::Followed},
    config::{Config, DirectorySettings, StoreSettings, TokenFormat},
    model::{Clock, Meter},
    telemetry::metrics::{Page, Source},
};

/// Those who work on the services' runtime.
#[derive(Debug)]
pub(super) struct Services {
    store: Arc<Meter>,
    directory: Arc<Meter>,
    passwords: Passwords,
    followed: Arc<Followed>,
    clock: Arc<dyn Clock>,
}

impl Services {
    pub(super) fn of(common: &Common, followed: Arc<Followed>) -> Self {
        Self {
            store: Arc::clone(&common.store_meter),
            directory: Arc::clone(&common.directory_meter),
            passwords: common.hashing.clone(),
            followed,
            clock: Arc::clone(&common.clock),
        }
    }

    fn tell_hashing(&self, page: &mut Page<'_>) -> fmt::Result {
        let load = self.passwords.load();
        page.gauge("railgate_hashing_threads", "Threads that check passwords.", [([], load.threads)])?;
        page.gauge("railgate_hashing_computing", "Passwords that are being checked.", [([], load.computing)])?;
        page.gauge("railgate_hashing_waiting", "Passwords that wait to be checked.", [([], load.waiting)])?;
        page.histogram("railgate_hashing_wait_seconds", "Until a password began to be checked.", [([], load.waits)])?;
        let help = "Passwords that were not checked, for want of a place or of time.";
        page.counter("railgate_hashing_refused", help, [([], load.refused)])
    }

    fn tell_revocations(&self, page: &mut Page<'_>) -> fmt::Result {
        let now = self.clock.now();
        let lag = self.followed.heard().map(|heard| ([], now.since(heard).as_secs_f64()));
        let help = "How old the knowledge is of which sessions have ended elsewhere; a few seconds where all is well.";
        page.gauge("railgate_revocations_lag_seconds", help, lag)?;
        let help = "How often ends of sessions may have been missed.";
        page.counter("railgate_revocations_gaps", help, [([], self.followed.generation())])
    }
}

impl Source for Services {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let operations = tally::counts();
        let samples = operations.iter().map(|(kind, count)| {
            ([("operation", kind.operation), ("outcome", kind.outcome), ("code", kind.code)], *count)
        });
        let help = "Operations on credentials, sessions and second factors, by what came of them; as in the audit log.";
        page.counter("railgate_auth_operations", help, samples)?;
        let meters = [("store", &self.store), ("directory", &self.directory)];
        let took = meters.map(|(name, meter)| ([("dependency", name)], meter.durations.distribution()));
        page.histogram("railgate_dependency_duration_seconds", "How long answers took, or failures.", took)?;
        let failures = meters.map(|(name, meter)| ([("dependency", name)], meter.failures.get()));
        page.counter("railgate_dependency_failures", "Questions without an answer.", failures)?;
        self.tell_hashing(page)?;
        self.tell_revocations(page)
    }
}

/// What this gateway is.
#[derive(Debug)]
pub(super) struct Info {
    store: &'static str,
    directory: &'static str,
    tokens: &'static str,
    threads: usize,
}

impl Info {
    pub(super) const fn of(config: &Config) -> Self {
        Self {
            store: match config.store {
                StoreSettings::Embedded { .. } => "embedded",
                StoreSettings::Redis { .. } => "redis",
            },
            directory: match config.directory {
                DirectorySettings::Django(_) => "django",
                DirectorySettings::File(_) => "file",
                DirectorySettings::Upstream(_) => "upstream",
            },
            tokens: match config.tokens.format {
                TokenFormat::Paseto => "paseto",
                TokenFormat::Jwt { .. } => "jwt",
            },
            threads: config.server.threads,
        }
    }
}

impl Source for Info {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauge("railgate_build_info", "The release; always 1.", [(version, 1_u64)])?;
        let kinds = [("store", self.store), ("directory", self.directory), ("tokens", self.tokens)];
        page.gauge("railgate_config_info", "What the configuration chooses; always 1.", [(kinds, 1_u64)])?;
        page.gauge("railgate_threads", "Threads that forward.", [([], self.threads)])
    }
}
