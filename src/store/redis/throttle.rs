//! Counted attempts in Redis: a hash for each account and kind.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    RedisStore, record,
    scripts::{ADMIT, micros},
    step::Step,
    unexpected,
};
use crate::store::{Admission, Budget, StoreError, ThrottleKey, ThrottleStore};

#[async_trait]
impl ThrottleStore for RedisStore {
    async fn admit(&self, key: &ThrottleKey, budget: Budget) -> Result<Admission, StoreError> {
        let mut script = Step::script(&ADMIT);
        script
            .key(self.keys.attempts(key))
            .arg(budget.free)
            .arg(micros(budget.first_delay))
            .arg(micros(budget.longest_delay))
            .arg(micros(budget.forget));
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
}
