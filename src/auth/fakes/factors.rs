//! Second factors of the one user, in memory.

use async_trait::async_trait;

use super::{Mood, OneUser};
use crate::{
    directory::{DirectoryError, DirectoryErrorKind, Factors},
    model::{
        Activate, Activation, DeviceId, Factor, FactorKind, HashedCode, KeptCode, NewFactor, NewTrust, PendingFactor,
        Secret, Timestamp, TrustedDevice, UserId,
    },
};

/// All that is kept of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) active: Vec<Factor>,
    pub(super) pending: Option<(PendingFactor, String)>,
    pub(super) codes: Vec<KeptCode>,
    pub(super) trusted: Vec<TrustedDevice>,
    comes_meanwhile: bool,
    /// Ids that were given out.
    given: u32,
}

impl Kept {
    pub(super) fn id(&mut self) -> DeviceId {
        self.given += 1;
        DeviceId::new(self.given.to_string())
    }

    fn give(&mut self, device: &DeviceId, codes: Vec<HashedCode>) {
        self.codes.retain(|code| code.device != *device);
        for code in codes {
            let id = self.id();
            self.codes.push(KeptCode { id, device: device.clone(), kept: Secret::new(code.as_str()) });
        }
    }
}

impl OneUser {
    fn read<T>(&self, read: impl FnOnce(&Kept) -> T) -> Result<T, DirectoryError> {
        self.look()?;
        Ok(read(&self.state.lock().unwrap().factors))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Kept) -> T) -> Result<T, DirectoryError> {
        let mut state = self.state.lock().unwrap();
        match state.mood {
            Mood::Well => Ok(write(&mut state.factors)),
            Mood::ReadOnly | Mood::Down => Err(DirectoryError::new(DirectoryErrorKind::Misconfigured, "read-only")),
        }
    }

    pub(in crate::auth) fn enrol_factor(&self, kind: FactorKind) {
        let kept = &mut self.state.lock().unwrap().factors;
        let device = kept.id();
        let created = Timestamp::default();
        kept.active.push(Factor { device, name: "phone".to_owned(), kind, created, last_used: None });
    }

    pub(in crate::auth) fn give_backup_code(&self, code: &str) {
        let kept = &mut self.state.lock().unwrap().factors;
        let (id, device) = (kept.id(), kept.active[0].device.clone());
        kept.codes.push(KeptCode { id, device, kept: Secret::new(code) });
    }

    /// Has another factor come between a look at those that are there and the first code of one that waits.
    pub(in crate::auth) fn have_a_factor_come_meanwhile(&self) {
        self.state.lock().unwrap().factors.comes_meanwhile = true;
    }

    /// Takes the tables of factors away.
    pub(in crate::auth) fn have_no_place(&self) {
        self.state.lock().unwrap().has_no_place = true;
    }
}

#[async_trait]
impl Factors for OneUser {
    async fn can_enrol(&self) -> Result<bool, DirectoryError> {
        self.look()?;
        Ok(!self.state.lock().unwrap().has_no_place)
    }

    async fn active(&self, _user: &UserId) -> Result<Vec<Factor>, DirectoryError> {
        self.read(|kept| kept.active.clone())
    }

    async fn pending(&self, _user: &UserId) -> Result<Option<PendingFactor>, DirectoryError> {
        let pending = self.read(|kept| kept.pending.as_ref().map(|(pending, _)| pending.clone()));
        let comes = std::mem::take(&mut self.state.lock().unwrap().factors.comes_meanwhile);
        if comes {
            self.enrol_factor(FactorKind::Other("sms".to_owned()));
        }
        pending
    }

    async fn set_up(&self, _user: &UserId, factor: NewFactor) -> Result<DeviceId, DirectoryError> {
        self.write(|kept| {
            let device = kept.id();
            let NewFactor { name, secret, created } = factor;
            kept.pending = Some((PendingFactor { device: device.clone(), secret, created }, name));
            device
        })
    }

    async fn activate(&self, _user: &UserId, activate: Activate) -> Result<Activation, DirectoryError> {
        self.write(|kept| {
            if activate.only_first && !kept.active.is_empty() {
                return Activation::Exists;
            }
            let Some((pending, name)) = kept.pending.take_if(|(pending, _)| pending.device == activate.device) else {
                return Activation::NotPending;
            };
            let PendingFactor { device, secret, created } = pending;
            if let Some(codes) = activate.codes {
                kept.give(&device, codes);
            }
            kept.codes.retain(|code| code.device == device);
            let kind = FactorKind::Totp(secret);
            kept.active.push(Factor { device, name, kind, created, last_used: Some(activate.step) });
            Activation::Active
        })
    }

    async fn accept_step(&self, _user: &UserId, device: &DeviceId, step: Timestamp) -> Result<bool, DirectoryError> {
        self.write(|kept| {
            let found = kept.active.iter_mut().find(|factor| factor.device == *device);
            let Some(factor) = found.filter(|factor| factor.last_used.is_none_or(|noted| noted < step)) else {
                return false;
            };
            factor.last_used = Some(step);
            true
        })
    }

    async fn codes(&self, _user: &UserId) -> Result<Vec<KeptCode>, DirectoryError> {
        self.read(|kept| {
            let is_active = |code: &&KeptCode| kept.active.iter().any(|factor| factor.device == code.device);
            kept.codes.iter().filter(is_active).cloned().collect()
        })
    }

    async fn use_code(&self, _user: &UserId, code: &DeviceId) -> Result<bool, DirectoryError> {
        self.write(|kept| {
            let before = kept.codes.len();
            kept.codes.retain(|known| known.id != *code);
            kept.codes.len() < before
        })
    }

    async fn hash_codes(&self, _user: &UserId, codes: Vec<(KeptCode, HashedCode)>) -> Result<(), DirectoryError> {
        self.write(|kept| {
            for (code, hash) in codes {
                for known in kept.codes.iter_mut().filter(|known| known.id == code.id) {
                    known.kept = Secret::new(hash.as_str());
                }
            }
        })
    }

    async fn give_codes(
        &self,
        _user: &UserId,
        device: &DeviceId,
        codes: Vec<HashedCode>,
        _given: Timestamp,
    ) -> Result<bool, DirectoryError> {
        self.write(|kept| {
            kept.give(device, codes);
            true
        })
    }

    async fn remove_all(&self, _user: &UserId) -> Result<(), DirectoryError> {
        self.write(|kept| *kept = Kept { given: kept.given, ..Kept::default() })
    }

    async fn trusted(&self, _user: &UserId, now: Timestamp) -> Result<Vec<TrustedDevice>, DirectoryError> {
        self.read(|kept| kept.trusted.iter().filter(|device| device.expires > now).cloned().collect())
    }

    async fn trust(&self, _user: &UserId, new: NewTrust, _limit: u32) -> Result<Option<DeviceId>, DirectoryError> {
        self.write(|kept| {
            let id = kept.id();
            let NewTrust { seal, client, created, expires } = new;
            let name = client.device_name.unwrap_or_default();
            kept.trusted.push(TrustedDevice { id: id.clone(), seal, name, created, expires });
            Some(id)
        })
    }

    async fn distrust(&self, _user: &UserId, device: &DeviceId) -> Result<bool, DirectoryError> {
        self.write(|kept| {
            let before = kept.trusted.len();
            kept.trusted.retain(|known| known.id != *device);
            kept.trusted.len() < before
        })
    }
}
