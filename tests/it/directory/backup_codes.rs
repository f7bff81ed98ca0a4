//! Backup codes in databases that Django made: given out, hashed, and used up.

use railgate::{
    directory::Factors as _,
    model::{DeviceId, HashedCode, KeptCode, Secret},
};

use super::{
    gateways::{ANOTHER, Gateways, NOTHING, USER, add, at, codes, enrol, kept, new_factor, ten, texts},
    on_each,
};

#[tokio::test]
async fn only_unused_codes_of_active_authenticators_can_be_used_and_each_once() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        let ids = add(
            &backend,
            "add(5, 'totp', True, '00000001', '00000002')\n\
             add(5, 'totp', False, '00000003')\n\
             add(5, 'totp', False, '00000004', used='2026-01-01 00:00:00Z')\n\
             add(5, 'sms', True, '00000005')\n\
             add(6, 'totp', True, '00000006')",
        );
        let of_all = backend.python(
            "from rail_django.models import MFABackupCode\n\
             print(*(code.pk for code in MFABackupCode.objects.order_by('code')))",
        );
        let of_all: Vec<_> = of_all.split(' ').map(DeviceId::new).collect();
        let found = directory.codes(&USER).await.unwrap();
        let found: Vec<_> = found.iter().map(|code| (&code.id, &code.device, code.kept.expose())).collect();
        assert_eq!(found, [(&of_all[0], &ids[0], "00000001"), (&of_all[1], &ids[0], "00000002")]);

        // A column may be compared without the blanks at its end.
        let alike = DeviceId::new(format!("{} ", of_all[0]));
        for id in of_all[2..].iter().cloned().chain(NOTHING.map(DeviceId::new)).chain([alike]) {
            assert!(!directory.use_code(&USER, &id).await.unwrap(), "{id:?}");
        }
        assert!(!directory.use_code(&ANOTHER, &of_all[0]).await.unwrap(), "it is another's");
        assert!(directory.use_code(&USER, &of_all[0]).await.unwrap());
        assert!(!directory.use_code(&USER, &of_all[0]).await.unwrap());
        assert_eq!(kept(directory).await, ["00000002"]);
        let used: Vec<_> = codes(&backend).into_iter().filter(|code| code.ends_with("used")).collect();
        assert_eq!(used, [format!("{} 00000001 used", ids[0])]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_use_a_code_at_once_one_does() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        add(&backend, "add(5, 'totp', True, '00000001', '00000002')");
        let code = gateways.one().codes(&USER).await.unwrap().remove(0).id;
        let used = gateways
            .at_once(50, |directory, _| {
                let code = code.clone();
                async move { directory.use_code(&USER, &code).await.unwrap() }
            })
            .await;
        assert_eq!(used.into_iter().filter(|used| *used).count(), 1);
        assert_eq!(kept(gateways.one()).await, ["00000002"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_note_a_step_at_once_one_does() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let device = enrol(gateways.one(), "A").await;
        let accepted = gateways
            .at_once(50, |directory, _| {
                let device = device.clone();
                async move { directory.accept_step(&USER, &device, at(60)).await.unwrap() }
            })
            .await;
        assert_eq!(accepted.into_iter().filter(|accepted| *accepted).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_hash_takes_the_place_of_a_code_in_the_clear_that_is_still_the_same() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        add(
            &backend,
            "add(5, 'totp', True, '00000001', '00000002', 'abcdefgh')\n\
             add(6, 'totp', True, '00000004')",
        );
        let mut found = directory.codes(&USER).await.unwrap();
        found.extend(directory.codes(&ANOTHER).await.unwrap());
        let hash = |code: &KeptCode| HashedCode::new(format!("hash of {}", code.kept.expose()));
        let [_, used, other, theirs] = &mut found[..] else { panic!("{found:?}") };
        directory.use_code(&USER, &used.id).await.unwrap();
        // What a column compares as the same need not be.
        other.kept = Secret::new("ABCDEFGH");
        assert_eq!(theirs.kept.expose(), "00000004");
        let hashed = found.iter().map(|code| (code.clone(), hash(code))).collect();
        directory.hash_codes(&USER, hashed).await.unwrap();
        let texts: Vec<_> = codes(&backend).iter().map(|code| code.split_once(' ').unwrap().1.to_owned()).collect();
        assert_eq!(texts, ["hash of 00000001", "00000002 used", "abcdefgh", "00000004"]);
    })
    .await;
}

#[tokio::test]
async fn codes_are_given_in_the_place_of_all_others_and_to_nothing_that_is_no_authenticator() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        let mut ids = add(
            &backend,
            "add(5, 'totp', True, '00000001')\n\
             add(5, 'totp', True, '00000002')\n\
             add(6, 'totp', True, '00000003')\n\
             add(5, 'sms', True, '00000004')\n\
             add(5, 'totp', False, '00000005', used='2026-01-01 00:00:00Z')",
        );
        let before = codes(&backend);
        let of_another = ids.remove(2);
        for id in ids.drain(2..).chain(NOTHING.map(DeviceId::new)).chain([of_another.clone()]) {
            assert!(!directory.give_codes(&USER, &id, ten("x"), at(0)).await.unwrap(), "{id:?}");
        }
        assert_eq!(codes(&backend), before);

        let pending = directory.set_up(&USER, new_factor("phone", "A")).await.unwrap();
        for mark in ["early", "waiting"] {
            assert!(directory.give_codes(&USER, &pending, ten(mark), at(0)).await.unwrap());
        }
        let waiting: Vec<_> = texts(&ten("waiting")).iter().map(|code| format!("{pending} {code}")).collect();
        assert_eq!(codes(&backend), [before, waiting].concat(), "the others' stay until it is confirmed");

        assert!(directory.give_codes(&USER, &ids[0], ten("new"), at(0)).await.unwrap());
        let new = texts(&ten("new")).into_iter().map(|code| format!("{} {code}", ids[0]));
        let all: Vec<_> = [format!("{of_another} 00000003")].into_iter().chain(new).collect();
        assert_eq!(codes(&backend), all);
        let given = "from rail_django.models import MFABackupCode as C; print(C.objects.latest('pk').created_at)";
        assert_eq!(backend.python(given), "2027-01-15 08:00:00+00:00");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_draw_codes_at_once_one_leaves_its_own() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let (device, other) = (enrol(gateways.one(), "A").await, enrol(gateways.one(), "B").await);
        let given = gateways
            .at_once(20, |directory, number| {
                let device = if number % 3 == 0 { device.clone() } else { other.clone() };
                async move { directory.give_codes(&USER, &device, ten(&number.to_string()), at(0)).await.unwrap() }
            })
            .await;
        assert!(given.into_iter().all(|given| given));
        let kept = kept(gateways.one()).await;
        assert_eq!((kept.len(), kept.iter().all(|code| code[..19] == kept[0][..19])), (10, true), "{kept:?}");
    })
    .await;
}
