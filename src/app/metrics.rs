//! What is counted by those who know nothing of metrics, and what this gateway is.

use std::{fmt, sync::Arc};

use tokio::sync::watch;

use super::{admin::InForce, lasting::Lasting};
use crate::{
    auth::{audit::tally, passwords::Passwords, revocations::Followed},
    config::{Config, DirectorySettings, StoreSettings, TokenFormat},
    model::{Clock, Meter},
    telemetry::{
        audit::AuditLog,
        lines::Ledger,
        metrics::{Page, Source},
        reloads::{Outcome, Reloads},
    },
};

/// Those who work on the services' runtime.
#[derive(Debug)]
pub(super) struct Services {
    store: Arc<Meter>,
    followed: Arc<Followed>,
    audit: Arc<AuditLog>,
    spans: Ledger,
    reloads: Arc<Reloads>,
    in_force: watch::Receiver<Option<InForce>>,
    clock: Arc<dyn Clock>,
}

impl Services {
    pub(super) fn of(lasting: &Lasting, reloads: &Arc<Reloads>, in_force: watch::Receiver<Option<InForce>>) -> Self {
        Self {
            store: Arc::clone(&lasting.stores.meter),
            followed: Arc::clone(&lasting.followed),
            audit: Arc::clone(&lasting.audit),
            spans: lasting.spans.clone(),
            reloads: Arc::clone(reloads),
            in_force,
            clock: Arc::clone(&lasting.clock),
        }
    }

    fn tell_hashing(passwords: &Passwords, page: &mut Page<'_>) -> fmt::Result {
        let load = passwords.load();
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

impl Services {
    fn tell_reloads(&self, page: &mut Page<'_>) -> fmt::Result {
        let counts = self.reloads.counts();
        let help = "How often the configuration was read again while the gateway ran, and what came of it.";
        let samples = [("applied", counts.applied), ("refused", counts.refused)];
        page.counter("railgate_config_reloads", help, samples.map(|(outcome, count)| ([("outcome", outcome)], count)))?;
        let is_in_force = counts.last.is_none_or(|(_, outcome)| outcome == Outcome::Applied);
        let help = "1 where the configuration that was read last is in force, 0 where it can't be used.";
        page.gauge("railgate_config_last_reload_successful", help, [([], u64::from(is_in_force))])
    }

    /// What was kept for others, or lost.
    fn tell_others(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut kept = Vec::new();
        for (sink, counts) in self.audit.counts() {
            for (outcome, count) in
                [("written", counts.written()), ("dropped", counts.dropped()), ("failed", counts.failed())]
            {
                kept.push(([("sink", sink), ("outcome", outcome)], count));
            }
        }
        let help = "Audit events, by where they are kept: written, dropped because too many waited, or failed.";
        page.counter("railgate_audit_events", help, kept)?;
        let has_collector = self.in_force.borrow().as_ref().is_some_and(|in_force| in_force.info.has_collector);
        let counts = Some(self.spans.counts()).filter(|counts| has_collector || !counts.is_empty());
        let spans = counts.into_iter().flat_map(|counts| {
            [("sent", counts.written()), ("dropped", counts.dropped()), ("failed", counts.failed())]
        });
        let help = "Spans for the collector of traces: sent, dropped because too many waited, or failed.";
        page.counter("railgate_spans", help, spans.map(|(outcome, count)| ([("outcome", outcome)], count)))
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
        self.tell_revocations(page)?;
        self.tell_reloads(page)?;
        self.tell_others(page)?;
        let in_force = self.in_force.borrow().clone();
        let Some(InForce { directory_meter, passwords, info, .. }) = &in_force else { return Ok(()) };
        let meters = [("store", &self.store), ("directory", directory_meter)];
        let took = meters.map(|(name, meter)| ([("dependency", name)], meter.durations.distribution()));
        page.histogram("railgate_dependency_duration_seconds", "How long answers took, or failures.", took)?;
        let failures = meters.map(|(name, meter)| ([("dependency", name)], meter.failures.get()));
        page.counter("railgate_dependency_failures", "Questions without an answer.", failures)?;
        Self::tell_hashing(passwords, page)?;
        info.tell(page)
    }
}

/// What this gateway is.
#[derive(Clone, Debug)]
pub(super) struct Info {
    store: &'static str,
    directory: &'static str,
    tokens: &'static str,
    threads: usize,
    /// Spans are sent to one.
    has_collector: bool,
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
            has_collector: config.otlp.is_some(),
        }
    }
}

impl Info {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauge("railgate_build_info", "The release; always 1.", [(version, 1_u64)])?;
        let kinds = [("store", self.store), ("directory", self.directory), ("tokens", self.tokens)];
        page.gauge("railgate_config_info", "What the configuration chooses; always 1.", [(kinds, 1_u64)])?;
        page.gauge("railgate_threads", "Threads that forward.", [([], self.threads)])
    }
}
