//! Second factors that the gateway keeps itself: what [`Factors`](railgate::directory::Factors) promises, kept by two
//! gateways that share a store.

use std::sync::Arc;

use railgate::{
    auth::{
        factors::SealedFactors,
        tokens::{Key, KeyRing},
    },
    directory::Factors as _,
    model::{Activate, Activation, DeviceId, HashedCode, NewFactor, Secret, SystemEntropy, Timestamp, UserId},
    store::VaultStore,
};

use super::fixture::{Embedded, Fixture, Redis};

mod authenticators;
mod keys;
mod races;
mod trusted;

/// Tests on each store that gateways keep factors in.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        $crate::store::contract::contract!(@backend embedded, super::Embedded, $($name),*);
        $crate::store::contract::contract!(@backend redis, super::Redis, $($name),*);
    };
}

use on_both;

/// A store that a second gateway has, too.
trait Shared: Fixture {
    fn of_the_other(&self) -> Arc<dyn VaultStore>;
}

impl Shared for Embedded {
    /// One process has the file.
    fn of_the_other(&self) -> Arc<dyn VaultStore> {
        self.vault()
    }
}

impl Shared for Redis {
    fn of_the_other(&self) -> Arc<dyn VaultStore> {
        Self::connect(self.server.port)
    }
}

/// Two gateways with the same key.
struct Pair {
    key: Secret,
    one: Arc<SealedFactors>,
    other: Arc<SealedFactors>,
}

impl Pair {
    fn on(fixture: &impl Shared) -> Self {
        let key = new_key();
        let one = gateway(fixture.vault(), &[&key]);
        Self { one, other: gateway(fixture.of_the_other(), &[&key]), key }
    }
}

fn new_key() -> Secret {
    Key::generate(&SystemEntropy).unwrap()
}

/// A gateway with these keys; the first one seals.
fn gateway(vault: Arc<dyn VaultStore>, keys: &[&Secret]) -> Arc<SealedFactors> {
    let keys = KeyRing::parse(keys.iter().copied()).unwrap();
    Arc::new(SealedFactors::new(vault, &keys, Arc::new(SystemEntropy)))
}

fn user() -> UserId {
    UserId::new("7")
}

/// So many seconds after the tests' beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

fn phone(name: &str) -> NewFactor {
    NewFactor { name: name.to_owned(), secret: Secret::new(format!("SECRET{name}")), created: at(0) }
}

fn hashes(texts: &[&str]) -> Vec<HashedCode> {
    texts.iter().copied().map(HashedCode::new).collect()
}

/// The first code of an authenticator, of the step 30.
fn first_code(device: &DeviceId, codes: Option<&[&str]>) -> Activate {
    Activate { device: device.clone(), step: at(30), codes: codes.map(hashes), only_first: false }
}

/// An active authenticator with these backup codes.
async fn enrolled(factors: &SealedFactors, user: &UserId, name: &str, codes: &[&str]) -> DeviceId {
    let device = factors.set_up(user, phone(name)).await.unwrap();
    let activated = factors.activate(user, first_code(&device, Some(codes))).await.unwrap();
    assert_eq!(activated, Activation::Active);
    device
}

/// What stands for the backup codes of the user, in the order in which they were given.
async fn codes(factors: &SealedFactors) -> Vec<String> {
    factors.codes(&user()).await.unwrap().iter().map(|code| code.kept.expose().to_owned()).collect()
}

/// What the user's active factors are called.
async fn names(factors: &SealedFactors) -> Vec<String> {
    factors.active(&user()).await.unwrap().into_iter().map(|factor| factor.name).collect()
}
