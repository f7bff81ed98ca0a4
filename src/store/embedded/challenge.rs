//! Challenges in the file: a row for each, and a statement for each step.

use async_trait::async_trait;
use sqlx::{
    Row as _, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::EmbeddedStore;
use crate::{
    model::{PasswordMark, SessionId, Timestamp, TokenHash, UserId},
    store::{Challenge, ChallengeKey, ChallengeStore, NewChallenge, StoreError, StoreErrorKind},
};

/// How many that have run out a new one clears away.
const SWEEP: i64 = 32;

#[async_trait]
impl ChallengeStore for EmbeddedStore {
    async fn begin(&self, new: NewChallenge) -> Result<(), StoreError> {
        let is_there = self.write(|step, now| Box::pin(async move { add(step, &new, now).await })).await?;
        if is_there { Ok(()) } else { Err(StoreError::new(StoreErrorKind::Conflict, "the challenge id is taken")) }
    }

    async fn attempt(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        self.write(|step, now| Box::pin(count(step, key, presented, now))).await
    }

    async fn find(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        let now = self.clock.now();
        self.read(|connection| Box::pin(look(connection, key, presented, now))).await
    }

    async fn prove(&self, key: ChallengeKey, presented: TokenHash) -> Result<bool, StoreError> {
        self.write(|step, now| Box::pin(note_proof(step, key, presented, now))).await
    }

    async fn consume(&self, key: ChallengeKey, presented: TokenHash, session: SessionId) -> Result<bool, StoreError> {
        self.write(|step, now| Box::pin(mark(step, key, presented, session, now))).await
    }
}

/// Clears away old ones and adds one. Whether it is there afterwards.
async fn add(step: &mut SqliteConnection, new: &NewChallenge, now: Timestamp) -> Result<bool, sqlx::Error> {
    sweep(step, now).await?;
    insert(step, new, now).await
}

async fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM challenge WHERE (tag, id) IN
         (SELECT tag, id FROM challenge WHERE expiry <= ?1 ORDER BY expiry LIMIT ?2)",
    )
    .bind(now.as_micros())
    .bind(SWEEP)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether it is there afterwards; an earlier attempt of the same call may have put it there.
async fn insert(connection: &mut SqliteConnection, new: &NewChallenge, now: Timestamp) -> Result<bool, sqlx::Error> {
    let NewChallenge { key, challenge, token, lifetime } = new;
    let there = sqlx::query(
        "INSERT INTO challenge (tag, id, token, user, password_mark, device_name, tries_left, expiry, proven)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (tag, id) DO UPDATE SET id = id WHERE token = excluded.token",
    )
    .bind(&key.tag.as_bytes()[..])
    .bind(&key.id[..])
    .bind(&token.as_bytes()[..])
    .bind(challenge.user.as_str())
    .bind(&challenge.password.as_bytes()[..])
    .bind(&challenge.device_name)
    .bind(challenge.tries_left)
    .bind(now.after(*lifetime).as_micros())
    .bind(challenge.proven)
    .execute(connection)
    .await?;
    Ok(there.rows_affected() == 1)
}

/// A statement on the challenge under this key, if the token is its own: `?1` to `?4` are tag, id, token and the present.
fn named<'q>(
    sql: &'static str,
    key: &'q ChallengeKey,
    presented: &'q TokenHash,
    now: Timestamp,
) -> Query<'q, Sqlite, SqliteArguments> {
    sqlx::query(sql)
        .bind(&key.tag.as_bytes()[..])
        .bind(&key.id[..])
        .bind(&presented.as_bytes()[..])
        .bind(now.as_micros())
}

/// Counts a try at one that is good.
async fn count(
    connection: &mut SqliteConnection,
    key: ChallengeKey,
    presented: TokenHash,
    now: Timestamp,
) -> Result<Option<Challenge>, sqlx::Error> {
    named(
        "UPDATE challenge SET tries_left = tries_left - 1
         WHERE tag = ?1 AND id = ?2 AND token = ?3 AND expiry > ?4 AND session IS NULL AND tries_left > 0
         RETURNING user, password_mark, device_name, tries_left, proven",
        &key,
        &presented,
        now,
    )
    .fetch_optional(connection)
    .await?
    .map(|row| decode(&row))
    .transpose()
}

/// One that is good, without counting a try.
async fn look(
    connection: &mut SqliteConnection,
    key: ChallengeKey,
    presented: TokenHash,
    now: Timestamp,
) -> Result<Option<Challenge>, sqlx::Error> {
    named(
        "SELECT user, password_mark, device_name, tries_left, proven FROM challenge
         WHERE tag = ?1 AND id = ?2 AND token = ?3 AND expiry > ?4 AND session IS NULL AND tries_left > 0",
        &key,
        &presented,
        now,
    )
    .fetch_optional(connection)
    .await?
    .map(|row| decode(&row))
    .transpose()
}

/// Notes on one that is not used up that its holder has shown the first code of a factor.
async fn note_proof(
    connection: &mut SqliteConnection,
    key: ChallengeKey,
    presented: TokenHash,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let noted = named(
        "UPDATE challenge SET proven = 1, tries_left = max(tries_left, 1)
         WHERE tag = ?1 AND id = ?2 AND token = ?3 AND expiry > ?4 AND session IS NULL",
        &key,
        &presented,
        now,
    )
    .execute(connection)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Uses one up. Whether it is by this session.
async fn mark(
    connection: &mut SqliteConnection,
    key: ChallengeKey,
    presented: TokenHash,
    session: SessionId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let marked = named(
        "UPDATE challenge SET session = ?5
         WHERE tag = ?1 AND id = ?2 AND token = ?3 AND expiry > ?4 AND (session IS NULL OR session = ?5)",
        &key,
        &presented,
        now,
    )
    .bind(&session.as_bytes()[..])
    .execute(connection)
    .await?;
    Ok(marked.rows_affected() == 1)
}

fn decode(row: &SqliteRow) -> Result<Challenge, sqlx::Error> {
    let mark: Vec<u8> = row.try_get("password_mark")?;
    let mark = mark.try_into().map_err(|_| sqlx::Error::Decode("the password mark has another length".into()))?;
    Ok(Challenge {
        user: UserId::new(row.try_get::<String, _>("user")?),
        password: PasswordMark::from_bytes(mark),
        device_name: row.try_get("device_name")?,
        tries_left: row.try_get("tries_left")?,
        proven: row.try_get("proven")?,
    })
}
