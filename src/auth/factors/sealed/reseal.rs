//! Sealing all records with the first key, so that an older one may be dropped.

use std::{collections::BTreeSet, error::Error};

use super::{Failure, KeyName, SealedFactors};
use crate::{directory::DirectoryError, model::UserId, store::StoreErrorKind};

/// Users that the store is asked for at once.
const PAGE: u32 = 100;

/// What became of the records.
#[derive(Debug, Default)]
pub struct Resealed {
    /// They were sealed under an older key, and are with the first one now.
    pub done: u64,
    /// They could not be opened, and are as they were.
    pub failed: u64,
    missing: BTreeSet<KeyName>,
}

impl Resealed {
    /// Says whether an older key may be dropped.
    pub fn log(&self) {
        let Self { done, failed, missing } = self;
        if *failed == 0 {
            tracing::info!(done, "second factors are sealed with the first key");
        } else {
            tracing::error!(
                done,
                failed,
                ?missing,
                "second factors can't be opened; put the keys back that are missing"
            );
        }
    }

    fn count(&mut self, user: &UserId, outcome: Result<bool, Failure>) -> Result<(), Failure> {
        match outcome {
            Ok(is_done) => self.done += u64::from(is_done),
            Err(failure) if failure.is_lasting() => {
                self.failed += 1;
                self.missing.extend(failure.missing());
                let error = &failure as &dyn Error;
                tracing::error!(%user, error, "the second factors of a user can't be opened");
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

impl SealedFactors {
    /// Seals every record with the first key that is under an older one. When all gateways have the same first key and none
    /// could not be opened, the others may be dropped.
    ///
    /// # Errors
    /// When the store can't tell of all, or takes no writes; some may be done.
    pub async fn reseal_all(&self) -> Result<Resealed, DirectoryError> {
        let (mut all, mut last) = (Resealed::default(), None);
        loop {
            let users = self.vault.users(last.as_ref(), PAGE).await.map_err(Failure::Store)?;
            for user in &users {
                all.count(user, self.reseal(user).await)?;
            }
            match users.into_iter().next_back() {
                Some(user) => last = Some(user),
                None => return Ok(all),
            }
        }
    }
}

impl Failure {
    /// Whether the record itself can't be read, which trying again does not change.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Sealed(_) | Self::Record(_) => true,
            Self::Store(error) => error.kind == StoreErrorKind::Corrupt,
            Self::Text(_) | Self::Entropy(_) | Self::Full(_) | Self::Contended => false,
        }
    }
}
