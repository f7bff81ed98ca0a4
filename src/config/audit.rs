//! `[audit]`: where audit events are kept as JSON lines, beside the log.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    reader::{Fault, Table, millis, seconds},
    store::{self, StoreSettings},
    tls::RedisTls,
};
use crate::model::{RedisAddress, Secret};

/// What to do about a key of a stream that is not kept.
const DISABLED: &str = "set `enabled = true`, or remove it";
/// The keys of `[audit.redis]` beside `enabled` and those of its tables.
const OF_THE_STREAM: [&str; 4] = ["url", "key", "max_events", "timeout"];

/// Where audit events are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// The end of this file.
    pub path: Option<PathBuf>,
    /// Standard output.
    pub stdout: bool,
    /// A stream.
    pub redis: Option<AuditStreamSettings>,
}

/// A stream of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditStreamSettings {
    /// As [`RedisAddress`](crate::model::RedisAddress) reads it. May hold a password, so it is a secret.
    pub url: Secret,
    /// How TLS is spoken with it; `None` where its URL does not begin with rediss.
    pub tls: Option<RedisTls>,
    /// The stream's key.
    pub key: String,
    /// How many events it keeps, about.
    pub max_events: u64,
    /// One event's time, reconnecting included.
    pub timeout: Duration,
    of_store: OfStore,
}

/// What of a stream the store says, since nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OfStore {
    /// Its Redis.
    place: bool,
    /// What its key begins with.
    key: bool,
}

impl AuditSettings {
    pub(super) fn read(table: &Table<'_>, folder: &Path, store: &StoreSettings) -> Self {
        Self {
            path: table.text("path", "the name of a file", |text| parse_file(text, folder)),
            stdout: table.flag("stdout", false),
            redis: table.table("redis", |table| AuditStreamSettings::read(table, folder, store)),
        }
    }

    /// These, beside the store of a process that runs by `running`, and the key that waits for its restart, if one does: a
    /// stream in the store's Redis is as it was where that store is in none.
    pub(super) fn bound_to(self, running: &Self, store: &StoreSettings) -> (Self, Option<&'static str>) {
        let Some(stream) = self.redis else { return (self, None) };
        match stream.beside(store) {
            Some(stream) => (Self { redis: Some(stream), ..self }, None),
            None => (Self { redis: running.redis.clone(), ..self }, Some("audit.redis")),
        }
    }
}

impl AuditStreamSettings {
    fn read(table: &Table<'_>, folder: &Path, store: &StoreSettings) -> Option<Self> {
        let enabled = table.flag("enabled", false);
        let url = table.secret("url", store::REDIS_URL, store::check_redis_url);
        let (shared, default_key) = said_by(store);
        let of_store = OfStore { place: !table.has("url"), key: !table.has("key") };
        let help = match (enabled, table.has("url")) {
            (false, _) => DISABLED,
            (true, false) => "the stream is in the store's Redis, for which [store.tls] speaks: remove it",
            (true, true) => store::IN_CLEAR,
        };
        let address = url.as_ref().filter(|_| enabled).and_then(|url| RedisAddress::parse(url.expose()).ok());
        let tls = table.table("tls", |table| RedisTls::read(table, folder, address.as_ref(), help));
        let form = "1 to 256 characters, none of them a blank";
        let key = table.text_or("key", form, &default_key, parse_key);
        let max_events = table.number("max_events", 100_000_u64, &(1..=1_000_000_000));
        let timeout = table.duration("timeout", seconds(2), &(millis(50)..=seconds(60)));
        if !enabled {
            table.warn_ineffective(&OF_THE_STREAM, DISABLED);
            return None;
        }
        if of_store.place && shared.is_none() {
            table.reject("url", "is missing: [store] is in no Redis", "name one: `url = \"redis://…\"`");
        }
        let (url, tls) = url.map(|url| (url, tls)).or(shared)?;
        Some(Self { url, tls, key, max_events, timeout, of_store })
    }

    /// The same beside this store; `None` if it is to be in the store's Redis, and there is none.
    fn beside(self, store: &StoreSettings) -> Option<Self> {
        let (shared, default_key) = said_by(store);
        let (url, tls) = if self.of_store.place { shared? } else { (self.url, self.tls) };
        let key = if self.of_store.key { default_key } else { self.key };
        Some(Self { url, tls, key, ..self })
    }
}

/// The store's Redis, if it is in one, and the key of a stream that has none of its own.
fn said_by(store: &StoreSettings) -> (Option<(Secret, Option<RedisTls>)>, String) {
    let (shared, prefix) = match store {
        StoreSettings::Redis { url, tls, key_prefix, .. } => (Some((url.clone(), tls.clone())), key_prefix.as_str()),
        StoreSettings::Embedded { .. } => (None, store::DEFAULT_PREFIX),
    };
    (shared, format!("{prefix}:audit"))
}

fn parse_file(text: &str, folder: &Path) -> Result<PathBuf, Fault> {
    if text.is_empty() || text.ends_with('/') { Err(Fault::Form) } else { Ok(folder.join(text)) }
}

fn parse_key(text: &str) -> Result<String, Fault> {
    let fits = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(Fault::Form) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::tests::{config, messages};

    const STORE: &str = "[store]\nurl = 'redis://cache'\nkey_prefix = 'mine'\n";

    #[test]
    fn events_are_kept_nowhere_unless_it_is_said() {
        let found = config("").audit;
        assert_eq!((found.path, found.stdout, found.redis.is_none()), (None, false, true));
        let found = config("[audit]\npath = 'audit.log'\nstdout = true").audit;
        assert_eq!((found.path.as_deref(), found.stdout), (Some(Path::new("/etc/railgate/audit.log")), true));
        for bad in ["", "/var/log/"] {
            assert_eq!(messages(&format!("[audit]\npath = '{bad}'")).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_stream_is_in_the_stores_redis_or_in_one_of_its_own() {
        let found = config(&format!("{STORE}[audit.redis]\nenabled = true")).audit.redis.unwrap();
        assert_eq!(
            (found.url.expose(), found.key.as_str(), found.max_events),
            ("redis://cache", "mine:audit", 100_000)
        );
        let own = "[audit.redis]\nenabled = true\nurl = 'redis://other'\nkey = 'log'\nmax_events = 5\ntimeout = '1s'";
        let found = config(own).audit.redis.unwrap();
        assert_eq!((found.url.expose(), found.key.as_str(), found.max_events), ("redis://other", "log", 5));
        assert_eq!(found.timeout.as_secs(), 1);
        assert!(config(STORE).audit.redis.is_none());
        let missing = "`audit.redis.url` is missing: [store] is in no Redis";
        assert_eq!(messages("[audit.redis]\nenabled = true"), [missing]);
        assert_eq!(messages("[audit.redis]\nkey = 'log'"), ["`audit.redis.key` has no effect"]);
        for bad in ["url = 'embedded:x'", "url = 'rediss:h'", "key = ''", "key = 'a b'", "max_events = 0"] {
            let found = messages(&format!("{STORE}[audit.redis]\nenabled = true\n{bad}"));
            assert!(found.len() == 1 && found[0].starts_with("`audit.redis."), "{bad}: {found:?}");
        }
        let secret = messages("[audit.redis]\nenabled = true\nurl = 'redis://:hunter2@h'");
        assert_eq!(secret, ["`audit.redis.url`: a secret stands in the file"]);
    }

    #[test]
    fn a_stream_has_the_stores_tls_or_its_own() {
        const SECURE: &str = "[store]\nurl = 'rediss://cache'\n[store.tls]\nserver_name = 'cache.internal'\n";
        const STREAM: &str = "[audit.redis]\nenabled = true\n";
        let name = |text: &str| {
            let tls = config(text).audit.redis.unwrap().tls?;
            Some(tls.server_name?.to_str().into_owned())
        };
        let own = "[audit.redis.tls]\nserver_name = 'log.internal'\n";
        assert_eq!(name(&format!("{SECURE}{STREAM}")).as_deref(), Some("cache.internal"));
        assert_eq!(name(&format!("{SECURE}{STREAM}url = 'rediss://log'\n{own}")).as_deref(), Some("log.internal"));
        assert_eq!(name(&format!("{SECURE}{STREAM}url = 'rediss://log'\n")), None, "the store's is not the stream's");
        assert!(config(&format!("{SECURE}{STREAM}url = 'redis://log'\n")).audit.redis.unwrap().tls.is_none());
        let idle = ["`audit.redis.tls.server_name` has no effect"];
        for text in [
            format!("{SECURE}{STREAM}{own}"),
            format!("{SECURE}{STREAM}url = 'redis://log'\n{own}"),
            format!("{SECURE}{own}"),
        ] {
            assert_eq!(messages(&text), idle, "{text}");
        }
    }
}
