//! Logs, as they are configured.

use anyhow::Context as _;

use super::lasting::Lasting;
use crate::{
    config::{AccessLog, LogFormat, LogSettings, Report, Severity},
    telemetry::{
        self, Control, Format,
        access::Log,
        lines::{Destination, Writers},
    },
};

/// Permissions of the access log: it tells who did what, and holds no credential.
const ACCESS_MODE: u32 = 0o640;

/// Writes what happens to standard error from now on.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<Control> {
    telemetry::init(format(settings), settings.level.clone()).context("starting logs")
}

/// Writes it as these settings have it from now on.
pub(super) fn change(control: &Control, settings: &LogSettings) {
    control.set(format(settings), settings.level.clone());
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

/// The access log, if there is one.
pub(super) fn access(settings: &LogSettings, lasting: &Lasting, writers: &mut Writers) -> anyhow::Result<Option<Log>> {
    let destination = match &settings.access {
        AccessLog::Off => return Ok(None),
        AccessLog::Stdout => Destination::Stdout,
        AccessLog::Stderr => Destination::Stderr,
        AccessLog::File(path) => Destination::File { path: path.clone(), mode: ACCESS_MODE },
    };
    let log = Log::start(writers, &destination, format(settings), &lasting.access);
    log.map(Some).context("[log] access")
}

const fn format(settings: &LogSettings) -> Format {
    match settings.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    }
}
