//! Authenticators and backup codes.

use railgate::{
    directory::{DirectoryErrorKind, Factors as _},
    model::{Activate, Activation, DeviceId, FactorKind, HashedCode, KeptCode, NewFactor, Secret, UserId},
};

use super::{
    Embedded, Fixture, Pair, Redis, Shared, at, codes, enrolled, first_code, gateway, hashes, names, on_both, phone,
    user,
};

async fn nobody_has_anything_at_first(fixture: impl Shared) {
    let Pair { one, .. } = Pair::on(&fixture);
    let (user, device) = (user(), DeviceId::new("1"));
    assert!(one.can_enrol().await.unwrap());
    assert!(one.active(&user).await.unwrap().is_empty() && one.pending(&user).await.unwrap().is_none());
    assert!(one.codes(&user).await.unwrap().is_empty() && one.trusted(&user, at(0)).await.unwrap().is_empty());
    assert_eq!(one.activate(&user, first_code(&device, None)).await.unwrap(), Activation::NotPending);
    assert!(!one.accept_step(&user, &device, at(0)).await.unwrap() && !one.use_code(&user, &device).await.unwrap());
    assert!(!one.give_codes(&user, &device, hashes(&["a"]), at(0)).await.unwrap());
    assert!(!one.distrust(&user, &device).await.unwrap());
    one.hash_codes(&user, Vec::new()).await.unwrap();
    one.remove_all(&user).await.unwrap();
    assert!(fixture.vault().get(&user).await.unwrap().is_none(), "nothing of it was written");
}

async fn an_authenticator_counts_from_its_first_code_on(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    let device = one.set_up(&user, phone("phone")).await.unwrap();
    let waiting = other.pending(&user).await.unwrap().unwrap();
    assert_eq!((waiting.device, waiting.secret.expose(), waiting.created), (device.clone(), "SECRETphone", at(0)));
    assert!(names(&other).await.is_empty());
    assert!(!other.accept_step(&user, &device, at(30)).await.unwrap(), "it waits");
    assert_eq!(other.activate(&user, first_code(&device, Some(&["a"]))).await.unwrap(), Activation::Active);
    assert!(one.pending(&user).await.unwrap().is_none());
    let [active] = &one.active(&user).await.unwrap()[..] else { panic!("not one") };
    assert_eq!((&active.device, active.name.as_str()), (&device, "phone"));
    assert_eq!((active.created, active.last_used), (at(0), Some(at(30))));
    assert!(matches!(&active.kind, FactorKind::Totp(secret) if secret.expose() == "SECRETphone"));
    assert_eq!(one.activate(&user, first_code(&device, Some(&["b"]))).await.unwrap(), Activation::NotPending);
    assert_eq!(codes(&one).await, ["a"]);
}

async fn the_latest_of_those_that_wait_takes_the_place_of_the_others(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    let dropped = one.set_up(&user, phone("dropped")).await.unwrap();
    assert!(one.give_codes(&user, &dropped, hashes(&["a"]), at(0)).await.unwrap());
    let device = other.set_up(&user, phone("phone")).await.unwrap();
    assert_ne!(device, dropped);
    assert_eq!(one.pending(&user).await.unwrap().unwrap().device, device);
    assert_eq!(one.activate(&user, first_code(&dropped, None)).await.unwrap(), Activation::NotPending);
    assert!(!one.give_codes(&user, &dropped, hashes(&["a"]), at(0)).await.unwrap());
    assert_eq!(one.activate(&user, first_code(&device, None)).await.unwrap(), Activation::Active);
    assert!(codes(&one).await.is_empty());
    assert_eq!(names(&one).await, ["phone"]);
    one.set_up(&user, phone("another")).await.unwrap();
    assert_eq!(names(&one).await, ["phone"], "only what waits is dropped");
}

async fn a_first_factor_is_none_beside_another(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    let only_first = |device: &DeviceId| Activate { only_first: true, ..first_code(device, Some(&["new"])) };
    let first = one.set_up(&user, phone("first")).await.unwrap();
    assert_eq!(other.activate(&user, only_first(&first)).await.unwrap(), Activation::Active);
    let second = one.set_up(&user, phone("second")).await.unwrap();
    assert_eq!(other.activate(&user, only_first(&second)).await.unwrap(), Activation::Exists);
    assert_eq!(other.activate(&user, only_first(&first)).await.unwrap(), Activation::Exists);
    assert_eq!(one.pending(&user).await.unwrap().unwrap().device, second, "nothing happened");
    assert_eq!(one.activate(&user, first_code(&second, Some(&["b"]))).await.unwrap(), Activation::Active);
    assert_eq!(names(&other).await, ["first", "second"], "as they were set up");
}

async fn an_activated_authenticators_codes_are_the_only_ones(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    enrolled(&one, &user, "first", &["a", "b"]).await;
    let second = one.set_up(&user, phone("second")).await.unwrap();
    assert!(one.give_codes(&user, &second, hashes(&["c", "d"]), at(0)).await.unwrap());
    assert_eq!(codes(&other).await, ["a", "b"], "those of one that waits do not count");
    one.activate(&user, first_code(&second, None)).await.unwrap();
    assert_eq!(codes(&other).await, ["c", "d"], "it keeps what it was given");
    let third = one.set_up(&user, phone("third")).await.unwrap();
    assert!(one.give_codes(&user, &third, hashes(&["e"]), at(0)).await.unwrap());
    one.activate(&user, first_code(&third, Some(&["f"]))).await.unwrap();
    assert_eq!(codes(&other).await, ["f"], "what it gets now takes the place of what it had");
    assert!(other.codes(&user).await.unwrap().iter().all(|code| code.device == third));
}

async fn a_step_is_accepted_once_and_none_before_it(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let (user, stranger) = (user(), UserId::new("8"));
    let device = enrolled(&one, &user, "phone", &[]).await;
    enrolled(&one, &stranger, "theirs", &[]).await;
    assert!(!other.accept_step(&user, &device, at(30)).await.unwrap(), "the first code's");
    assert!(!other.accept_step(&user, &device, at(0)).await.unwrap());
    assert!(other.accept_step(&user, &device, at(60)).await.unwrap());
    assert!(!one.accept_step(&user, &device, at(60)).await.unwrap());
    assert!(!one.accept_step(&user, &device, at(30)).await.unwrap());
    assert_eq!(one.active(&user).await.unwrap()[0].last_used, Some(at(60)));
    for other_spelling in ["", "x", "01", "+1", " 1", "1 "] {
        assert!(!one.accept_step(&user, &DeviceId::new(other_spelling), at(90)).await.unwrap(), "{other_spelling:?}");
    }
    assert!(one.accept_step(&user, &device, at(90)).await.unwrap());
    assert_eq!(one.active(&stranger).await.unwrap()[0].last_used, Some(at(30)), "theirs has the same id");
}

async fn a_backup_code_is_used_once(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    let device = enrolled(&one, &user, "phone", &["a", "b", "c"]).await;
    let kept = one.codes(&user).await.unwrap();
    assert!(kept.iter().all(|code| code.device == device));
    assert!(other.use_code(&user, &kept[1].id).await.unwrap());
    assert!(!one.use_code(&user, &kept[1].id).await.unwrap());
    assert!(!one.use_code(&UserId::new("8"), &kept[0].id).await.unwrap());
    assert_eq!(codes(&one).await, ["a", "c"]);
    assert!(!one.use_code(&user, &device).await.unwrap(), "an authenticator is no code");

    let waits = one.set_up(&user, phone("waits")).await.unwrap();
    one.give_codes(&user, &waits, hashes(&["d"]), at(0)).await.unwrap();
    let of_waiting = waits.as_str().parse::<u64>().unwrap() + 1;
    assert!(!one.use_code(&user, &DeviceId::new(of_waiting.to_string())).await.unwrap(), "it waits");
    one.activate(&user, first_code(&waits, None)).await.unwrap();
    assert_eq!(one.codes(&user).await.unwrap()[0].id.as_str(), of_waiting.to_string());
    assert!(one.use_code(&user, &DeviceId::new(of_waiting.to_string())).await.unwrap());
}

async fn new_codes_take_the_place_of_all_that_an_active_authenticator_has(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    let first = enrolled(&one, &user, "first", &["a"]).await;
    enrolled(&one, &user, "second", &["b"]).await;
    let old = one.codes(&user).await.unwrap();
    assert!(other.give_codes(&user, &first, hashes(&["c", "d"]), at(0)).await.unwrap());
    assert_eq!(codes(&one).await, ["c", "d"]);
    for code in &old {
        assert!(!one.use_code(&user, &code.id).await.unwrap(), "no new code has an old one's id");
    }
    assert!(!one.give_codes(&UserId::new("8"), &first, hashes(&["x"]), at(0)).await.unwrap());
    assert!(!one.give_codes(&user, &DeviceId::new("99"), hashes(&["x"]), at(0)).await.unwrap());
    assert_eq!(codes(&one).await, ["c", "d"]);
    let waits = one.set_up(&user, phone("waits")).await.unwrap();
    for given in [["e"], ["f"]] {
        assert!(one.give_codes(&user, &waits, hashes(&given), at(0)).await.unwrap());
    }
    assert_eq!(codes(&one).await, ["c", "d"], "until it is active");
    one.activate(&user, first_code(&waits, None)).await.unwrap();
    assert_eq!(codes(&one).await, ["f"]);
}

async fn a_hash_takes_the_place_of_the_code_that_it_is_of(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let user = user();
    enrolled(&one, &user, "phone", &["11111111", "22222222", "33333333"]).await;
    let [first, second, third] = &one.codes(&user).await.unwrap()[..] else { panic!("not three") };
    one.use_code(&user, &first.id).await.unwrap();
    let changed = KeptCode { kept: Secret::new("00000000"), ..third.clone() };
    let hashed = [first.clone(), second.clone(), changed].map(|code| (code, HashedCode::new("hash")));
    other.hash_codes(&user, hashed.to_vec()).await.unwrap();
    assert_eq!(codes(&one).await, ["hash", "33333333"]);
    assert_eq!(one.codes(&user).await.unwrap()[0].id, second.id);
}

async fn removing_all_leaves_nothing_and_no_id_comes_back(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let (user, stranger) = (user(), UserId::new("8"));
    let old = enrolled(&one, &user, "old", &["a"]).await;
    let code = one.codes(&user).await.unwrap().remove(0).id;
    one.set_up(&user, phone("waits")).await.unwrap();
    enrolled(&one, &stranger, "theirs", &["b"]).await;
    other.remove_all(&user).await.unwrap();
    assert!(names(&one).await.is_empty() && one.pending(&user).await.unwrap().is_none());
    assert!(!one.accept_step(&user, &old, at(90)).await.unwrap() && !one.use_code(&user, &code).await.unwrap());
    let new = enrolled(&one, &user, "new", &["c"]).await;
    assert!(![&old, &code].contains(&&new));
    assert!(!one.accept_step(&user, &old, at(90)).await.unwrap() && !one.use_code(&user, &code).await.unwrap());
    assert_eq!(codes(&one).await, ["c"]);
    assert_eq!(one.active(&stranger).await.unwrap().len(), 1);
}

async fn a_user_has_room_for_ten_factors(fixture: impl Shared) {
    let Pair { one, .. } = Pair::on(&fixture);
    let user = user();
    for number in 0..10 {
        one.set_up(&user, phone("dropped")).await.unwrap();
        enrolled(&one, &user, &number.to_string(), &[]).await;
    }
    let full = one.set_up(&user, phone("eleventh")).await.unwrap_err();
    assert_eq!(full.kind, DirectoryErrorKind::Misconfigured);
    assert_eq!(names(&one).await.len(), 10);
    assert!(one.pending(&user).await.unwrap().is_none());
    let long = NewFactor { name: "é".repeat(101), ..phone("") };
    one.remove_all(&user).await.unwrap();
    let device = one.set_up(&user, long).await.unwrap();
    one.activate(&user, first_code(&device, None)).await.unwrap();
    assert_eq!(names(&one).await, ["é".repeat(100)]);
}

async fn all_of_it_survives_reopening(fixture: impl Shared) {
    let Pair { key, one, .. } = Pair::on(&fixture);
    let device = enrolled(&one, &user(), "phone", &["a", "b"]).await;
    drop(one);
    let fixture = fixture.reopen().await;
    let one = gateway(fixture.vault(), &[&key]);
    assert_eq!(
        (names(&one).await, codes(&one).await),
        (vec!["phone".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
    assert!(!one.accept_step(&user(), &device, at(30)).await.unwrap());
}

on_both!(
    nobody_has_anything_at_first,
    an_authenticator_counts_from_its_first_code_on,
    the_latest_of_those_that_wait_takes_the_place_of_the_others,
    a_first_factor_is_none_beside_another,
    an_activated_authenticators_codes_are_the_only_ones,
    a_step_is_accepted_once_and_none_before_it,
    a_backup_code_is_used_once,
    new_codes_take_the_place_of_all_that_an_active_authenticator_has,
    a_hash_takes_the_place_of_the_code_that_it_is_of,
    removing_all_leaves_nothing_and_no_id_comes_back,
    a_user_has_room_for_ten_factors,
    all_of_it_survives_reopening,
);
