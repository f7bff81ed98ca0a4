//! Counted attempts in the file: a row for each account and kind.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::EmbeddedStore;
use crate::{
    model::Timestamp,
    store::{Admission, Budget, StoreError, ThrottleKey, ThrottleStore},
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
}

async fn admit(
    step: &mut SqliteConnection,
    key: &ThrottleKey,
    budget: Budget,
    now: Timestamp,
) -> Result<Admission, sqlx::Error> {
    sweep(step, now).await?;
    let (before, blocked_until) = known(step, key, now).await?;
    let retry_after = blocked_until.since(now);
    if retry_after > Duration::ZERO {
        return Ok(Admission::Refused { retry_after });
    }
    let count = before.saturating_add(1);
    let delay = budget.delay_after(count);
    sqlx::query(
        "INSERT OR REPLACE INTO attempts (tag, name, count, blocked_until, forgotten_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(&key.tag.as_bytes()[..])
    .bind(&key.name)
    .bind(count)
    .bind(now.after(delay).as_micros())
    .bind(now.after(budget.forget.max(delay)).as_micros())
    .execute(step)
    .await?;
    Ok(Admission::Admitted)
}

/// How many were counted, and until when no other is admitted.
async fn known(
    connection: &mut SqliteConnection,
    key: &ThrottleKey,
    now: Timestamp,
) -> Result<(u32, Timestamp), sqlx::Error> {
    let found: Option<(u32, i64)> =
        sqlx::query_as("SELECT count, blocked_until FROM attempts WHERE tag = ?1 AND name = ?2 AND forgotten_at > ?3")
            .bind(&key.tag.as_bytes()[..])
            .bind(&key.name)
            .bind(now.as_micros())
            .fetch_optional(connection)
            .await?;
    Ok(found.map_or((0, now), |(count, until)| (count, Timestamp::from_micros(until))))
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
