//! Second factors that the gateway keeps itself, sealed, where the backend has no place for them.
//!
//! A store has one record for each user, `record.rs`, which nobody can read who has not got the gateway's key, nor change,
//! nor give to another user (`auth/seals.rs`). Who can write to the store may still delete a record, or put an older one back.
//! Each change is written over the version that it was made from, and made again where another was faster.
//!
//! A record is sealed with the first key of the ring and opens under any. One that is met under an older key is sealed anew,
//! and [`SealedFactors::reseal_all`] does that to all. A record under a key that was dropped too early is an error that names
//! the key, since to take it for no record would let its user in without a code.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;

use self::record::{Full, Record, Unreadable};
use crate::{
    auth::{
        factors::BackupCodes,
        seals::{KeyName, Seals, Unopened},
        tokens::KeyRing,
    },
    directory::{DirectoryError, DirectoryErrorKind, Factors},
    model::{
        Activate, Activation, DeviceId, Entropy, Factor, HashedCode, KeptCode, NewFactor, NewTrust, NoEntropy,
        PendingFactor, Secret, Timestamp, TrustedDevice, UserId,
    },
    store::{StoreError, StoreErrorKind, VaultStore},
};

mod record;
mod reseal;
#[cfg(test)]
mod tests;

pub use reseal::Resealed;

const PURPOSE: &str = "second factors v1";

/// How often a change is made anew. Each time another one went through, so as many at once on one user are no accident.
const ATTEMPTS: u32 = 64;

/// Keeps second factors sealed in a store.
#[derive(Debug)]
pub struct SealedFactors {
    vault: Arc<dyn VaultStore>,
    seals: Seals,
    entropy: Arc<dyn Entropy>,
}

/// An authenticator that is active elsewhere, and moves here.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What its user calls it.
    pub name: String,
    /// Base32.
    pub secret: Secret,
    /// When it was set up.
    pub created: Timestamp,
    /// The beginning of the step whose code was accepted last: no code up to it counts here, either.
    pub last_used: Option<Timestamp>,
    /// Its unused backup codes, in the clear.
    pub codes: Vec<Secret>,
}

/// Why second factors could not be read or changed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Sealed(Unopened),
    #[error(transparent)]
    Record(Unreadable),
    #[error("the record can't be written as JSON")]
    Text(#[source] serde_json::Error),
    #[error(transparent)]
    Entropy(NoEntropy),
    #[error(transparent)]
    Full(Full),
    #[error("others changed the record {ATTEMPTS} times in a row")]
    Contended,
}

/// A record, and where it was found.
#[derive(Default)]
struct Loaded {
    record: Record,
    version: u64,
    /// It is sealed under a key that is not the first.
    is_stale: bool,
}

/// What a step did to a record, and its answer.
enum Step<T> {
    Changed(T),
    Nothing(T),
}

impl Step<bool> {
    /// A step that says whether it changed anything.
    const fn of(is_changed: bool) -> Self {
        if is_changed { Self::Changed(true) } else { Self::Nothing(false) }
    }
}

impl SealedFactors {
    /// Keeps factors in `vault`, sealed under `keys`; nonces come from `entropy`.
    #[must_use]
    pub fn new(vault: Arc<dyn VaultStore>, keys: &KeyRing, entropy: Arc<dyn Entropy>) -> Self {
        Self { vault, seals: Seals::new(keys, PURPOSE), entropy }
    }

    /// Takes over the authenticators that a user has elsewhere, unless there is an active one here already. Whether it did.
    ///
    /// # Errors
    /// When they could not be written, or are more than a user may have; then none is taken over.
    pub async fn adopt(&self, user: &UserId, moved: &[Moved], codes: &BackupCodes) -> Result<bool, DirectoryError> {
        let step = |record: &mut Record| match record.adopt(moved, codes) {
            Ok(true) => Step::Changed(Ok(true)),
            other => Step::Nothing(other),
        };
        Ok(self.change(user, step).await?.map_err(Failure::Full)?)
    }

    async fn read(&self, user: &UserId) -> Result<Record, Failure> {
        let loaded = self.load(user).await?;
        self.refresh(user, &loaded).await;
        Ok(loaded.record)
    }

    /// Makes a step, once more for each time that another was faster.
    async fn change<T: Send>(
        &self,
        user: &UserId,
        step: impl Fn(&mut Record) -> Step<T> + Send + Sync,
    ) -> Result<T, Failure> {
        for _ in 0..ATTEMPTS {
            let mut loaded = self.load(user).await?;
            match step(&mut loaded.record) {
                Step::Changed(answer) if self.save(user, &loaded).await? => return Ok(answer),
                Step::Changed(_) => {}
                Step::Nothing(answer) => {
                    self.refresh(user, &loaded).await;
                    return Ok(answer);
                }
            }
        }
        Err(Failure::Contended)
    }

    /// Seals a record with the first key. Whether it was under another one.
    async fn reseal(&self, user: &UserId) -> Result<bool, Failure> {
        for _ in 0..ATTEMPTS {
            let loaded = self.load(user).await?;
            if !loaded.is_stale {
                return Ok(false);
            }
            if self.save(user, &loaded).await? {
                return Ok(true);
            }
        }
        Err(Failure::Contended)
    }

    /// Seals a record with the first key that was met under another one. If that fails it is as good as before.
    async fn refresh(&self, user: &UserId, loaded: &Loaded) {
        if !loaded.is_stale {
            return;
        }
        if let Err(failure) = self.save(user, loaded).await {
            let error = &failure as &dyn Error;
            tracing::debug!(%user, error, "second factors stay sealed under an older key");
        }
    }

    /// The user's record; an empty one of version 0 where there is none.
    async fn load(&self, user: &UserId) -> Result<Loaded, Failure> {
        let Some(kept) = self.vault.get(user).await.map_err(Failure::Store)? else { return Ok(Loaded::default()) };
        let opened = self.seals.open(user.as_str(), &kept.sealed).map_err(Failure::Sealed)?;
        let record = Record::read(&opened.text).map_err(Failure::Record)?;
        Ok(Loaded { record, version: kept.version, is_stale: !opened.is_current })
    }

    /// Writes a record over the version that it was found at. `false` when another was faster.
    async fn save(&self, user: &UserId, loaded: &Loaded) -> Result<bool, Failure> {
        let text = loaded.record.text().map_err(Failure::Text)?;
        let sealed = self.seals.seal(user.as_str(), text, &*self.entropy).map_err(Failure::Entropy)?;
        self.vault.put(user, loaded.version, sealed).await.map_err(Failure::Store)
    }
}

#[async_trait]
impl Factors for SealedFactors {
    async fn can_enrol(&self) -> Result<bool, DirectoryError> {
        Ok(true)
    }

    async fn active(&self, user: &UserId) -> Result<Vec<Factor>, DirectoryError> {
        Ok(self.read(user).await?.active())
    }

    async fn pending(&self, user: &UserId) -> Result<Option<PendingFactor>, DirectoryError> {
        Ok(self.read(user).await?.pending())
    }

    async fn set_up(&self, user: &UserId, factor: NewFactor) -> Result<DeviceId, DirectoryError> {
        let step = |record: &mut Record| match record.set_up(&factor) {
            Ok(id) => Step::Changed(Ok(id)),
            Err(full) => Step::Nothing(Err(full)),
        };
        Ok(self.change(user, step).await?.map_err(Failure::Full)?)
    }

    async fn activate(&self, user: &UserId, activate: Activate) -> Result<Activation, DirectoryError> {
        let step = |record: &mut Record| match record.activate(&activate) {
            Activation::Active => Step::Changed(Activation::Active),
            refused @ (Activation::NotPending | Activation::Exists) => Step::Nothing(refused),
        };
        Ok(self.change(user, step).await?)
    }

    async fn accept_step(&self, user: &UserId, device: &DeviceId, step: Timestamp) -> Result<bool, DirectoryError> {
        Ok(self.change(user, |record| Step::of(record.accept_step(device, step))).await?)
    }

    async fn codes(&self, user: &UserId) -> Result<Vec<KeptCode>, DirectoryError> {
        Ok(self.read(user).await?.codes())
    }

    async fn use_code(&self, user: &UserId, code: &DeviceId) -> Result<bool, DirectoryError> {
        Ok(self.change(user, |record| Step::of(record.use_code(code))).await?)
    }

    async fn hash_codes(&self, user: &UserId, codes: Vec<(KeptCode, HashedCode)>) -> Result<(), DirectoryError> {
        self.change(user, |record| Step::of(record.hash_codes(&codes))).await?;
        Ok(())
    }

    async fn give_codes(
        &self,
        user: &UserId,
        device: &DeviceId,
        codes: Vec<HashedCode>,
        _given: Timestamp,
    ) -> Result<bool, DirectoryError> {
        Ok(self.change(user, |record| Step::of(record.give_codes(device, &codes))).await?)
    }

    async fn remove_all(&self, user: &UserId) -> Result<(), DirectoryError> {
        self.change(user, |record| Step::of(record.remove_all())).await?;
        Ok(())
    }

    async fn trusted(&self, user: &UserId, now: Timestamp) -> Result<Vec<TrustedDevice>, DirectoryError> {
        Ok(self.read(user).await?.trusted(now))
    }

    async fn trust(&self, user: &UserId, new: NewTrust, limit: u32) -> Result<Option<DeviceId>, DirectoryError> {
        let step = |record: &mut Record| Step::Changed(record.trust(&new, limit));
        Ok(Some(self.change(user, step).await?))
    }

    async fn distrust(&self, user: &UserId, device: &DeviceId) -> Result<bool, DirectoryError> {
        Ok(self.change(user, |record| Step::of(record.distrust(device))).await?)
    }
}

impl Failure {
    /// The key that would open the record.
    const fn missing(&self) -> Option<KeyName> {
        match self {
            Self::Sealed(Unopened::UnknownKey(name)) => Some(*name),
            _ => None,
        }
    }

    fn kind(&self) -> DirectoryErrorKind {
        match self {
            Self::Store(error) => match error.kind {
                StoreErrorKind::Unavailable | StoreErrorKind::Conflict => DirectoryErrorKind::Unavailable,
                StoreErrorKind::Corrupt => DirectoryErrorKind::Corrupt,
            },
            Self::Sealed(Unopened::UnknownKey(_)) | Self::Full(_) => DirectoryErrorKind::Misconfigured,
            Self::Sealed(Unopened::Format(_) | Unopened::Damaged) | Self::Record(_) | Self::Text(_) => {
                DirectoryErrorKind::Corrupt
            }
            Self::Entropy(_) | Self::Contended => DirectoryErrorKind::Unavailable,
        }
    }
}

impl From<Failure> for DirectoryError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind(), failure)
    }
}
