//! Trusted devices.

use railgate::{
    auth::factors::SealedFactors,
    directory::Factors as _,
    model::{ClientInfo, DeviceId, NewTrust, Secret, UserId},
};

use super::{Embedded, Fixture, Pair, Redis, Shared, at, on_both, user};

/// A device that is trusted from `created` to `expires`, in seconds.
fn device(name: &str, created: i64, expires: i64) -> NewTrust {
    NewTrust {
        seal: Secret::new(format!("seal of {name}")),
        client: ClientInfo { device_name: Some(name.to_owned()), ..ClientInfo::default() },
        created: at(created),
        expires: at(expires),
    }
}

async fn trust(factors: &SealedFactors, new: NewTrust, limit: u32) -> DeviceId {
    factors.trust(&user(), new, limit).await.unwrap().unwrap()
}

async fn names(factors: &SealedFactors, now: i64) -> Vec<String> {
    factors.trusted(&user(), at(now)).await.unwrap().into_iter().map(|device| device.name).collect()
}

async fn a_device_is_trusted_until_it_runs_out(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let id = trust(&one, device("phone", 0, 100), 5).await;
    trust(&other, NewTrust { client: ClientInfo::default(), ..device("", 1, 50) }, 5).await;
    let [newest, oldest] = &one.trusted(&user(), at(49)).await.unwrap()[..] else { panic!("not two") };
    assert_eq!((&oldest.id, oldest.name.as_str(), oldest.seal.expose()), (&id, "phone", "seal of phone"));
    assert_eq!((oldest.created, oldest.expires), (at(0), at(100)));
    assert_eq!(newest.name, "");
    assert_eq!(names(&other, 50).await, ["phone"]);
    assert!(names(&other, 100).await.is_empty());
    assert!(one.trusted(&UserId::new("8"), at(0)).await.unwrap().is_empty());
}

async fn a_new_one_drops_what_has_run_out_and_the_oldest_beyond_the_limit(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    for (name, expires) in [("a", 10), ("b", 100), ("c", 100)] {
        trust(&one, device(name, 0, expires), 3).await;
    }
    trust(&other, device("d", 10, 100), 3).await;
    assert_eq!(names(&one, 0).await, ["d", "c", "b"], "what has run out goes first");
    trust(&one, device("e", 10, 100), 3).await;
    assert_eq!(names(&other, 0).await, ["e", "d", "c"]);
    trust(&one, device("f", 10, 100), 1).await;
    assert_eq!(names(&other, 0).await, ["f"]);
}

async fn twenty_are_kept_whatever_the_limit(fixture: impl Shared) {
    let Pair { one, .. } = Pair::on(&fixture);
    for number in 0..22 {
        trust(&one, device(&number.to_string(), 0, 100), u32::MAX).await;
    }
    let kept = names(&one, 0).await;
    assert_eq!((kept.len(), kept[0].as_str(), kept[19].as_str()), (20, "21", "2"));
    trust(&one, device(&"é".repeat(101), 0, 100), u32::MAX).await;
    assert_eq!(names(&one, 0).await[0], "é".repeat(100));
}

async fn a_device_is_trusted_no_more_once(fixture: impl Shared) {
    let Pair { one, other, .. } = Pair::on(&fixture);
    let id = trust(&one, device("phone", 0, 100), 5).await;
    trust(&one, device("laptop", 0, 100), 5).await;
    assert!(!other.distrust(&UserId::new("8"), &id).await.unwrap());
    assert!(!other.distrust(&user(), &DeviceId::new(format!("0{id}"))).await.unwrap());
    assert!(other.distrust(&user(), &id).await.unwrap());
    assert!(!one.distrust(&user(), &id).await.unwrap());
    assert_eq!(names(&one, 0).await, ["laptop"]);
    one.remove_all(&user()).await.unwrap();
    assert!(names(&other, 0).await.is_empty());
    let again = trust(&one, device("phone", 0, 100), 5).await;
    assert!(again.as_str().parse::<u64>().unwrap() > 2, "no id comes back: {again}");
}

on_both!(
    a_device_is_trusted_until_it_runs_out,
    a_new_one_drops_what_has_run_out_and_the_oldest_beyond_the_limit,
    twenty_are_kept_whatever_the_limit,
    a_device_is_trusted_no_more_once,
);
