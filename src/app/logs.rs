//! Logs, as they are configured.

use std::sync::Arc;

use anyhow::Context as _;

use super::lasting::Lasting;
use crate::{
    config::{AccessLog, LogFormat, LogSettings, Report, Severity},
    http,
    telemetry::{
        self, Format, Levels,
        access::{Destination, Log, Writer},
    },
};

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

/// What requests are told of by, and the thread that writes the access log, if there is one.
pub(super) fn telling(settings: &LogSettings, lasting: &Lasting) -> anyhow::Result<(Option<Writer>, http::Telling)> {
    let (writer, access) = access(settings)?.unzip();
    let (clock, entropy) = (Arc::clone(&lasting.clock), Arc::clone(&lasting.entropy));
    Ok((writer, http::Telling { access, clock, entropy }))
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
