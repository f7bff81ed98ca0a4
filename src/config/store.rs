//! `[store]`: where sessions are kept.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use super::reader::{Fault, Holds, Table, millis, seconds};
use crate::model::Secret;

const URL: &str = "\"embedded:PATH\" or \"redis://[user:password@]host:port[/db]\"";
const DEFAULT_FILE: &str = "sessions.db";

/// Where sessions are kept.
#[derive(Clone, Debug)]
pub enum StoreSettings {
    /// A file of this machine, for one gateway process.
    Embedded {
        /// The file.
        path: PathBuf,
    },
    /// Redis, shared by any number of gateways.
    Redis {
        /// `redis://[user:password@]host:port[/db]`. May hold a password, so it is a secret.
        url: Secret,
        /// What every key begins with.
        key_prefix: String,
        /// One call's time, reconnecting included.
        timeout: Duration,
    },
}

impl StoreSettings {
    /// A relative path of an embedded store begins at `state_dir`.
    pub(super) fn read(table: &Table<'_>, state_dir: &Path) -> Self {
        let url = table.secret("url", URL, check_url).unwrap_or_default();
        let key_prefix = table.text("key_prefix", "one to 64 letters, digits, `-`, `_`, `.` or `:`", parse_prefix);
        let timeout = table.duration("timeout", seconds(2), &(millis(50)..=seconds(60)));
        match url.expose().strip_prefix("embedded:") {
            Some(path) => Self::Embedded { path: state_dir.join(path) },
            None if url.expose().is_empty() => Self::Embedded { path: state_dir.join(DEFAULT_FILE) },
            None => Self::Redis { url, key_prefix: key_prefix.unwrap_or_else(|| "railgate".to_owned()), timeout },
        }
    }
}

fn check_url(text: &str) -> Result<Holds, Fault> {
    match text.split_once(':') {
        Some(("embedded", path)) if !path.is_empty() => return Ok(Holds::Nothing),
        Some(("redis", _)) => {}
        Some(("rediss", _)) => {
            let why =
                "TLS to Redis (rediss://) is not in this version: use redis:// on a private network, or a TLS tunnel";
            return Err(Fault::Because(why.to_owned()));
        }
        Some(_) | None => return Err(Fault::Form),
    }
    let url = Url::parse(text).map_err(|_| Fault::Form)?;
    let database = url.path().trim_start_matches('/');
    let sound = url.host_str().is_some_and(|host| !host.is_empty())
        && (database.is_empty() || database.parse::<u16>().is_ok())
        && url.fragment().is_none();
    match (sound, url.password()) {
        (false, _) => Err(Fault::Form),
        (true, Some(_)) => Ok(Holds::Secret),
        (true, None) => Ok(Holds::Nothing),
    }
}

/// No braces: those of a key decide where Redis Cluster keeps it.
fn parse_prefix(text: &str) -> Result<String, Fault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    if plain && (1..=64).contains(&text.len()) { Ok(text.to_owned()) } else { Err(Fault::Form) }
}
