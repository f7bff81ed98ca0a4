//! Keys that come and go, and records that somebody has changed.

use std::{error::Error as _, sync::Arc};

use railgate::{
    auth::factors::SealedFactors,
    directory::{DirectoryError, DirectoryErrorKind, Factors as _},
    model::{Secret, UserId},
    store::VaultStore,
};

use super::{Embedded, Fixture, Pair, Redis, Shared, at, codes, enrolled, gateway, names, new_key, on_both, user};

/// What stands in the store.
async fn stands(vault: &Arc<dyn VaultStore>, user: &UserId) -> Vec<u8> {
    vault.get(user).await.unwrap().unwrap().sealed
}

/// Puts it there, whatever there is.
async fn plant(vault: &Arc<dyn VaultStore>, user: &UserId, sealed: Vec<u8>) {
    let version = vault.get(user).await.unwrap().map_or(0, |there| there.version);
    assert!(vault.put(user, version, sealed).await.unwrap());
}

/// Each way to a user's factors fails as the first does. What it says.
async fn fails(factors: &SealedFactors, user: &UserId) -> (DirectoryErrorKind, String) {
    let told = |error: DirectoryError| (error.kind, error.source().unwrap().to_string());
    let first = told(factors.active(user).await.unwrap_err());
    assert_eq!(told(factors.codes(user).await.unwrap_err()), first);
    assert_eq!(told(factors.pending(user).await.unwrap_err()), first);
    assert_eq!(told(factors.trusted(user, at(0)).await.unwrap_err()), first);
    assert_eq!(told(factors.set_up(user, super::phone("x")).await.unwrap_err()), first);
    assert_eq!(told(factors.remove_all(user).await.unwrap_err()), first);
    first
}

async fn the_store_sees_no_secret(fixture: impl Shared) {
    let Pair { one, .. } = Pair::on(&fixture);
    enrolled(&one, &user(), "phone", &["a-backup-code"]).await;
    let first = stands(&fixture.vault(), &user()).await;
    for canary in ["SECRETphone", "a-backup-code", "factors"] {
        assert!(!first.windows(canary.len()).any(|part| part == canary.as_bytes()), "{canary}");
    }
    let code = one.codes(&user()).await.unwrap().remove(0).id;
    one.use_code(&user(), &code).await.unwrap();
    let second = stands(&fixture.vault(), &user()).await;
    assert_eq!(first[..5], second[..5], "format and key");
    assert_ne!(first[5..17], second[5..17], "a nonce is used once");
}

async fn a_record_is_sealed_anew_by_a_read_or_a_write_and_the_old_key_may_go(fixture: impl Shared) {
    let Pair { key: old, one: before, .. } = Pair::on(&fixture);
    let (vault, new) = (fixture.vault(), new_key());
    let turning = gateway(fixture.of_the_other(), &[&new, &old]);
    let after = gateway(fixture.vault(), &[&new]);
    let way = |way: &'static str| UserId::new(way);
    for user in ["read", "written", "refused"] {
        let device = enrolled(&before, &way(user), "phone", &["a"]).await;
        assert_eq!(fails(&after, &way(user)).await.0, DirectoryErrorKind::Misconfigured);
        let sealed = stands(&vault, &way(user)).await;
        match user {
            "read" => drop(turning.codes(&way(user)).await.unwrap()),
            "written" => assert!(turning.accept_step(&way(user), &device, at(60)).await.unwrap()),
            _ => assert!(!turning.accept_step(&way(user), &device, at(30)).await.unwrap()),
        }
        assert_ne!(stands(&vault, &way(user)).await[1..5], sealed[1..5], "{user}");
        assert_eq!(after.active(&way(user)).await.unwrap()[0].device, device, "{user}");
        assert_eq!(after.codes(&way(user)).await.unwrap().len(), 1, "{user}");
    }
    let once = vault.get(&way("read")).await.unwrap();
    turning.codes(&way("read")).await.unwrap();
    assert_eq!(vault.get(&way("read")).await.unwrap(), once, "and is left alone from then on");
}

async fn gateways_whose_keys_are_in_another_order_read_each_others_records(fixture: impl Shared) {
    let Pair { key: old, .. } = Pair::on(&fixture);
    let new = new_key();
    let (not_yet, turned) = (gateway(fixture.vault(), &[&old, &new]), gateway(fixture.of_the_other(), &[&new, &old]));
    let device = enrolled(&turned, &user(), "phone", &["a", "b"]).await;
    for step in [60, 90, 120] {
        let by = if step == 90 { &turned } else { &not_yet };
        assert!(by.accept_step(&user(), &device, at(step)).await.unwrap());
        assert_eq!((codes(&turned).await.len(), codes(&not_yet).await.len()), (2, 2));
    }
}

async fn all_records_are_sealed_anew_at_once(fixture: impl Shared) {
    let Pair { key: old, one: before, .. } = Pair::on(&fixture);
    let (new, lost) = (new_key(), new_key());
    let turning = gateway(fixture.of_the_other(), &[&new, &old]);
    for number in 0..230 {
        before.set_up(&UserId::new(number.to_string()), super::phone("phone")).await.unwrap();
    }
    enrolled(&turning, &UserId::new("new"), "phone", &[]).await;
    let all = turning.reseal_all().await.unwrap();
    assert_eq!((all.done, all.failed), (230, 0));
    let again = turning.reseal_all().await.unwrap();
    assert_eq!((again.done, again.failed), (0, 0));
    let after = gateway(fixture.vault(), &[&new]);
    for number in 0..230 {
        assert!(after.pending(&UserId::new(number.to_string())).await.unwrap().is_some(), "{number}");
    }
    enrolled(&gateway(fixture.vault(), &[&lost]), &UserId::new("lost"), "phone", &[]).await;
    enrolled(&before, &UserId::new("z"), "phone", &[]).await;
    plant(&fixture.vault(), &UserId::new("damaged"), b"\x01garbage".to_vec()).await;
    let some = turning.reseal_all().await.unwrap();
    assert_eq!((some.done, some.failed), (1, 2), "what can't be opened keeps nobody else from it");
}

async fn a_record_under_a_key_that_was_dropped_too_early_waits_for_it(fixture: impl Shared) {
    let Pair { key: old, one: before, .. } = Pair::on(&fixture);
    enrolled(&before, &user(), "phone", &["a"]).await;
    let sealed = stands(&fixture.vault(), &user()).await;
    let name: String = sealed[1..5].iter().map(|byte| format!("{byte:02x}")).collect();
    let new = new_key();
    let (kind, said) = fails(&gateway(fixture.vault(), &[&new]), &user()).await;
    assert_eq!(kind, DirectoryErrorKind::Misconfigured);
    assert!(said.contains("under a key that is not in force") && said.contains(&name), "{said}");
    assert_eq!(stands(&fixture.vault(), &user()).await, sealed, "it is left alone");
    let restored: [&Secret; 2] = [&new, &old];
    assert_eq!(names(&gateway(fixture.vault(), &restored)).await, ["phone"]);
}

async fn a_record_that_was_changed_is_none(fixture: impl Shared) {
    let Pair { one, .. } = Pair::on(&fixture);
    enrolled(&one, &user(), "phone", &["a"]).await;
    let (vault, whole) = (fixture.vault(), stands(&fixture.vault(), &user()).await);
    let last = whole.len() - 1;
    let flipped = [0, 5, 16, 17, 40, last].map(|index| {
        let mut sealed = whole.clone();
        sealed[index] ^= 1;
        sealed
    });
    let cut = [0, 1, 4, 5, 16, 17, 20, last].map(|length| whole[..length].to_vec());
    for sealed in flipped.into_iter().chain(cut).chain([[&whole[..], b"\0"].concat()]) {
        plant(&vault, &user(), sealed.clone()).await;
        assert_eq!(fails(&one, &user()).await.0, DirectoryErrorKind::Corrupt, "{sealed:?}");
        assert_eq!(stands(&vault, &user()).await, sealed, "it is left alone");
    }
    plant(&vault, &user(), whole).await;
    assert_eq!(names(&one).await, ["phone"]);
}

async fn a_record_of_another_user_is_none(fixture: impl Shared) {
    let Pair { one, .. } = Pair::on(&fixture);
    let attacker = UserId::new("8");
    enrolled(&one, &attacker, "theirs", &["a"]).await;
    let theirs = stands(&fixture.vault(), &attacker).await;
    plant(&fixture.vault(), &user(), theirs).await;
    assert_eq!(fails(&one, &user()).await.0, DirectoryErrorKind::Corrupt);
}

on_both!(
    the_store_sees_no_secret,
    a_record_is_sealed_anew_by_a_read_or_a_write_and_the_old_key_may_go,
    gateways_whose_keys_are_in_another_order_read_each_others_records,
    all_records_are_sealed_anew_at_once,
    a_record_under_a_key_that_was_dropped_too_early_waits_for_it,
    a_record_that_was_changed_is_none,
    a_record_of_another_user_is_none,
);
