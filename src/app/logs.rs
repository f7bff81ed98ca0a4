//! Logs, as they are configured.

use std::sync::Arc;

use anyhow::Context as _;

use crate::{
    config::{AccessLog, Config, LogFormat, LogSettings},
    http,
    telemetry::{
        self, Format,
        access::Log,
        lines::{Destination, Writers},
        spans::Tracer,
    },
};

/// Permissions of the access log: it tells who did what, and holds no credential.
const ACCESS_MODE: u32 = 0o640;

/// Writes what happens to standard error from now on.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<()> {
    telemetry::init(format(settings), settings.level.clone()).context("starting logs")
}

/// What requests are told of by.
pub(super) fn telling(
    config: &Config,
    parts: &http::Parts,
    writers: &mut Writers,
    tracer: Option<Tracer>,
) -> anyhow::Result<http::Telling> {
    let access = access(&config.log, writers)?;
    let (clock, entropy) = (Arc::clone(&parts.clock), Arc::clone(&parts.entropy));
    let spans = tracer.map(|tracer| http::Spans::new(tracer, &config.upstream.url));
    Ok(http::Telling { access, spans, clock, entropy, traces: config.telemetry })
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
