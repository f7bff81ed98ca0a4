//! An attempt that was admitted, until it has ended.

use std::error::Error;

use super::{AT_ACCOUNT, AtSuccess, Count, Refusal, Throttle};
use crate::{model::UserId, store::StoreError};

/// An attempt that may be made, and counts as failed unless it is told otherwise: also when whoever made it goes away.
#[derive(Debug)]
#[must_use = "an attempt that is not told how it ended counts as failed"]
pub struct Ticket<'t> {
    throttle: &'t Throttle,
    counted: Vec<Count>,
}

impl<'t> Ticket<'t> {
    pub(super) const fn new(throttle: &'t Throttle) -> Self {
        Self { throttle, counted: Vec::new() }
    }

    /// Counts the attempt there, too; else it is counted nowhere any more.
    pub(super) async fn count(mut self, count: Count) -> Result<Self, Refusal> {
        match self.throttle.counts_at(&count).await {
            Ok(true) => {
                self.counted.push(count);
                Ok(self)
            }
            Ok(false) => Ok(self),
            Err(refusal) => {
                self.give_back().await;
                Err(refusal)
            }
        }
    }

    /// Counts a login at the account that its name has turned out to be of, by whatever spelling; `None`: of none.
    ///
    /// # Errors
    /// As [`Throttle::admit`].
    pub async fn at(self, user: Option<&UserId>, name: &str) -> Result<Self, Refusal> {
        let (names, limits) = (&self.throttle.names, self.throttle.limits);
        let count = self.throttle.at_account(names.of_account(user, name), limits.account_attempts, AT_ACCOUNT);
        self.count(count).await
    }

    /// Goes on after a step without which the credential can't be looked at. Where that fails the attempt was none.
    ///
    /// # Errors
    /// Those of the step.
    pub async fn after<T>(self, step: Result<T, Refusal>) -> Result<(Self, T), Refusal> {
        match step {
            Ok(outcome) => Ok((self, outcome)),
            Err(refusal) => {
                self.give_back().await;
                Err(refusal)
            }
        }
    }

    /// The credential was right. That stands also where it can't be noted.
    pub async fn succeeded(self) {
        for Count { key, at_success, .. } in &self.counted {
            let store = &self.throttle.store;
            log(match at_success {
                AtSuccess::Cleared => store.forgive(key).await,
                AtSuccess::OneLess => store.undo(key).await,
            });
        }
    }

    /// It was wrong.
    pub fn failed(self) {}

    async fn give_back(self) {
        for count in self.counted.iter().rev() {
            log(self.throttle.store.undo(&count.key).await);
        }
    }
}

fn log(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::error!(error = &error as &dyn Error, "taking attempts off failed: they stay counted as failures");
    }
}
