//! The configuration, read again while the gateway runs.
//!
//! On SIGHUP, and when a file has changed that it was read from ([`watched`](super::watched)), the file is read, checked and
//! put together anew beside what serves; only when all of that has succeeded does it take the place of the former one, on all
//! cores. Whatever fails before changes nothing: each part of the new configuration is either handed over whole or dropped.
//!
//! Those who are told of what happens go by the same: a file that can't be opened refuses all of it. Audit events go to the new
//! places from the moment on, whichever configuration their request is served by; lines of the access log, and spans, belong to
//! a request, and go where its configuration has them.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use tokio::signal::unix::Signal;

use super::{
    admin::Admin,
    assembly::{self, Assembled},
    kept::Kept,
    lasting::Lasting,
    logs,
    told::Carriers,
    watched::Watch,
};
use crate::{
    config::{self, Config, FilesRead, Report},
    http::server::Successor,
    telemetry::{
        Control,
        reloads::{Outcome, Reloads},
    },
};

/// Reloads when it is asked to.
pub(super) struct Reloader<'c> {
    pub(super) path: PathBuf,
    pub(super) lasting: Lasting,
    pub(super) carriers: &'c mut Carriers,
    pub(super) kept: Kept,
    pub(super) successor: Successor,
    pub(super) log: Control,
    pub(super) watch: Watch,
    pub(super) reloads: Arc<Reloads>,
    /// Asks those whom the gateway asks.
    pub(super) admin: Option<Admin>,
}

/// Why nothing has changed.
enum Refused {
    /// Of the file.
    Report(Report),
    /// Of what it speaks of; the files that it was read from.
    Assembly(anyhow::Error, FilesRead),
}

/// A configuration that can take the place of the one in force.
struct Ready {
    assembled: Assembled,
    watch: Watch,
    warnings: Report,
    /// The keys that wait for a restart.
    waiting: Vec<&'static str>,
}

impl Reloader<'_> {
    /// Reloads at each of these signals, of which two that come at once are one, and when a file has changed.
    pub(super) async fn run(mut self, mut signals: Signal) -> Infallible {
        loop {
            tokio::select! {
                _ = signals.recv() => {}
                () = self.watch.changed(), if self.kept.config.server.watch_config => {}
            }
            self.reload().await;
        }
    }

    async fn reload(&mut self) {
        match self.prepare() {
            Ok(ready) => self.apply(ready).await,
            Err(refused) => {
                self.watch.goes_on(match &refused {
                    Refused::Report(report) => report.files(),
                    Refused::Assembly(_, read) => read,
                });
                self.refuse(&refused);
            }
        }
    }

    fn prepare(&mut self) -> Result<Ready, Refused> {
        let (config, warnings) = Config::load(&self.path, &config::ProcessEnvironment).map_err(Refused::Report)?;
        let (config, waiting) = config.bound_to(&self.kept.config);
        // Before what it is over is read: a change in between is one.
        let watch = Watch::over(warnings.files().clone(), &config);
        let assembled = assembly::assemble(config, &self.lasting, self.carriers, Some(&self.kept))
            .map_err(|error| Refused::Assembly(error, warnings.files().clone()))?;
        Ok(Ready { assembled, watch, warnings, waiting })
    }

    async fn apply(&mut self, ready: Ready) {
        let Ready { assembled, watch, warnings, waiting } = ready;
        if let Some(admin) = &self.admin {
            admin.follow(&assembled);
        }
        let Assembled { generation, kept } = assembled;
        logs::change(&self.log, &kept.config.log);
        self.lasting.audit.keep_in(kept.told.audit.clone());
        self.successor.succeed(generation).await;
        // What the former one had to itself goes with the last of its requests.
        self.kept = kept;
        self.watch = watch;
        logs::tell_of(&warnings);
        for key in waiting {
            tracing::warn!(key, "has changed, and waits for a restart; what it said at the start stays in force");
        }
        let counts = self.reloads.note(Outcome::Applied, self.lasting.clock.now());
        let (path, applied, refused) = (self.path.display(), counts.applied, counts.refused);
        tracing::info!(%path, applied, refused, "the configuration was read again and is in force");
    }

    fn refuse(&self, why: &Refused) {
        let counts = self.reloads.note(Outcome::Refused, self.lasting.clock.now());
        let (path, applied, refused) = (self.path.display(), counts.applied, counts.refused);
        let message = "the configuration was read again and can't be used; the one from before stays in force";
        match why {
            Refused::Report(report) => {
                logs::tell_of(report);
                tracing::error!(%path, applied, refused, "{message}");
            }
            Refused::Assembly(error, _) => {
                let error: &(dyn std::error::Error + 'static) = error.as_ref();
                tracing::error!(%path, error, applied, refused, "{message}");
            }
        }
    }
}
