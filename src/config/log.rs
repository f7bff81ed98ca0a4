//! `[log]`: what is written to standard error, and where a line for each request goes.

use std::path::{Path, PathBuf};

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::reader::{Fault, Table};

const ACCESS: &str = "\"stdout\", \"stderr\", \"off\", or a file with at least one slash, such as \"./access.log\"";
const LEVEL: &str = "error, warn, info, debug, trace or off, or a list such as \"railgate::http=debug,info\"";

/// What is logged, and where.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is written at all. From `error`, `warn`, `info`, `debug`, `trace`, `off`, or a list by target:
    /// `railgate::http=debug,info`.
    pub level: Targets,
    /// Where the access log goes.
    pub access: AccessLog,
}

/// Where a line for each request goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error, among the other logs.
    Stderr,
    /// The end of this file.
    File(PathBuf),
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
    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Self {
        Self {
            format: table.choice(
                "format",
                LogFormat::default(),
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
            level: table.text_or("level", LEVEL, "info", parse_level),
            access: table.text_or("access", ACCESS, "stdout", |text| parse_access(text, folder)),
        }
    }
}

/// A file has a slash in its name, so that a misspelled word is none.
fn parse_access(text: &str, folder: &Path) -> Result<AccessLog, Fault> {
    match text {
        "off" => Ok(AccessLog::Off),
        "stdout" => Ok(AccessLog::Stdout),
        "stderr" => Ok(AccessLog::Stderr),
        path if path.contains('/') && !path.ends_with('/') => Ok(AccessLog::File(folder.join(path))),
        _ => Err(Fault::Form),
    }
}

/// Stricter than the library's own reader, to which `inof` is a target of that name and nothing at all is `error`.
fn parse_level(text: &str) -> Result<Targets, Fault> {
    text.split(',').try_fold(Targets::new(), |targets, part| match part.trim().split_once('=') {
        None => Ok(targets.with_default(parse_word(part.trim())?)),
        Some((target, word)) if is_target(target) => Ok(targets.with_target(target, parse_word(word)?)),
        Some(_) => Err(Fault::Form),
    })
}

fn parse_word(word: &str) -> Result<LevelFilter, Fault> {
    match word {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(Fault::Form),
    }
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use super::AccessLog;
    use crate::config::tests::{config, messages};

    #[test]
    fn a_level_for_all_and_for_some() {
        let level = config("[log]\nlevel = 'railgate::http=debug, warn'").log.level;
        assert_eq!(level.default_level(), Some(LevelFilter::WARN));
        assert!(level.would_enable("railgate::http::layer", &tracing::Level::DEBUG));
        assert_eq!(config("").log.level.default_level(), Some(LevelFilter::INFO));
    }

    #[test]
    fn the_access_log_is_a_stream_or_a_file_and_no_misspelled_word() {
        let access = |text: &str| config(&format!("[log]\naccess = '{text}'")).log.access;
        assert_eq!(config("").log.access, AccessLog::Stdout);
        assert_eq!((access("stderr"), access("off")), (AccessLog::Stderr, AccessLog::Off));
        assert_eq!(access("/var/log/access.log"), AccessLog::File("/var/log/access.log".into()));
        let AccessLog::File(path) = access("./access.log") else { panic!("a file") };
        assert!(path.ends_with("access.log"), "{path:?}");
        for bad in ["sdtout", "", "access.log", "/var/log/"] {
            let found = messages(&format!("[log]\naccess = '{bad}'"));
            assert!(found.len() == 1 && found[0].starts_with("`log.access`: expected"), "{bad}: {found:?}");
        }
    }

    #[test]
    fn a_misspelled_level_is_no_target() {
        for bad in ["inof", "", "=info", "railgate=loud", "a=info=b", "x[{y}]=info", "info,"] {
            let found = messages(&format!("[log]\nlevel = '{bad}'"));
            assert!(found.len() == 1 && found[0].starts_with("`log.level`: expected"), "{bad}: {found:?}");
        }
    }
}
