//! `[store]`: where sessions are kept.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    reader::{Fault, Holds, Table, millis, seconds},
    tls::RedisTls,
};
use crate::model::{RedisAddress, RedisAddressError, Secret};

const URL: &str = "\"embedded:PATH\", \"redis://[user:password@]host:port[/db]\", \
     \"redis-sentinel://[user:password@]host:port,…/SERVICE[/db]\" or \"redis-cluster://[user:password@]host:port,…\"; \
     with TLS rediss in the place of redis";
/// The forms of one that is a Redis.
pub(super) const REDIS_URL: &str = "\"redis://[user:password@]host:port[/db]\", \
     \"redis-sentinel://[user:password@]host:port,…/SERVICE[/db]\" or \"redis-cluster://[user:password@]host:port,…\"; \
     with TLS rediss in the place of redis";
/// What to do about a key of TLS beside a URL without it.
pub(super) const IN_CLEAR: &str = "Redis is spoken to in clear: begin `url` with rediss, or remove it";
const NO_REDIS: &str = "it is about Redis: have `url` name one, or remove it";
/// What every key begins with unless it is said otherwise.
pub(super) const DEFAULT_PREFIX: &str = "railgate";

/// Where sessions are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// A file of this machine, for one gateway process.
    Embedded {
        /// The file.
        path: PathBuf,
    },
    /// Redis, shared by any number of gateways.
    Redis {
        /// As [`RedisAddress`] reads it. May hold a password, so it is a secret.
        url: Secret,
        /// How TLS is spoken with it; `None` where its URL does not begin with rediss.
        tls: Option<RedisTls>,
        /// What every key begins with.
        key_prefix: String,
        /// One call's time, reconnecting included.
        timeout: Duration,
    },
}

impl StoreSettings {
    /// A relative path of an embedded store begins at `state_dir`, one of a certificate at `folder`.
    pub(super) fn read(table: &Table<'_>, folder: &Path, state_dir: &Path) -> Self {
        let url = table.secret_or("url", URL, "embedded:sessions.db", check_url);
        let form = "one to 64 letters, digits, `-`, `_`, `.` or `:`";
        let key_prefix = table.text_or("key_prefix", form, DEFAULT_PREFIX, parse_prefix);
        let timeout = table.duration("timeout", seconds(2), &(millis(50)..=seconds(60)));
        let embedded = url.expose().strip_prefix("embedded:");
        let (address, help) =
            (RedisAddress::parse(url.expose()).ok(), if embedded.is_some() { NO_REDIS } else { IN_CLEAR });
        let tls = table.table("tls", |table| RedisTls::read(table, folder, address.as_ref(), help));
        if embedded.is_some() {
            table.warn_ineffective(&["key_prefix", "timeout"], NO_REDIS);
        }
        match embedded {
            Some(path) => Self::Embedded { path: state_dir.join(path) },
            None => Self::Redis { url, tls, key_prefix, timeout },
        }
    }
}

fn check_url(text: &str) -> Result<Holds, Fault> {
    match text.split_once(':') {
        Some(("embedded", path)) if !path.is_empty() => Ok(Holds::Nothing),
        Some(_) | None => check_redis_url(text),
    }
}

pub(super) fn check_redis_url(text: &str) -> Result<Holds, Fault> {
    match RedisAddress::parse(text) {
        Ok(address) if address.holds_secret() => Ok(Holds::Secret),
        Ok(_) => Ok(Holds::Nothing),
        Err(RedisAddressError::Form) => Err(Fault::Form),
        Err(because) => Err(Fault::Because(because.to_string())),
    }
}

/// No braces: those of a key decide where Redis Cluster keeps it.
fn parse_prefix(text: &str) -> Result<String, Fault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    if plain && (1..=64).contains(&text.len()) { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::StoreSettings;
    use crate::config::tests::{config, messages};

    #[test]
    fn a_file_begins_at_the_state_folder() {
        for (more, expected) in [
            ("", "/var/lib/railgate/sessions.db"),
            ("[store]\nurl = 'embedded:other.db'", "/var/lib/railgate/other.db"),
            ("[store]\nurl = 'embedded:/srv/s.db'", "/srv/s.db"),
        ] {
            let StoreSettings::Embedded { path } = config(more).store else { panic!("{more}") };
            assert_eq!(path, Path::new(expected));
        }
    }

    #[test]
    fn redis_is_known_by_its_scheme() {
        let text = "[store]\nurl = 'redis://cache:6379/2'\nkey_prefix = 'a:b'\ntimeout = '500ms'";
        let StoreSettings::Redis { url, tls: None, key_prefix, timeout } = config(text).store else { panic!() };
        assert_eq!((url.expose(), key_prefix.as_str(), timeout.as_millis()), ("redis://cache:6379/2", "a:b", 500));
    }

    #[test]
    fn no_message_shows_the_url() {
        for bad in [
            "redis://:hunter2@",
            "redis://u:hunter2@h/x",
            "hunter2",
            "rediss://:hunter2@h,h",
            "rediss:hunter2",
            "embedded:",
            "redis:hunter2",
            "redis://:hunter2/x@h",
            "redis://:hunter2@h,h",
            "redis-sentinel://:hunter2@h,h",
            "redis-sentinel://h/m?password=hunter2",
            "redis-cluster://:hunter2@h,h/1",
        ] {
            let found = messages(&format!("[store]\nurl = '{bad}'"));
            assert!(
                found.len() == 1 && found[0].starts_with("`store.url`: ") && !found[0].contains("hunter2"),
                "{found:?}"
            );
        }
        assert_eq!(messages("[store]\nurl = 'redis://:hunter2@h'"), ["`store.url`: a secret stands in the file"]);
        let secret = ["`store.url`: a secret stands in the file"];
        assert_eq!(messages("[store]\nurl = 'redis-sentinel://h/m?sentinel_password=hunter2'"), secret);
        for harmless in ["redis://h", "redis-sentinel://h,i:1/m/2", "redis-cluster://h,i:1", "rediss-cluster://h,i:1"] {
            assert!(messages(&format!("[store]\nurl = '{harmless}'")).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn a_url_that_is_nearly_right_is_explained() {
        for (near, why) in [
            ("redis://a,b", "use redis-sentinel://"),
            ("redis-sentinel://a,b", "needs the name of the service"),
            ("redis-cluster://a,b/1", "no numbered databases"),
            ("rediss://a,b", "use redis-sentinel://"),
            ("redis://:a/b@h", "%2F"),
        ] {
            let found = messages(&format!("[store]\nurl = '{near}'"));
            assert!(found.len() == 1 && found[0].contains(why), "{found:?}");
        }
    }

    #[test]
    fn a_prefix_has_no_braces() {
        for bad in ["", "a{b}", "a b", &"x".repeat(65)] {
            assert_eq!(messages(&format!("[store]\nurl = 'redis://h'\nkey_prefix = '{bad}'")).len(), 1, "{bad}");
        }
        assert_eq!(messages("[store]\nkey_prefix = 'a'"), ["`store.key_prefix` has no effect"]);
    }
}
