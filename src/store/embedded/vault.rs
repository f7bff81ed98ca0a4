//! Sealed records in the file: a row for each user, in a table for each kind.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::EmbeddedStore;
use crate::{
    model::UserId,
    store::{SealedRecord, StoreError, TokenStore, VaultStore},
};

/// The statements of one kind of records.
#[derive(Clone, Copy)]
struct Table {
    load: &'static str,
    replace: &'static str,
}

const VAULT: Table = Table {
    load: "SELECT version, sealed FROM vault WHERE user = ?1",
    replace: "INSERT OR REPLACE INTO vault (user, version, sealed) VALUES (?1, ?2, ?3)",
};

const TOKENS: Table = Table {
    load: "SELECT version, sealed FROM tokens WHERE user = ?1",
    replace: "INSERT OR REPLACE INTO tokens (user, version, sealed) VALUES (?1, ?2, ?3)",
};

#[async_trait]
impl VaultStore for EmbeddedStore {
    async fn get(&self, user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        self.record(VAULT, user).await
    }

    async fn put(&self, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError> {
        self.put_record(VAULT, user, over, sealed).await
    }

    async fn users(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        let after = after.map(|user| user.as_str().to_owned());
        self.read(|connection| Box::pin(async move { list(connection, after.as_deref(), limit).await })).await
    }
}

#[async_trait]
impl TokenStore for EmbeddedStore {
    async fn tokens(&self, user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        self.record(TOKENS, user).await
    }

    async fn keep_tokens(&self, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError> {
        self.put_record(TOKENS, user, over, sealed).await
    }
}

impl EmbeddedStore {
    async fn record(&self, table: Table, user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        let user = user.clone();
        self.read(|connection| Box::pin(async move { load(connection, table, &user).await })).await
    }

    async fn put_record(&self, table: Table, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError> {
        // No record has come as far as that.
        let Some(version) = over.checked_add(1) else { return Ok(false) };
        let (user, new) = (user.clone(), SealedRecord { version, sealed });
        self.write(|step, _| Box::pin(async move { replace(step, table, &user, &new).await })).await
    }
}

async fn load(
    connection: &mut SqliteConnection,
    table: Table,
    user: &UserId,
) -> Result<Option<SealedRecord>, sqlx::Error> {
    let found: Option<(i64, Vec<u8>)> =
        sqlx::query_as(table.load).bind(user.as_str()).fetch_optional(connection).await?;
    let Some((version, sealed)) = found else { return Ok(None) };
    let version = u64::try_from(version).map_err(|negative| sqlx::Error::Decode(negative.into()))?;
    Ok(Some(SealedRecord { version, sealed }))
}

/// Writes a record over the version before it. Whether it is there afterwards; an earlier attempt of the same call may
/// have put it there.
async fn replace(
    step: &mut SqliteConnection,
    table: Table,
    user: &UserId,
    new: &SealedRecord,
) -> Result<bool, sqlx::Error> {
    let there = load(step, table, user).await?;
    if there.as_ref().map_or(0, |there| there.version) + 1 != new.version {
        return Ok(there.as_ref() == Some(new));
    }
    sqlx::query(table.replace)
        .bind(user.as_str())
        .bind(new.version.cast_signed())
        .bind(&new.sealed)
        .execute(step)
        .await?;
    Ok(true)
}

async fn list(connection: &mut SqliteConnection, after: Option<&str>, limit: u32) -> Result<Vec<UserId>, sqlx::Error> {
    let users: Vec<String> =
        sqlx::query_scalar("SELECT user FROM vault WHERE ?1 IS NULL OR user > ?1 ORDER BY user LIMIT ?2")
            .bind(after)
            .bind(limit)
            .fetch_all(connection)
            .await?;
    Ok(users.into_iter().map(UserId::new).collect())
}
