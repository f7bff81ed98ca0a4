//! One row of the table, and what a refresh token is to it.

use std::{net::IpAddr, num::NonZeroU32};

use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    model::{ClientInfo, PasswordMark, Session, SessionExpiry, SessionId, Timestamp, TokenHash, UserId},
    store::{Adopt, NewSession, Rotate, SessionKey, Touch, UserTag},
};

/// A session with the hashes that it is refreshed by.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) session: Session,
    pub(super) current: TokenHash,
    pub(super) predecessor: Option<Predecessor>,
}

/// The token that `current` replaced.
#[derive(Debug)]
pub(super) struct Predecessor {
    hash: TokenHash,
    until: Timestamp,
    sealed_successor: Vec<u8>,
}

/// What presenting a token comes to.
#[derive(Debug)]
pub(super) enum Use {
    /// The session has run out.
    Expired,
    /// The first use of the current token: the record as it is afterwards.
    First(Box<Record>),
    /// The same call again, after an outcome that its caller did not learn: the record stays as the first one left it.
    Again,
    /// The immediate predecessor, within grace.
    Repeat {
        /// The successor that the first use stored.
        sealed_successor: Vec<u8>,
    },
    /// A token of this session that was used up.
    Replay,
    /// Not a token of this session.
    Stranger,
}

impl Record {
    /// The record of a session that begins at `now`.
    pub(super) fn begin(new: NewSession, now: Timestamp) -> Self {
        let absolute = now.after(new.lifetimes.absolute);
        let idle = now.after(new.lifetimes.idle).min(absolute);
        let session = Session { expiry: SessionExpiry { idle, absolute }, ..new.session };
        Self { session, current: new.refresh, predecessor: None }
    }

    /// The record of a session that begins at `now` with a credential of the backend.
    pub(super) fn adopt(adopt: Adopt, now: Timestamp) -> Self {
        let predecessor = Predecessor {
            hash: adopt.presented,
            until: now.after(adopt.grace),
            sealed_successor: adopt.sealed_successor,
        };
        Self { predecessor: Some(predecessor), ..Self::begin(adopt.new, now) }
    }

    pub(super) fn has_run_out(&self, now: Timestamp) -> bool {
        now >= self.session.expiry.idle.min(self.session.expiry.absolute)
    }

    /// Judges a use of a token at `now`. The order matters: a session that has run out gives nothing to anybody.
    pub(super) fn judge(&self, step: &Rotate, now: Timestamp) -> Use {
        if self.has_run_out(now) {
            return Use::Expired;
        }
        if step.presented == self.current {
            return Use::First(Box::new(self.rotated(step, now)));
        }
        match &self.predecessor {
            Some(old) if old.hash == step.presented && self.current == step.successor => Use::Again,
            Some(old) if old.hash == step.presented && now <= old.until => {
                Use::Repeat { sealed_successor: old.sealed_successor.clone() }
            }
            Some(_) | None if step.genuine => Use::Replay,
            Some(_) | None => Use::Stranger,
        }
    }

    /// The record after a use of its session by the current token, or by the predecessor within grace.
    pub(super) fn touched(mut self, touch: &Touch, now: Timestamp) -> Option<Self> {
        let by_predecessor =
            self.predecessor.as_ref().is_some_and(|old| old.hash == touch.presented && now <= old.until);
        if self.has_run_out(now) || !(touch.presented == self.current || by_predecessor) {
            return None;
        }
        self.session.last_used = now;
        self.session.expiry.idle = now.after(touch.idle).min(self.session.expiry.absolute);
        Some(self)
    }

    fn rotated(&self, step: &Rotate, now: Timestamp) -> Self {
        let mut session = self.session.clone();
        session.last_used = now;
        session.password = step.password.or(session.password);
        session.expiry.idle = now.after(step.idle).min(session.expiry.absolute);
        let predecessor = Predecessor {
            hash: step.presented,
            until: now.after(step.grace),
            sealed_successor: step.sealed_successor.clone(),
        };
        Self { session, current: step.successor, predecessor: Some(predecessor) }
    }
}

/// The record under `key`, run out or not.
pub(super) async fn load(connection: &mut SqliteConnection, key: SessionKey) -> Result<Option<Record>, sqlx::Error> {
    sqlx::query("SELECT * FROM session WHERE tag = ?1 AND id = ?2")
        .bind(&key.tag.as_bytes()[..])
        .bind(&key.id.as_bytes()[..])
        .fetch_optional(connection)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// The records of a user, run out or not.
pub(super) async fn load_all(connection: &mut SqliteConnection, user: &UserId) -> Result<Vec<Record>, sqlx::Error> {
    sqlx::query("SELECT * FROM session WHERE tag = ?1 AND user = ?2")
        .bind(&UserTag::of(user).as_bytes()[..])
        .bind(user.as_str())
        .fetch_all(connection)
        .await?
        .iter()
        .map(decode)
        .collect()
}

/// Writes the record, in place of the one that may be there.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    key: SessionKey,
    record: &Record,
) -> Result<(), sqlx::Error> {
    let session = &record.session;
    let old = record.predecessor.as_ref();
    sqlx::query(
        "INSERT OR REPLACE INTO session (tag, id, user, created, last_used, idle_expiry, absolute_expiry, auth_time,
             mfa, ip, user_agent, device_name, current, previous, previous_until, sealed_successor,
             password_mark)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&key.tag.as_bytes()[..])
    .bind(&key.id.as_bytes()[..])
    .bind(session.user.as_str())
    .bind(session.created.as_micros())
    .bind(session.last_used.as_micros())
    .bind(session.expiry.idle.as_micros())
    .bind(session.expiry.absolute.as_micros())
    .bind(session.auth_time.as_micros())
    .bind(session.mfa)
    .bind(session.client.ip.map(|ip| ip.to_string()))
    .bind(session.client.user_agent.as_deref())
    .bind(session.client.device_name.as_deref())
    .bind(&record.current.as_bytes()[..])
    .bind(old.map(|old| &old.hash.as_bytes()[..]))
    .bind(old.map(|old| old.until.as_micros()))
    .bind(old.map(|old| &old.sealed_successor[..]))
    .bind(session.password.as_ref().map(|mark| &mark.as_bytes()[..]))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a second factor was shown. `true` when there is a session that has not run out at `now`.
pub(super) async fn step_up(
    connection: &mut SqliteConnection,
    key: SessionKey,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query("UPDATE session SET mfa = 1 WHERE tag = ?1 AND id = ?2 AND idle_expiry > ?3")
        .bind(&key.tag.as_bytes()[..])
        .bind(&key.id.as_bytes()[..])
        .bind(now.as_micros())
        .execute(connection)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// Removes the record, readable or not. `true` when there was one that had not run out at `now`.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    key: SessionKey,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let expiry: Option<i64> =
        sqlx::query_scalar("DELETE FROM session WHERE tag = ?1 AND id = ?2 RETURNING idle_expiry")
            .bind(&key.tag.as_bytes()[..])
            .bind(&key.id.as_bytes()[..])
            .fetch_optional(connection)
            .await?;
    Ok(expiry.is_some_and(|expiry| now.as_micros() < expiry))
}

/// Removes all records of a user, readable or not.
pub(super) async fn delete_all(
    connection: &mut SqliteConnection,
    user: &UserId,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let ended = sqlx::query_scalar("DELETE FROM session WHERE tag = ?1 AND user = ?2 RETURNING id")
        .bind(&UserTag::of(user).as_bytes()[..])
        .bind(user.as_str())
        .fetch_all(connection)
        .await?;
    ids(ended)
}

/// Removes the records of a user that are too many where one more comes: those that would run out first.
pub(super) async fn make_room(
    connection: &mut SqliteConnection,
    user: &UserId,
    limit: NonZeroU32,
    now: Timestamp,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let ended = sqlx::query_scalar(
        "DELETE FROM session WHERE tag = ?1 AND id IN
             (SELECT id FROM session WHERE tag = ?1 AND user = ?2 AND idle_expiry > ?3
              ORDER BY idle_expiry DESC LIMIT -1 OFFSET ?4)
         RETURNING id",
    )
    .bind(&UserTag::of(user).as_bytes()[..])
    .bind(user.as_str())
    .bind(now.as_micros())
    .bind(i64::from(limit.get()) - 1)
    .fetch_all(connection)
    .await?;
    ids(ended)
}

/// Removes at most `limit` records that have run out, the oldest first.
pub(super) async fn sweep(connection: &mut SqliteConnection, now: Timestamp, limit: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM session WHERE (tag, id) IN
             (SELECT tag, id FROM session WHERE idle_expiry <= ?1 ORDER BY idle_expiry LIMIT ?2)",
    )
    .bind(now.as_micros())
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(())
}

fn decode(row: &SqliteRow) -> Result<Record, sqlx::Error> {
    let session = Session {
        id: SessionId::from_bytes(bytes(row.try_get("id")?)?),
        user: UserId::new(row.try_get::<String, _>("user")?),
        created: instant(row, "created")?,
        last_used: instant(row, "last_used")?,
        expiry: SessionExpiry { idle: instant(row, "idle_expiry")?, absolute: instant(row, "absolute_expiry")? },
        auth_time: instant(row, "auth_time")?,
        mfa: row.try_get("mfa")?,
        client: client(row)?,
        password: match row.try_get::<Option<Vec<u8>>, _>("password_mark")? {
            Some(mark) => Some(PasswordMark::from_bytes(bytes(mark)?)),
            None => None,
        },
    };
    let predecessor = match row.try_get::<Option<Vec<u8>>, _>("previous")? {
        Some(hash) => Some(Predecessor {
            hash: TokenHash::from_bytes(bytes(hash)?),
            until: instant(row, "previous_until")?,
            sealed_successor: row.try_get("sealed_successor")?,
        }),
        None => None,
    };
    Ok(Record { session, current: TokenHash::from_bytes(bytes(row.try_get("current")?)?), predecessor })
}

fn ids(blobs: Vec<Vec<u8>>) -> Result<Vec<SessionId>, sqlx::Error> {
    blobs.into_iter().map(|blob| bytes(blob).map(SessionId::from_bytes)).collect()
}

fn client(row: &SqliteRow) -> Result<ClientInfo, sqlx::Error> {
    let ip = row.try_get::<Option<String>, _>("ip")?;
    Ok(ClientInfo {
        ip: ip.map(|text| text.parse::<IpAddr>()).transpose().map_err(|cause| sqlx::Error::Decode(cause.into()))?,
        user_agent: row.try_get("user_agent")?,
        device_name: row.try_get("device_name")?,
    })
}

fn instant(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_micros)
}

fn bytes<const N: usize>(blob: Vec<u8>) -> Result<[u8; N], sqlx::Error> {
    blob.try_into().map_err(|_| sqlx::Error::Decode(format!("a blob is not {N} bytes long").into()))
}
