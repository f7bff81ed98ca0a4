//! Sessions in Redis, shared by any number of gateways.
//!
//! A session is one hash:
//!
//! | key | `{prefix}:{`*user tag*`}:session:`*session id* |
//! |---|---|
//! | `v` | format of the record, `1`; a newer one is left alone |
//! | `user`, `mfa`, `ip`, `user_agent`, `device_name` | as at login |
//! | `created`, `auth_time`, `last_used`, `idle`, `absolute` | microseconds since 1970 |
//! | `current` | SHA-256 of the refresh token |
//! | `previous`, `previous_until`, `sealed` | its predecessor's hash, the end of grace, `current`'s token sealed under it |
//!
//! The braces around the tag are a Redis Cluster hash tag: all keys of a user share a slot, for example
//! `railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw`.
//!
//! Steps that read and write are Lua scripts, run by `EVALSHA`; the clock is Redis' own `TIME`. Every key has a time to
//! live, the nearer of the two expiries, so a session that ran out is mostly gone before anybody asks, and a rotation
//! of it is [`Rotation::Unknown`] rather than [`Rotation::Expired`].
//!
//! Deployment: Redis 5 or newer with `maxmemory-policy noeviction` (an evicted key is a user logged out) and
//! `appendonly yes` (else a restart logs everybody out). The URL must name the primary: a replica refuses logins, and
//! would still show sessions that were just ended. An ACL user needs `EVALSHA`, `SCRIPT LOAD`, `TIME`, `EXISTS`, `HSET`,
//! `HGET`, `HMGET`, `HGETALL`, `DEL` and `PEXPIREAT` on `{prefix}:*`.

use std::{fmt, sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::{Client, Cmd, Script, cmd};

use self::{
    link::{Link, Step},
    record::Fields,
};
use super::{NewSession, Rotate, Rotation, SessionKey, SessionStore, StoreError, StoreErrorKind, UserTag};
use crate::model::{Secret, Session};

mod failure;
mod link;
mod record;

static CREATE: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!("create.lua"))));
static ROTATE: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!("rotate.lua"))));

/// The store in Redis.
pub struct RedisStore {
    link: Link,
    key_prefix: String,
}

impl RedisStore {
    /// A store at `url` (`redis://[user:password@]host:port[/db]`) whose keys begin with `key_prefix`. Each call takes
    /// at most `timeout`, connecting included.
    ///
    /// Connects at the first call, so that a gateway starts while Redis is down.
    ///
    /// # Errors
    /// When `url` can't be read. The error does not show it.
    pub fn connect(url: &Secret, key_prefix: impl Into<String>, timeout: Duration) -> Result<Self, StoreError> {
        let client = Client::open(url.expose()).map_err(failure::translate)?;
        Ok(Self { link: Link::new(client, timeout), key_prefix: key_prefix.into() })
    }

    fn key(&self, key: SessionKey) -> String {
        format!("{}:{{{}}}:session:{}", self.key_prefix, key.tag, key.id)
    }

    fn command(&self, name: &str, key: SessionKey) -> Step<'static> {
        let mut command: Cmd = cmd(name);
        command.arg(self.key(key));
        Step::Command(command)
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, new: NewSession) -> Result<(), StoreError> {
        let key = SessionKey { tag: UserTag::of(&new.session.user), id: new.session.id };
        let mut script = CREATE.prepare_invoke();
        script
            .key(self.key(key))
            .arg(&new.refresh.as_bytes()[..])
            .arg(micros(new.lifetimes.idle))
            .arg(micros(new.lifetimes.absolute))
            .arg(record::encode(&new.session));
        match self.link.run::<String>(&Step::Script(script)).await?.as_str() {
            "created" => Ok(()),
            "conflict" => Err(StoreError::new(StoreErrorKind::Conflict, "the session id is taken")),
            other => Err(unexpected(other)),
        }
    }

    async fn rotate(&self, step: Rotate) -> Result<Rotation, StoreError> {
        let mut script = ROTATE.prepare_invoke();
        script
            .key(self.key(step.key))
            .arg(&step.presented.as_bytes()[..])
            .arg(u8::from(step.genuine))
            .arg(&step.successor.as_bytes()[..])
            .arg(step.sealed_successor)
            .arg(micros(step.grace))
            .arg(micros(step.idle));
        let (outcome, fields) = self.link.run::<(String, Fields)>(&Step::Script(script)).await?;
        let session = || record::decode(step.key.id, &fields);
        match outcome.as_str() {
            "rotated" => Ok(Rotation::Rotated(session()?)),
            "repeated" => {
                Ok(Rotation::Repeated { session: session()?, sealed_successor: record::sealed_successor(fields)? })
            }
            "replayed" => Ok(Rotation::Replayed(session()?)),
            "unknown" => Ok(Rotation::Unknown),
            "expired" => Ok(Rotation::Expired),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        let fields: Fields = self.link.run(&self.command("HGETALL", key)).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        record::decode(key.id, &fields).map(Some)
    }

    /// Ends the session whatever the record's format. When a reply was lost and the step ran twice, the answer may be
    /// `false` although this call ended it; it is ended either way.
    async fn end(&self, key: SessionKey) -> Result<bool, StoreError> {
        self.link.run(&self.command("DEL", key)).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("key_prefix", &self.key_prefix).finish_non_exhaustive()
    }
}

/// For a script: at most 142 years, since Lua counts in doubles, which are exact up to 2^53.
fn micros(span: Duration) -> u64 {
    const FOREVER: u64 = 1 << 52;
    u64::try_from(span.as_micros()).unwrap_or(FOREVER).min(FOREVER)
}

fn unexpected(outcome: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("a script answered `{outcome}`"))
}
