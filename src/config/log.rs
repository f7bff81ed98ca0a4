//! `[log]`: what is written to standard error.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::reader::{Fault, Table};

const LEVEL: &str = "error, warn, info, debug, trace or off, or a list such as \"railgate::http=debug,info\"";

/// What is written to standard error.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is written at all. From `error`, `warn`, `info`, `debug`, `trace`, `off`, or a list by target:
    /// `railgate::http=debug,info`.
    pub level: Targets,
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

impl LogSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        Self {
            format: table.choice(
                "format",
                LogFormat::default(),
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
            level: table
                .text("level", LEVEL, parse_level)
                .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)),
        }
    }
}

/// Stricter than the library's own reader, to which `inof` is a target of that name.
fn parse_level(text: &str) -> Result<Targets, Fault> {
    text.split(',').try_fold(Targets::new(), |targets, part| {
        let level = |word: &str| word.parse::<LevelFilter>().map_err(|_| Fault::Form);
        match part.trim().split_once('=') {
            None => Ok(targets.with_default(level(part.trim())?)),
            Some((target, word)) if is_target(target) => Ok(targets.with_target(target, level(word)?)),
            Some(_) => Err(Fault::Form),
        }
    })
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
}
