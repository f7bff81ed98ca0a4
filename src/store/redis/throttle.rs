//! Counted attempts in Redis: a hash for each account and kind, or address.
//!
//! Which counts there are under a tag nobody keeps, so that a script could be given their keys. So to forget them all is to
//! write down when that was said, and a count that began before is none.

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;

use super::{
    RedisStore, record,
    scripts::{ADMIT, FORGIVE_ALL, UNDO, micros},
    step::Step,
    unexpected,
};
use crate::store::{Admission, Budget, StoreError, ThrottleKey, ThrottleStore, UserTag};

#[async_trait]
impl ThrottleStore for RedisStore {
    async fn admit(&self, key: &ThrottleKey, budget: Budget) -> Result<Admission, StoreError> {
        let mut script = Step::script(&ADMIT);
        script
            .key(self.keys.attempts(key))
            .key(self.keys.amnesty(key.tag))
            .arg(budget.free)
            .arg(micros(budget.first_delay))
            .arg(micros(budget.longest_delay))
            .arg(micros(budget.forget))
            .arg(micros(budget.regain.unwrap_or_default()))
            .arg(budget.limit.map_or(0, NonZeroU32::get));
        let (outcome, left) = self.link.run::<(String, u64)>(&script).await?;
        match outcome.as_str() {
            "admitted" => Ok(Admission::Admitted),
            "refused" => Ok(Admission::Refused { retry_after: Duration::from_micros(left) }),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn forgive(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        let mut command = Step::command("DEL");
        command.key(self.keys.attempts(key));
        self.link.run::<u32>(&command).await.map(drop)
    }
    async fn undo(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        let mut script = Step::script(&UNDO);
        script.key(self.keys.attempts(key));
        match self.link.run::<String>(&script).await?.as_str() {
            "done" => Ok(()),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn forgive_all(&self, tag: UserTag, remember: Duration) -> Result<(), StoreError> {
        let mut script = Step::script(&FORGIVE_ALL);
        script.key(self.keys.amnesty(tag)).arg(micros(remember));
        self.link.run::<()>(&script).await
    }
}
