//! Logs, as they are configured.

use std::sync::Arc;

use anyhow::Context as _;

use super::lasting::Lasting;
use crate::{
    config::{AccessLog, Config, LogFormat, LogSettings, Report, Severity},
    http::{self, counts::Cores},
    telemetry::{
        self, Format, Levels,
        access::Log,
        lines::{Destination, Writers},
    },
};

/// Permissions of the access log: it tells who did what, and holds no credential.
const ACCESS_MODE: u32 = 0o640;

/// Writes what happens to standard error from now on.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<Levels> {
    telemetry::init(format(settings), settings.level.clone()).context("starting logs")
}

/// Writes what a configuration was found to be like, a line for each finding.
pub(crate) fn tell_of(report: &Report) {
    for finding in report.iter() {
        let (at, help) = (finding.place(), finding.help());
        match finding.severity() {
            Severity::Error => tracing::error!(%at, help, "{}", finding.message()),
            Severity::Warning => tracing::warn!(%at, help, "{}", finding.message()),
        }
    }
}

/// What requests are told of by.
pub(super) fn telling(config: &Config, lasting: &Lasting, writers: &mut Writers) -> anyhow::Result<http::Telling> {
    let access = access(&config.log, writers)?;
    let (clock, entropy) = (Arc::clone(&lasting.clock), Arc::clone(&lasting.entropy));
    let spans = lasting.tracer.clone().map(|tracer| http::Spans::new(tracer, &config.upstream.url));
    let counts = Arc::new(Cores::new(&config.routes));
    Ok(http::Telling { access, spans, clock, entropy, counts })
}

fn access(settings: &LogSettings, writers: &mut Writers) -> anyhow::Result<Option<Log>> {
    let destination = match &settings.access {
        AccessLog::Off => return Ok(None),
        AccessLog::Stdout => Destination::Stdout,
        AccessLog::Stderr => Destination::Stderr,
        AccessLog::File(path) => Destination::File { path: path.clone(), mode: ACCESS_MODE },
    };
    Log::start(writers, &destination, format(settings)).map(Some).context("[log] access")
}

const fn format(settings: &LogSettings) -> Format {
    match settings.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    }
}
