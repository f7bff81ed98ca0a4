use std::{
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;

use super::{
    ATTEMPTS, Moved, SealedFactors,
    record::{Record, Unreadable},
};
use crate::{
    auth::{
        factors::BackupCodes,
        tokens::{Key, KeyRing},
    },
    directory::{DirectoryError, DirectoryErrorKind, Factors as _},
    model::{DeviceId, Entropy, NewFactor, NoEntropy, Secret, SystemEntropy, Timestamp, UserId},
    store::{SealedRecord, StoreError, StoreErrorKind, VaultStore},
};

/// A store that is in a bad way.
#[derive(Debug)]
struct Broken {
    /// How it takes a record; `None` when another was faster.
    put: Option<StoreErrorKind>,
    get: Option<StoreErrorKind>,
    puts: AtomicU32,
}

impl Broken {
    fn new(get: Option<StoreErrorKind>, put: Option<StoreErrorKind>) -> Arc<Self> {
        Arc::new(Self { put, get, puts: AtomicU32::new(0) })
    }
}

fn fail<T>(kind: Option<StoreErrorKind>, otherwise: T) -> Result<T, StoreError> {
    kind.map_or(Ok(otherwise), |kind| Err(StoreError::new(kind, "broken")))
}

#[async_trait]
impl VaultStore for Broken {
    async fn get(&self, _user: &UserId) -> Result<Option<SealedRecord>, StoreError> {
        fail(self.get, None)
    }

    async fn put(&self, _user: &UserId, _over: u64, _sealed: Vec<u8>) -> Result<bool, StoreError> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        fail(self.put, false)
    }

    async fn users(&self, after: Option<&UserId>, _limit: u32) -> Result<Vec<UserId>, StoreError> {
        Ok(if after.is_none() { vec![user()] } else { Vec::new() })
    }
}

/// A source that is dry.
#[derive(Debug)]
struct Dry;

impl Entropy for Dry {
    fn fill(&self, _buffer: &mut [u8]) -> Result<(), NoEntropy> {
        Err(NoEntropy)
    }
}

fn key() -> Secret {
    Key::generate(&SystemEntropy).unwrap()
}

fn ring(keys: &[&Secret]) -> KeyRing {
    KeyRing::parse(keys.iter().copied()).unwrap()
}

fn user() -> UserId {
    UserId::new("7")
}

async fn set_up(vault: Arc<dyn VaultStore>, entropy: Arc<dyn Entropy>) -> Result<DeviceId, DirectoryError> {
    let factors = SealedFactors::new(vault, &ring(&[&key()]), entropy);
    let phone =
        NewFactor { name: "phone".into(), secret: Secret::new("canary"), created: Timestamp::from_secs(1_800_000_000) };
    factors.set_up(&user(), phone).await
}

#[tokio::test]
async fn a_change_is_made_anew_where_others_are_faster_but_not_for_ever() {
    let vault = Broken::new(None, None);
    let error = set_up(vault.clone(), Arc::new(SystemEntropy)).await.unwrap_err();
    assert_eq!(error.kind, DirectoryErrorKind::Unavailable);
    assert_eq!(vault.puts.load(Ordering::SeqCst), ATTEMPTS);
}

#[tokio::test]
async fn a_stores_failure_is_told_as_what_it_is() {
    use {DirectoryErrorKind as Told, StoreErrorKind as Kind};
    for (kind, told) in
        [(Kind::Unavailable, Told::Unavailable), (Kind::Conflict, Told::Unavailable), (Kind::Corrupt, Told::Corrupt)]
    {
        for vault in [Broken::new(Some(kind), None), Broken::new(None, Some(kind))] {
            let error = set_up(vault.clone(), Arc::new(SystemEntropy)).await.unwrap_err();
            assert_eq!(error.kind, told, "{vault:?}");
            assert!(vault.puts.load(Ordering::SeqCst) <= 1, "{vault:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_written_without_random_bytes() {
    let vault = Broken::new(None, None);
    let error = set_up(vault.clone(), Arc::new(Dry)).await.unwrap_err();
    assert_eq!(error.kind, DirectoryErrorKind::Unavailable);
    assert!(error.source().unwrap().to_string().contains("random"), "{error:?}");
    assert_eq!(vault.puts.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sealing_anew_stops_where_the_store_does_and_not_at_one_damaged_record() {
    let factors = |kind| SealedFactors::new(Broken::new(Some(kind), None), &ring(&[&key()]), Arc::new(SystemEntropy));
    let stopped = factors(StoreErrorKind::Unavailable).reseal_all().await.unwrap_err();
    assert_eq!(stopped.kind, DirectoryErrorKind::Unavailable);
    let damaged = factors(StoreErrorKind::Corrupt).reseal_all().await.unwrap();
    assert_eq!((damaged.done, damaged.failed), (0, 1));
}

#[test]
fn a_record_of_another_format_is_not_misread() {
    let newer = br#"{"format":2,"anything":[]}"#;
    assert!(matches!(Record::read(newer), Err(Unreadable::Format(2))));
    let whole = r#"{"format":1,"last_id":0,"factors":[],"codes":[],"trusted":[]}"#;
    assert_eq!(std::str::from_utf8(&Record::default().text().unwrap()).unwrap(), whole);
    Record::read(whole.as_bytes()).unwrap();
    for (was, is) in [(r#""codes""#, r#""more":1,"codes""#), (r#""codes":[],"#, ""), ("1", r#""1""#), ("}", "")] {
        let damaged = whole.replacen(was, is, 1);
        assert!(matches!(Record::read(damaged.as_bytes()), Err(Unreadable::Damaged(_))), "{damaged}");
    }
}

#[test]
fn a_damaged_record_is_told_of_without_what_is_in_it() {
    let damaged = br#"{"format":1,"last_id":"canary","factors":[],"codes":[],"trusted":[]}"#;
    let error = Record::read(damaged).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    let mut record = Record::default();
    let phone = NewFactor { name: "phone".into(), secret: Secret::new("canary"), created: Timestamp::default() };
    record.set_up(&phone).unwrap();
    assert!(!format!("{record:?}").contains("canary"), "{record:?}");
}

#[test]
fn what_moves_here_is_as_used_as_it_was_and_leaves_alone_whoever_is_enrolled() {
    let codes = BackupCodes::new(&KeyRing::parse([&key()]).unwrap());
    let (at, mut record) = (Timestamp::from_secs(1_800_000_000), Record::default());
    let moved = |name: &str, last_used, given: &str| Moved {
        name: name.to_owned(),
        secret: Secret::new("ABC"),
        created: at,
        last_used,
        codes: vec![Secret::new(given)],
    };
    record.set_up(&NewFactor { name: "waits".to_owned(), secret: Secret::new("DEF"), created: at }).unwrap();
    assert!(!record.adopt(&[], &codes).unwrap());
    assert!(record.adopt(&[moved("phone", Some(at), "01234567"), moved("tablet", None, "12345678")], &codes).unwrap());
    let [phone, tablet] = &record.active()[..] else { panic!("{record:?}") };
    assert_eq!((phone.name.as_str(), tablet.name.as_str()), ("phone", "tablet"));
    assert!(record.pending().is_none());
    assert!(!record.accept_step(&phone.device, at) && record.accept_step(&tablet.device, at));
    let kept = record.codes();
    for (code, device) in [("01234567", &phone.device), ("12345678", &tablet.device)] {
        assert_eq!(codes.find(&kept, code).map(|found| &found.device), Some(device));
        assert!(kept.iter().all(|kept| kept.kept.expose() != code), "in the clear");
    }
    assert!(!record.adopt(&[moved("again", None, "23456789")], &codes).unwrap());
    assert_eq!(record.active().len(), 2);
    let many: Vec<Moved> = (0..11).map(|_| moved("phone", None, "01234567")).collect();
    assert!(Record::default().adopt(&many, &codes).is_err());
}
