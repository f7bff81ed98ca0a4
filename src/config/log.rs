//! `[log]`: what is written to standard error.

/// What is written to standard error.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a list of targets (`railgate::http=debug,info`).
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
