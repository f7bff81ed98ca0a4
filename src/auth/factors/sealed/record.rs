//! What a sealed record holds: all second factors of one user, as JSON.
//!
//! Ids count from 1 over factors, codes and trusted devices alike, and none is given twice, not even after everything was
//! removed: hashes of codes and tokens of devices name an id, and must never fit another thing.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Moved;
use crate::{
    auth::factors::BackupCodes,
    model::{
        Activate, Activation, DeviceId, Factor, FactorKind, HashedCode, KeptCode, NewFactor, NewTrust, PendingFactor,
        Secret, Timestamp, TrustedDevice,
    },
};

const FORMAT: u32 = 1;
/// Factors that a user may have, one that waits among them.
const FACTORS: usize = 10;
/// Trusted devices that are kept, whatever the limit.
const TRUSTED: usize = 20;
/// Characters that are kept of a name.
const NAME: usize = 100;

/// Why a text is no record. What is in it is not told: it holds secrets.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the record has format {0}; this release knows format {FORMAT}")]
    Format(u32),
    #[error("the record can't be read from byte {0} on")]
    Damaged(usize),
}

/// There is no room for another factor.
#[derive(Debug, thiserror::Error)]
#[error("a user may have {FACTORS} second factors, and this one has")]
pub(super) struct Full;

/// All that is kept of a user.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    format: u32,
    /// The last that was given to anything.
    last_id: u64,
    /// In the order in which they were set up.
    factors: Vec<KeptFactor>,
    codes: Vec<Code>,
    /// The oldest first.
    trusted: Vec<Trusted>,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptFactor {
    id: u64,
    name: String,
    #[serde(with = "exposed")]
    secret: Secret,
    #[serde(with = "micros")]
    created: Timestamp,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum State {
    /// It waits for its first code.
    Pending,
    Active {
        #[serde(with = "micros")]
        last_step: Timestamp,
    },
}

/// A backup code that is not used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    id: u64,
    factor: u64,
    #[serde(with = "exposed")]
    kept: Secret,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trusted {
    id: u64,
    #[serde(with = "exposed")]
    seal: Secret,
    name: String,
    #[serde(with = "micros")]
    created: Timestamp,
    #[serde(with = "micros")]
    expires: Timestamp,
}

impl Default for Record {
    fn default() -> Self {
        Self { format: FORMAT, last_id: 0, factors: Vec::new(), codes: Vec::new(), trusted: Vec::new() }
    }
}

impl Record {
    /// Reads the JSON. The format comes first: a record of another one may have any fields.
    pub(super) fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.column());
        let Head { format } = serde_json::from_slice(text).map_err(damaged)?;
        if format != FORMAT {
            return Err(Unreadable::Format(format));
        }
        serde_json::from_slice(text).map_err(damaged)
    }

    /// The JSON.
    pub(super) fn text(&self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        serde_json::to_vec(self).map(Zeroizing::new)
    }

    pub(super) fn active(&self) -> Vec<Factor> {
        self.factors.iter().filter_map(KeptFactor::active).collect()
    }

    pub(super) fn pending(&self) -> Option<PendingFactor> {
        let factor = self.factors.iter().find(|factor| factor.is_pending())?;
        Some(PendingFactor { device: id(factor.id), secret: factor.secret.clone(), created: factor.created })
    }

    /// Takes over what was active elsewhere: unless the user has an active factor here, since that is the newer one. Whether
    /// it did. What waits for its first code waits no more.
    pub(super) fn adopt(&mut self, moved: &[Moved], codes: &BackupCodes) -> Result<bool, Full> {
        if moved.len() > FACTORS {
            return Err(Full);
        }
        if moved.is_empty() || self.factors.iter().any(|factor| !factor.is_pending()) {
            return Ok(false);
        }
        self.factors.clear();
        self.codes.clear();
        for factor in moved {
            let given = self.next_id();
            self.factors.push(KeptFactor {
                id: given,
                name: cut(&factor.name),
                secret: factor.secret.clone(),
                created: factor.created,
                state: State::Active { last_step: factor.last_used.unwrap_or(Timestamp::from_secs(0)) },
            });
            self.replace_codes(given, &codes.hashed(&id(given), &factor.codes));
        }
        Ok(true)
    }

    pub(super) fn set_up(&mut self, new: &NewFactor) -> Result<DeviceId, Full> {
        if self.factors.iter().filter(|factor| !factor.is_pending()).count() >= FACTORS {
            return Err(Full);
        }
        if let Some(index) = self.factors.iter().position(KeptFactor::is_pending) {
            let dropped = self.factors.remove(index);
            self.codes.retain(|code| code.factor != dropped.id);
        }
        let given = self.next_id();
        let (name, secret) = (cut(&new.name), new.secret.clone());
        self.factors.push(KeptFactor { id: given, name, secret, created: new.created, state: State::Pending });
        Ok(id(given))
    }

    pub(super) fn activate(&mut self, activate: &Activate) -> Activation {
        if activate.only_first && self.factors.iter().any(|factor| !factor.is_pending()) {
            return Activation::Exists;
        }
        let waits = |factor: &&mut KeptFactor| factor.is_pending() && is(factor.id, &activate.device);
        let Some(factor) = self.factors.iter_mut().find(waits) else { return Activation::NotPending };
        factor.state = State::Active { last_step: activate.step };
        let factor = factor.id;
        if let Some(codes) = &activate.codes {
            self.replace_codes(factor, codes);
        }
        self.codes.retain(|code| code.factor == factor);
        Activation::Active
    }

    pub(super) fn accept_step(&mut self, device: &DeviceId, step: Timestamp) -> bool {
        let mut named = self.factors.iter_mut().filter(|factor| is(factor.id, device));
        let Some(State::Active { last_step }) = named.next().map(|factor| &mut factor.state) else { return false };
        let is_later = *last_step < step;
        if is_later {
            *last_step = step;
        }
        is_later
    }

    pub(super) fn codes(&self) -> Vec<KeptCode> {
        let codes = self.codes.iter().filter(|code| self.is_active(code.factor));
        codes.map(|code| KeptCode { id: id(code.id), device: id(code.factor), kept: code.kept.clone() }).collect()
    }

    pub(super) fn use_code(&mut self, used: &DeviceId) -> bool {
        let found = self.codes.iter().position(|code| is(code.id, used) && self.is_active(code.factor));
        found.map(|index| self.codes.remove(index)).is_some()
    }

    /// Whether any was replaced.
    pub(super) fn hash_codes(&mut self, hashed: &[(KeptCode, HashedCode)]) -> bool {
        let mut any = false;
        for (known, hash) in hashed {
            let is_known = |code: &&mut Code| is(code.id, &known.id) && code.kept.expose() == known.kept.expose();
            if let Some(code) = self.codes.iter_mut().find(is_known) {
                code.kept = Secret::new(hash.as_str());
                any = true;
            }
        }
        any
    }

    pub(super) fn give_codes(&mut self, device: &DeviceId, codes: &[HashedCode]) -> bool {
        let Some(factor) = self.factors.iter().find(|factor| is(factor.id, device)) else { return false };
        let factor = factor.id;
        self.replace_codes(factor, codes);
        if self.is_active(factor) {
            self.codes.retain(|code| code.factor == factor);
        }
        true
    }

    /// Whether there was anything.
    pub(super) fn remove_all(&mut self) -> bool {
        let was_empty = self.factors.is_empty() && self.codes.is_empty() && self.trusted.is_empty();
        *self = Self { last_id: self.last_id, ..Self::default() };
        !was_empty
    }

    pub(super) fn trusted(&self, now: Timestamp) -> Vec<TrustedDevice> {
        self.trusted.iter().rev().filter(|device| device.expires > now).map(Trusted::told).collect()
    }

    pub(super) fn trust(&mut self, new: &NewTrust, limit: u32) -> DeviceId {
        let given = self.next_id();
        self.trusted.retain(|device| device.expires > new.created);
        self.trusted.push(Trusted {
            id: given,
            seal: new.seal.clone(),
            name: cut(new.client.device_name.as_deref().unwrap_or_default()),
            created: new.created,
            expires: new.expires,
        });
        let limit = usize::try_from(limit).unwrap_or(TRUSTED).min(TRUSTED);
        self.trusted.drain(..self.trusted.len().saturating_sub(limit));
        id(given)
    }

    pub(super) fn distrust(&mut self, device: &DeviceId) -> bool {
        let before = self.trusted.len();
        self.trusted.retain(|trusted| !is(trusted.id, device));
        self.trusted.len() < before
    }

    fn is_active(&self, factor: u64) -> bool {
        self.factors.iter().any(|known| known.id == factor && !known.is_pending())
    }

    fn replace_codes(&mut self, factor: u64, codes: &[HashedCode]) {
        self.codes.retain(|code| code.factor != factor);
        for code in codes {
            let id = self.next_id();
            self.codes.push(Code { id, factor, kept: Secret::new(code.as_str()) });
        }
    }

    const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl KeptFactor {
    const fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending)
    }

    fn active(&self) -> Option<Factor> {
        let State::Active { last_step } = self.state else { return None };
        Some(Factor {
            device: id(self.id),
            name: self.name.clone(),
            kind: FactorKind::Totp(self.secret.clone()),
            created: self.created,
            last_used: Some(last_step),
        })
    }
}

impl Trusted {
    fn told(&self) -> TrustedDevice {
        let Self { seal, name, created, expires, .. } = self;
        TrustedDevice { id: id(self.id), seal: seal.clone(), name: name.clone(), created: *created, expires: *expires }
    }
}

fn id(number: u64) -> DeviceId {
    DeviceId::new(number.to_string())
}

/// Whether a text names this number, as [`id`] writes it and in no other spelling.
fn is(number: u64, device: &DeviceId) -> bool {
    number.to_string() == device.as_str()
}

fn cut(name: &str) -> String {
    name.chars().take(NAME).collect()
}

/// A secret as text: the record is sealed before anybody sees it.
mod exposed {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::model::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// An instant as microseconds since 1970.
mod micros {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::model::Timestamp;

    pub(super) fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(instant.as_micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_micros)
    }
}
