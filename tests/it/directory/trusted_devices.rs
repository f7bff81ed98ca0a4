//! Trusted devices in databases that Django made.

use railgate::{
    directory::Factors as _,
    model::{ClientInfo, DeviceId, NewTrust, Secret, UserId},
};

use super::{
    gateways::{ANOTHER, Gateways, NOTHING, USER, add, at, codes, devices, enrol, new_factor},
    on_each,
};
use crate::support::django::Backend;

/// A device that is trusted for 1,000 seconds from `since` on.
fn new(seal: &str, since: i64) -> NewTrust {
    let client = ClientInfo {
        ip: Some("2001:db8::7".parse().unwrap()),
        user_agent: Some("Firefox".to_owned()),
        device_name: Some(seal.to_owned()),
    };
    NewTrust { seal: Secret::new(format!("railgate.{seal}")), client, created: at(since), expires: at(since + 1_000) }
}

/// The seals of mfa_a's trusted devices then, without what all begin with.
async fn seals(gateways: &Gateways, now: i64) -> Vec<String> {
    let trusted = gateways.one().trusted(&USER, at(now)).await.unwrap();
    trusted.iter().map(|device| device.seal.expose().strip_prefix("railgate.").unwrap().to_owned()).collect()
}

/// The fingerprints of all rows, in their order.
fn fingerprints(backend: &Backend) -> Vec<String> {
    let all = backend.python(
        "from rail_django.models import TrustedDevice\n\
         for device in TrustedDevice.objects.order_by('pk'): print(device.device_fingerprint)",
    );
    all.lines().map(str::to_owned).collect()
}

/// Rows that the backend made itself, of mfa_a, and a sealed one of mfa_b's.
fn add_theirs(backend: &Backend) -> Vec<DeviceId> {
    let ids = backend.python(
        "from rail_django.models import TrustedDevice\n\
         add = lambda user, fingerprint, expires: print(TrustedDevice.objects.create(user_id=user,\n\
         \x20   device_fingerprint=fingerprint, device_name='theirs', ip_address='192.0.2.1', user_agent='',\n\
         \x20   expires_at=expires).pk)\n\
         add(5, 'f00', '2030-01-01 00:00:00Z')\n\
         add(5, 'run out', '2000-01-01 00:00:00Z')\n\
         add(5, 'Railgate.x', '2000-01-01 00:00:00Z')\n\
         add(5, 'railgate-x', '2000-01-01 00:00:00Z')\n\
         add(6, 'railgate.of another', '2000-01-01 00:00:00Z')",
    );
    ids.lines().map(DeviceId::new).collect()
}

#[tokio::test]
async fn a_trusted_device_is_listed_until_it_runs_out_and_django_reads_it() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let id = gateways.one().trust(&USER, new("a", 0), 20).await.unwrap().unwrap();
        let [device] = &gateways.one().trusted(&USER, at(999)).await.unwrap()[..] else { panic!("one device") };
        assert_eq!((&device.id, device.seal.expose(), device.name.as_str()), (&id, "railgate.a", "a"));
        assert_eq!((device.created, device.expires), (at(0), at(1_000)));
        assert!(seals(&gateways, 1_000).await.is_empty(), "it has run out");
        assert!(gateways.one().trusted(&ANOTHER, at(0)).await.unwrap().is_empty());

        let mut unknown = new("b", 1);
        unknown.client = ClientInfo { device_name: Some(format!("\0{}", "é".repeat(150))), ..ClientInfo::default() };
        gateways.one().trust(&USER, unknown, 20).await.unwrap().unwrap();
        let rows = backend.python(
            "from rail_django.models import TrustedDevice\n\
             for d in TrustedDevice.objects.filter(user_id=5).order_by('pk'):\n\
             \x20   print(d.device_fingerprint, d.device_name, d.ip_address, repr(d.user_agent), d.is_active,\n\
             \x20       d.created_at.isoformat(), d.expires_at.isoformat())",
        );
        let name = "é".repeat(100);
        let expected = [
            "railgate.a a 2001:db8::7 'Firefox' True 2027-01-15T08:00:00+00:00 2027-01-15T08:16:40+00:00".to_owned(),
            format!("railgate.b {name} 0.0.0.0 '' True 2027-01-15T08:00:01+00:00 2027-01-15T08:16:41+00:00"),
        ];
        assert_eq!(rows.lines().collect::<Vec<_>>(), expected);
        for nobody in ["999", "x"] {
            assert!(gateways.one().trust(&UserId::new(nobody), new("c", 0), 20).await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn another_one_drops_the_oldest_and_those_that_have_run_out_and_none_of_the_backends() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        add_theirs(&backend);
        let theirs = fingerprints(&backend);
        let trust = async |seal, since, limit| gateways.one().trust(&USER, new(seal, since), limit).await.unwrap();
        for (seal, since) in [("c", 20), ("a", 0), ("b", 10), ("d", 30)] {
            assert!(trust(seal, since, 3).await.is_some());
        }
        assert_eq!(seals(&gateways, 30).await, ["d", "c", "b"], "the newest first");
        assert!(trust("e", 1_010, 3).await.is_some());
        let ours = ["railgate.c", "railgate.d", "railgate.e"].map(str::to_owned);
        assert_eq!(fingerprints(&backend), [&theirs[..], &ours].concat(), "b has run out");
        assert!(trust("f", 1_011, 0).await.is_none(), "there is no place for one");
        assert_eq!(seals(&gateways, 1_011).await, ["e", "d", "c"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_are_trusted_at_once_as_many_stay_as_may() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let trusted = gateways
            .at_once(20, |directory, number| async move {
                directory.trust(&USER, new(&number.to_string(), i64::try_from(number).unwrap()), 3).await.unwrap()
            })
            .await;
        assert!(trusted.iter().all(Option::is_some), "{trusted:?}");
        assert_eq!(fingerprints(&backend).len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_device_is_trusted_until_it_is_not_and_by_its_user_alone() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        let theirs = add_theirs(&backend);
        let ids = [
            directory.trust(&USER, new("a", 0), 20).await.unwrap().unwrap(),
            directory.trust(&USER, new("b", 1), 20).await.unwrap().unwrap(),
        ];
        for id in theirs.into_iter().chain(NOTHING.map(DeviceId::new)) {
            assert!(!directory.distrust(&USER, &id).await.unwrap(), "{id:?}");
        }
        assert!(!directory.distrust(&ANOTHER, &ids[0]).await.unwrap());
        assert_eq!(seals(&gateways, 1).await, ["b", "a"]);
        assert!(directory.distrust(&USER, &ids[0]).await.unwrap());
        assert!(!directory.distrust(&USER, &ids[0]).await.unwrap());
        assert_eq!(seals(&gateways, 1).await, ["b"]);
        backend.python("User.objects.get(pk=5).trusted_devices.update(is_active=False)");
        assert!(seals(&gateways, 1).await.is_empty(), "the backend trusts it no more");
        assert!(!directory.distrust(&USER, &ids[1]).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn whoever_removes_all_has_nothing_left_and_others_have_all() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        add_theirs(&backend);
        add(
            &backend,
            "add(5, 'sms', True, '00000001')\nadd(5, 'totp', False, '00000002', used='2026-01-01 00:00:00Z')",
        );
        let of_another = add(&backend, "add(6, 'totp', True, '00000003')").remove(0);
        enrol(directory, "A").await;
        directory.set_up(&USER, new_factor("waits", "B")).await.unwrap();
        directory.trust(&USER, new("a", 0), 20).await.unwrap();
        directory.remove_all(&USER).await.unwrap();
        assert_eq!(devices(&backend), format!("{of_another} 6 theirs totp is_active"));
        assert_eq!(codes(&backend), [format!("{of_another} 00000003")]);
        assert_eq!(fingerprints(&backend), ["railgate.of another"]);
        directory.remove_all(&USER).await.unwrap();
    })
    .await;
}
