//! Logs, as they are configured.

use std::sync::Arc;

use anyhow::Context as _;

use crate::{
    config::{AccessLog, Config, LogFormat, LogSettings},
    http::{self, counts::Cores},
    telemetry::{
        self, Format,
        access::{Destination, Log, Writer},
    },
};

/// Writes what happens to standard error from now on.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<()> {
    telemetry::init(format(settings), settings.level.clone()).context("starting logs")
}

/// What requests are told of by, and the thread that writes the access log, if there is one.
pub(super) fn telling(config: &Config, parts: &http::Parts) -> anyhow::Result<(Option<Writer>, http::Telling)> {
    let (writer, access) = access(&config.log)?.unzip();
    let (clock, entropy) = (Arc::clone(&parts.clock), Arc::clone(&parts.entropy));
    let counts = Arc::new(Cores::new(&config.routes));
    Ok((writer, http::Telling { access, clock, entropy, traces: config.telemetry, counts }))
}

fn access(settings: &LogSettings) -> anyhow::Result<Option<(Writer, Log)>> {
    let destination = match &settings.access {
        AccessLog::Off => return Ok(None),
        AccessLog::Stdout => Destination::Stdout,
        AccessLog::Stderr => Destination::Stderr,
        AccessLog::File(path) => Destination::File(path.clone()),
    };
    Writer::start(&destination, format(settings)).map(Some).context("[log] access")
}

const fn format(settings: &LogSettings) -> Format {
    match settings.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    }
}
