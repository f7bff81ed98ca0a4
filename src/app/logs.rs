//! Logs, as they are configured.

use anyhow::Context as _;

use crate::{
    config::{AccessLog, LogFormat, LogSettings},
    telemetry::{
        self, Format,
        access::{Destination, Log, Writer},
    },
};

/// Writes what happens to standard error from now on.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<()> {
    telemetry::init(format(settings), settings.level.clone()).context("starting logs")
}

/// The access log, if there is one, and the thread that writes it.
pub(super) fn access(settings: &LogSettings) -> anyhow::Result<Option<(Writer, Log)>> {
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
