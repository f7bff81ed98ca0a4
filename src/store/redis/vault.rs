//! Sealed records in Redis: a hash for each, and one list of the users who have one.
//!
//! The list is in a slot of its own, so the two can't be written at once. A user is listed first: whoever walks the list
//! may meet one whose record was never written, but misses none. Each write lists the user anew, in case Redis lost the
//! entry when a primary died.

use async_trait::async_trait;

use super::{
    RedisStore,
    record::{self, Damage, FORMAT, Fields},
    scripts::VAULT_PUT,
    step::Step,
    unexpected,
};
use crate::{
    model::UserId,
    store::{SealedRecord, StoreError, StoreErrorKind, TokenStore, VaultStore},
};

#[async_trait]
impl VaultStore for RedisStore {
    async fn get(&self, user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        self.record(self.keys.sealed(user), user).await
    }

    async fn put(&self, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError> {
        // No record has come as far as that.
        let Some(version) = over.checked_add(1) else { return Ok(false) };
        let mut list = Step::command("ZADD");
        list.key(self.keys.users()).arg(0).arg(user.as_str());
        let script = replacement(self.keys.sealed(user), user, over, version, &sealed);
        let call = async {
            let _new: u64 = self.link.run(&list).await?;
            self.link.run::<String>(&script).await
        };
        is_written(&self.link.within(call).await?)
    }

    async fn users(&self, after: Option<&UserId>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        let first = after.map_or_else(|| "-".to_owned(), |user| format!("({}", user.as_str()));
        let mut command = Step::command("ZRANGEBYLEX");
        command.key(self.keys.users()).arg(first).arg("+").arg("LIMIT").arg(0).arg(limit);
        let users: Vec<String> = self.link.run(&command).await?;
        Ok(users.into_iter().map(UserId::new).collect())
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    async fn tokens(&self, user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        self.record(self.keys.tokens(user), user).await
    }

    async fn keep_tokens(&self, user: &UserId, over: u64, sealed: Vec<u8>) -> Result<bool, StoreError> {
        let Some(version) = over.checked_add(1) else { return Ok(false) };
        let script = replacement(self.keys.tokens(user), user, over, version, &sealed);
        is_written(&self.link.run::<String>(&script).await?)
    }
}

impl RedisStore {
    async fn record(&self, key: String, user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        let mut command = Step::command("HGETALL");
        command.key(key);
        let fields: Fields = self.link.run(&command).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        decode(user, fields).map(Some).map_err(|damage| StoreError::new(StoreErrorKind::Corrupt, damage))
    }
}

fn replacement(key: String, user: &UserId, over: u64, version: u64, sealed: &[u8]) -> Step<'static> {
    let mut script = Step::script(&VAULT_PUT);
    script.key(key).arg(user.as_str()).arg(over.to_string()).arg(version.to_string()).arg(sealed);
    script
}

fn is_written(outcome: &str) -> Result<bool, StoreError> {
    match outcome {
        "written" => Ok(true),
        "other" => Ok(false),
        "unreadable" => Err(record::unreadable()),
        other => Err(unexpected(other)),
    }
}

fn decode(user: &UserId, mut fields: Fields) -> Result<SealedRecord, Damage> {
    if record::required::<String>(&fields, "v")? != FORMAT {
        return Err(Damage::Format);
    }
    if record::required::<String>(&fields, "user")? != user.as_str() {
        return Err(Damage::Unreadable("user"));
    }
    Ok(SealedRecord {
        version: record::required(&fields, "version")?,
        sealed: fields.remove("sealed").ok_or(Damage::Missing("sealed"))?,
    })
}
