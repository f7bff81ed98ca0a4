//! Counted attempts in the file: a row for each account and kind, or address.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::EmbeddedStore;
use crate::{
    model::Timestamp,
    store::{Admission, Budget, StoreError, ThrottleKey, ThrottleStore, UserTag},
};

/// How many that are forgotten a new one clears away.
const SWEEP: i64 = 32;

#[async_trait]
impl ThrottleStore for EmbeddedStore {
    async fn admit(&self, key: &ThrottleKey, budget: Budget) -> Result<Admission, StoreError> {
        let key = key.clone();
        self.write(|step, now| Box::pin(async move { admit(step, &key, budget, now).await })).await
    }

    async fn forgive(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(|step, _| Box::pin(async move { forget(step, &key).await })).await
    }

    async fn undo(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(|step, now| Box::pin(async move { take_off(step, &key, now).await })).await
    }

    async fn forgive_all(&self, tag: UserTag, _remember: Duration) -> Result<(), StoreError> {
        self.write(|step, _| Box::pin(forget_all(step, tag))).await
    }
}

/// What is known of attempts.
#[derive(Clone, Copy)]
struct Count {
    count: u32,
    blocked_until: Timestamp,
    since: Timestamp,
}

impl Count {
    const fn none(now: Timestamp) -> Self {
        Self { count: 0, blocked_until: now, since: now }
    }

    /// What is left when those that are regained in time are taken off.
    fn regained(self, regain: Duration, now: Timestamp) -> Self {
        let times = now.since(self.since).as_micros() / regain.as_micros().max(1);
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let since = self.since.after(regain.saturating_mul(times));
        Self { count: self.count.saturating_sub(times), since, ..self }
    }
}

async fn admit(
    step: &mut SqliteConnection,
    key: &ThrottleKey,
    budget: Budget,
    now: Timestamp,
) -> Result<Admission, sqlx::Error> {
    sweep(step, now).await?;
    let known = known(step, key, now).await?.unwrap_or(Count::none(now));
    let retry_after = known.blocked_until.since(now);
    if retry_after > Duration::ZERO {
        return Ok(Admission::Refused { retry_after });
    }
    let before = budget.regain.map_or(known, |regain| known.regained(regain, now));
    let count = before.count.saturating_add(1);
    let delay = budget.delay_after(count);
    sqlx::query(
        "INSERT OR REPLACE INTO attempts (tag, name, count, blocked_until, since, forgotten_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(&key.tag.as_bytes()[..])
    .bind(&key.name)
    .bind(count)
    .bind(now.after(delay).as_micros())
    .bind(before.since.as_micros())
    .bind(now.after(budget.forget.max(delay)).as_micros())
    .execute(step)
    .await?;
    Ok(Admission::Admitted)
}

async fn known(
    connection: &mut SqliteConnection,
    key: &ThrottleKey,
    now: Timestamp,
) -> Result<Option<Count>, sqlx::Error> {
    let found: Option<(u32, i64, i64)> = sqlx::query_as(
        "SELECT count, blocked_until, since FROM attempts WHERE tag = ?1 AND name = ?2 AND forgotten_at > ?3",
    )
    .bind(&key.tag.as_bytes()[..])
    .bind(&key.name)
    .bind(now.as_micros())
    .fetch_optional(connection)
    .await?;
    let count = |(count, until, since)| Count {
        count,
        blocked_until: Timestamp::from_micros(until),
        since: Timestamp::from_micros(since),
    };
    Ok(found.map(count))
}

async fn take_off(step: &mut SqliteConnection, key: &ThrottleKey, now: Timestamp) -> Result<(), sqlx::Error> {
    match known(step, key, now).await? {
        Some(Count { count: 2.., .. }) => {
            sqlx::query("UPDATE attempts SET count = count - 1, blocked_until = 0 WHERE tag = ?1 AND name = ?2")
                .bind(&key.tag.as_bytes()[..])
                .bind(&key.name)
                .execute(step)
                .await?;
            Ok(())
        }
        Some(_) | None => forget(step, key).await,
    }
}

async fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM attempts WHERE (tag, name) IN
         (SELECT tag, name FROM attempts WHERE forgotten_at <= ?1 ORDER BY forgotten_at LIMIT ?2)",
    )
    .bind(now.as_micros())
    .bind(SWEEP)
    .execute(connection)
    .await?;
    Ok(())
}

async fn forget(connection: &mut SqliteConnection, key: &ThrottleKey) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM attempts WHERE tag = ?1 AND name = ?2")
        .bind(&key.tag.as_bytes()[..])
        .bind(&key.name)
        .execute(connection)
        .await?;
    Ok(())
}

async fn forget_all(connection: &mut SqliteConnection, tag: UserTag) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM attempts WHERE tag = ?1").bind(&tag.as_bytes()[..]).execute(connection).await?;
    Ok(())
}
