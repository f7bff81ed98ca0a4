//! Credentials of the backend that are spent.

use sqlx::SqliteConnection;

use crate::{model::Timestamp, store::SessionKey};

/// How many that nobody has to remember any more a new one clears away.
const SWEEP: i64 = 32;

/// Notes that a credential is spent, `until` then or for longer if that was said before.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    credential: SessionKey,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM spent WHERE (tag, id) IN (SELECT tag, id FROM spent WHERE until <= ?1 ORDER BY until LIMIT ?2)",
    )
    .bind(now.as_micros())
    .bind(SWEEP)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO spent (tag, id, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (tag, id) DO UPDATE SET until = max(until, excluded.until)",
    )
    .bind(&credential.tag.as_bytes()[..])
    .bind(&credential.id.as_bytes()[..])
    .bind(until.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a credential is spent.
pub(super) async fn is_noted(
    connection: &mut SqliteConnection,
    credential: SessionKey,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM spent WHERE tag = ?1 AND id = ?2 AND until > ?3)")
        .bind(&credential.tag.as_bytes()[..])
        .bind(&credential.id.as_bytes()[..])
        .bind(now.as_micros())
        .fetch_one(connection)
        .await
}
