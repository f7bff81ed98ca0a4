//! Sessions in Redis, shared by any number of gateways.
//!
//! What is kept under which key, `keys.rs` tells.
//!
//! First the session is deleted, then its end announced, and only then is anything acknowledged. Entries are dropped by
//! age alone, and both keys go when nobody revokes anything: the stream when no access token can be left that it speaks of,
//! the place a month later. A gateway that finds a number missing, or another epoch, has missed something and says so
//! ([`News::Gap`](super::News::Gap)). It follows on a connection of its own by `XREAD BLOCK`, and asks for the place at
//! least every two seconds.
//!
//! Steps that read and write are Lua scripts, run by `EVALSHA` with every key declared; the clock is Redis' own `TIME`.
//! A script over several sessions learns from the index which ones, and is called again with their keys: listing takes
//! two round trips, a login one, or two where it ends another session (`index.lua`). Ending all leaves the ids in the index
//! until their ends have been announced, so that what failed in between is made good when it is asked for again.
//!
//! Every key but those of sealed records and of events ([`EventStream`]) has a time to live. A session's is the nearer of its two expiries, so one that ran out is mostly gone before
//! anybody asks, and a rotation of it is [`Rotation::Unknown`] rather than [`Rotation::Expired`]. The index lives as long
//! as the last of its sessions, a note of a spent credential for about as long as the credential would have been good.
//!
//! Beside gateways of a release that knew no feed: what they end is not announced, so access tokens of it are taken here
//! until they run out.
//!
//! Beside gateways of a release that knew no index: a session that one of them opened can be ended by its id at once, and
//! comes into the index, so that it is listed and counted and ended with all others, when a gateway of this release
//! refreshes it. One that they end leaves its id in the index, where it counts for the limit until it would have run out.
//!
//! # Deployment
//!
//! Redis 6.2 or newer with `maxmemory-policy noeviction` (an evicted key is a user logged out) and `appendonly yes` (else a
//! restart logs everybody out). [`RedisAddress`](crate::model::RedisAddress) tells how it is addressed, and [`Tls`] how it
//! is spoken to where that asks for TLS. `redis://` must name the primary: a replica refuses logins, and would still show
//! sessions that were just ended. `redis-sentinel://` and `redis-cluster://` find it, now and after a failover; until there
//! is one, calls are [`StoreErrorKind::Unavailable`]. A cluster should run with `cluster-require-full-coverage no`, so that
//! one primary's death is felt by its users only, and by all who log out if it is the one that has the feed. While a slot
//! is moved from one node to another, its users' logins wait until that is done.
//!
//! Replication is asynchronous: what a primary acknowledged and did not pass on before it died is lost. A login or a
//! rotation that is lost costs a user a login; a logout that is lost leaves a session that its owner believes to have
//! ended. `min-replicas-to-write 1` with `min-replicas-max-lag 2` makes a primary without a replica refuse writes
//! after two seconds, so that one that is cut off does not go on acknowledging. It needs two replicas for each primary:
//! with one, the primary that a failover makes has none, and refuses writes until the dead one is back. It does not close
//! the gap of a primary that dies, which is as long as its replicas lag, mostly less than a millisecond: nothing here waits
//! for replicas (`WAIT`), which would hold up all calls on the connection whenever a replica is slow.
//!
//! An ACL user needs `EVALSHA`, `SCRIPT LOAD`, `TIME`, `EXISTS`, `HSET`, `HGET`, `HMGET`, `HGETALL`, `DEL`, `PEXPIREAT`, `ZADD`,
//! `ZREM`, `ZRANGE`, `ZRANGEBYLEX`, `ZRANGEBYSCORE`, `ZREMRANGEBYSCORE`, `XADD`, `XTRIM`, `XRANGE` and `XREAD` on `{prefix}:*`; behind
//! sentinels `ROLE`, too, and in a cluster `CLUSTER SLOTS` and `ASKING`. On the sentinels a user needs
//! `SENTINEL GET-MASTER-ADDR-BY-NAME`. With `INFO`, too, the store tells of a server that evicts (`link/eviction.rs`).

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::Script;

use self::{
    feed::Revocations,
    keys::Keys,
    link::{Link, Told},
    record::Fields,
    scripts::{ADOPT, CREATE, END, END_ALL, LIST, ROTATE, SPEND, STEP_UP, TOUCH, micros},
    step::Step,
};
use super::{
    Adopt, Adopted, Feed, NewSession, Rotate, Rotation, SessionKey, SessionStore, StoreError, StoreErrorKind, Touch,
    UserTag,
};
use crate::model::{Horizon, Meter, Secret, Session, SessionId, UserId};

mod challenge;
mod ended;
mod events;
mod failure;
mod feed;
mod keys;
mod link;
mod position;
mod record;
mod scripts;
mod step;
mod throttle;
mod vault;

pub use events::EventStream;
pub use link::Tls;

/// What a script over several sessions says: what became of it, the ids of sessions, and their records if it lists them.
type Said = (String, Vec<String>, Vec<Fields>);

/// The store in Redis.
pub struct RedisStore {
    link: Arc<Link>,
    keys: Keys,
    revocations: Revocations,
}

impl RedisStore {
    /// A store at `url`, as [`RedisAddress`](crate::model::RedisAddress) reads it, whose keys begin with `key_prefix`. Each
    /// call takes at most `timeout`, connecting included. The end of a session is of use to others for `end_matters`: as long
    /// as an access token may be accepted after its session ended.
    ///
    /// Connects at the first call, so that a gateway starts while Redis is down.
    ///
    /// # Errors
    /// When `url` can't be read, or `tls` is not given where it asks for TLS, or is where it doesn't. The error does not show
    /// it.
    pub fn connect(
        url: &Secret,
        tls: Option<Tls>,
        key_prefix: impl Into<String>,
        timeout: Duration,
        end_matters: impl Into<Horizon>,
    ) -> Result<Self, StoreError> {
        let link = Arc::new(Link::new(url, tls, timeout)?);
        let keys = Keys::new(key_prefix.into());
        let revocations = Revocations::new(&keys, end_matters.into(), timeout);
        Ok(Self { link, keys, revocations })
    }

    /// How long what it is asked takes.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.link.meter)
    }

    /// What the servers that are in use do when their memory is short (`maxmemory-policy`), by their addresses. Each is asked
    /// when it is connected to, and again every few seconds; one that does not tell is missing.
    #[must_use]
    pub fn policies(&self) -> BTreeMap<String, String> {
        self.link.policies().into_iter().map(|(node, policy)| (node.to_string(), policy)).collect()
    }

    /// Runs a script over sessions of one user; `begin` gives it what it knows of from the start.
    ///
    /// Which sessions these are is for the script to say: as long as it wants further ones it has changed nothing.
    async fn run_over_sessions(
        &self,
        script: &Script,
        tag: UserTag,
        begin: impl Fn(&mut Step<'_>),
    ) -> Result<Said, StoreError> {
        let mut given = Vec::new();
        let attempts = async {
            loop {
                let mut step = Step::script(script);
                begin(&mut step);
                for id in &given {
                    step.key(self.keys.session(SessionKey { tag, id: *id }));
                }
                let said = self.link.run::<Said>(&step).await?;
                if said.0 != "wanting" {
                    return Ok(said);
                }
                for id in ids(&said.1)? {
                    if !given.contains(&id) {
                        given.push(id);
                    }
                }
            }
        };
        self.link.within(attempts).await
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, new: NewSession) -> Result<Vec<SessionId>, StoreError> {
        let until = self.link.deadline();
        let key = new.key();
        let begin = |script: &mut Step<'_>| {
            script
                .key(self.keys.session(key))
                .key(self.keys.index(key.tag))
                .arg(&new.refresh.as_bytes()[..])
                .arg(micros(new.lifetimes.idle))
                .arg(micros(new.lifetimes.absolute))
                .arg(new.limit.get())
                .arg(record::encode(&new.session));
        };
        let (outcome, ended, _) = self.run_over_sessions(&CREATE, key.tag, begin).await?;
        match outcome.as_str() {
            "created" => {
                let ended = ids(&ended)?;
                self.announce_or_log(&ended, until).await;
                Ok(ended)
            }
            "conflict" => Err(StoreError::new(StoreErrorKind::Conflict, "the session id is taken")),
            other => Err(unexpected(other)),
        }
    }

    async fn rotate(&self, step: Rotate) -> Result<Rotation, StoreError> {
        let mut script = Step::script(&ROTATE);
        script
            .key(self.keys.session(step.key))
            .key(self.keys.index(step.key.tag))
            .arg(&step.presented.as_bytes()[..])
            .arg(u8::from(step.genuine))
            .arg(&step.successor.as_bytes()[..])
            .arg(step.sealed_successor)
            .arg(micros(step.grace))
            .arg(micros(step.idle))
            .arg(step.password.map(|mark| mark.to_string()).unwrap_or_default());
        let until = self.link.deadline();
        let Told { reply: (outcome, fields), repeated } = self.link.run_telling::<(String, Fields)>(&script).await?;
        let session = || record::decode(step.key.id, &fields);
        match outcome.as_str() {
            "rotated" => Ok(Rotation::Rotated(session()?)),
            "repeated" => {
                Ok(Rotation::Repeated { session: session()?, sealed_successor: record::sealed_successor(fields)? })
            }
            "replayed" => {
                self.announce_or_log(&[step.key.id], until).await;
                Ok(Rotation::Replayed(session()?))
            }
            "unknown" => {
                if repeated && step.genuine {
                    // What the first attempt said is lost. If it ended the session, nobody else knows.
                    let session = step.key.id;
                    tracing::warn!(%session, "a session is gone, perhaps since a used refresh token of it came back");
                    self.announce_or_log(&[session], until).await;
                }
                Ok(Rotation::Unknown)
            }
            "expired" => Ok(Rotation::Expired),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn touch(&self, step: Touch) -> Result<Option<Session>, StoreError> {
        let mut script = Step::script(&TOUCH);
        script
            .key(self.keys.session(step.key))
            .key(self.keys.index(step.key.tag))
            .arg(&step.presented.as_bytes()[..])
            .arg(micros(step.idle));
        let (outcome, fields) = self.link.run::<(String, Fields)>(&script).await?;
        match outcome.as_str() {
            "seen" => record::decode(step.key.id, &fields).map(Some),
            "unknown" | "expired" => Ok(None),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Session>, StoreError> {
        let mut command = Step::command("HGETALL");
        command.key(self.keys.session(key));
        let fields: Fields = self.link.run(&command).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        record::decode(key.id, &fields).map(Some)
    }

    /// Ends the session whatever the record's format. When a reply was lost and the step ran twice, the answer may be
    /// `false` although this call ended it; it is ended either way.
    async fn end(&self, key: SessionKey) -> Result<bool, StoreError> {
        let mut script = Step::script(&END);
        script.key(self.keys.session(key)).key(self.keys.index(key.tag));
        let call = async {
            let there = self.link.run(&script).await?;
            self.announce(&[key.id]).await?;
            Ok(there)
        };
        self.link.within(call).await
    }

    async fn list(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        let tag = UserTag::of(user);
        let begin = |script: &mut Step<'_>| {
            script.key(self.keys.index(tag));
        };
        let (outcome, listed, records) = self.run_over_sessions(&LIST, tag, begin).await?;
        if outcome != "listed" {
            return Err(unexpected(&outcome));
        }
        let sessions = ids(&listed)?.into_iter().zip(&records).map(|(id, fields)| record::decode(id, fields));
        // Two users may have the same tag.
        let is_theirs = |session: &Result<Session, StoreError>| session.as_ref().map_or(true, |one| one.user == *user);
        sessions.filter(is_theirs).collect()
    }

    async fn end_all(&self, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        let tag = UserTag::of(user);
        let begin = |script: &mut Step<'_>| {
            script.key(self.keys.index(tag)).arg(user.as_str());
        };
        let call = async {
            let (outcome, ended, _) = self.run_over_sessions(&END_ALL, tag, begin).await?;
            let ended = if outcome == "ended" { ids(&ended)? } else { return Err(unexpected(&outcome)) };
            self.announce(&ended).await?;
            self.forget(tag, &ended).await;
            Ok(ended)
        };
        self.link.within(call).await
    }

    async fn step_up(&self, key: SessionKey) -> Result<bool, StoreError> {
        let mut script = Step::script(&STEP_UP);
        script.key(self.keys.session(key));
        match self.link.run::<String>(&script).await?.as_str() {
            "noted" => Ok(true),
            "unknown" => Ok(false),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    fn feed(&self) -> Box<dyn Feed> {
        Box::new(self.revocations.follow(Arc::clone(&self.link)))
    }

    async fn adopt(&self, adopt: Adopt) -> Result<Adopted, StoreError> {
        let until = self.link.deadline();
        let new = &adopt.new;
        let key = new.key();
        let begin = |script: &mut Step<'_>| {
            script
                .key(self.keys.session(key))
                .key(self.keys.index(key.tag))
                .key(self.keys.note(key))
                .arg(&new.refresh.as_bytes()[..])
                .arg(micros(new.lifetimes.idle))
                .arg(micros(new.lifetimes.absolute))
                .arg(new.limit.get())
                .arg(&adopt.presented.as_bytes()[..])
                .arg(&adopt.sealed_successor)
                .arg(micros(adopt.grace))
                .arg(micros(adopt.remember))
                .arg(record::encode(&new.session));
        };
        let (outcome, ended, _) = self.run_over_sessions(&ADOPT, key.tag, begin).await?;
        match outcome.as_str() {
            "created" => {
                let ended = ids(&ended)?;
                self.announce_or_log(&ended, until).await;
                Ok(Adopted::Opened(ended))
            }
            "spent" => Ok(Adopted::Spent),
            other => Err(unexpected(other)),
        }
    }

    async fn spend(&self, credential: SessionKey, remember: Duration) -> Result<(), StoreError> {
        let mut script = Step::script(&SPEND);
        script.key(self.keys.note(credential)).arg(micros(remember));
        let call = async {
            let () = self.link.run(&script).await?;
            self.announce(&[credential.id]).await
        };
        self.link.within(call).await
    }

    async fn is_spent(&self, credential: SessionKey) -> Result<bool, StoreError> {
        let mut command = Step::command("EXISTS");
        command.key(self.keys.note(credential));
        self.link.run(&command).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("keys", &self.keys).finish_non_exhaustive()
    }
}

fn ids(texts: &[String]) -> Result<Vec<SessionId>, StoreError> {
    let damaged = || StoreError::new(StoreErrorKind::Corrupt, "the index holds what is no session id");
    texts.iter().map(|text| SessionId::parse(text).ok_or_else(damaged)).collect()
}

fn unexpected(outcome: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("a script answered `{outcome}`"))
}
