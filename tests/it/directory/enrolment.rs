//! Authenticators that are set up and confirmed here, in databases that Django made.

use std::sync::Arc;

use railgate::{
    directory::Factors as _,
    model::{Activate, Activation, DeviceId, FactorKind, NewFactor, Timestamp, UserId},
};

use super::{
    gateways::{ANOTHER, Gateways, NOTHING, USER, add, at, codes, devices, enrol, kept, new_factor, shown, ten, texts},
    on_each,
};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The columns that only Django shows.
const ROW: &str = "from rail_django.models import MFADevice\n\
    d = MFADevice.objects.get(user_id=5)\n\
    print(d.pk, d.device_name, d.device_type, d.secret_key, repr(d.phone_number), d.is_active, d.is_primary,\
    d.created_at.isoformat(), d.last_used and d.last_used.isoformat())";

#[tokio::test]
async fn an_authenticator_waits_for_its_first_code_and_is_the_backends_own_then() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        assert!(directory.can_enrol().await.unwrap());
        let mut new = new_factor("Élodie's phone", SECRET);
        new.created = Timestamp::from_micros(1_800_000_000_000_120);
        let device = directory.set_up(&USER, new.clone()).await.unwrap();
        let pending = gateways.0[1].pending(&USER).await.unwrap().unwrap();
        assert_eq!((&pending.device, pending.secret.expose(), pending.created), (&device, SECRET, new.created));
        assert!(directory.active(&USER).await.unwrap().is_empty());
        assert!(!directory.accept_step(&USER, &device, at(30)).await.unwrap(), "it doesn't count yet");
        let row = format!("{device} Élodie's phone totp {SECRET} ''");
        assert_eq!(backend.python(ROW), format!("{row} False False 2027-01-15T08:00:00.000120+00:00 None"));

        assert_eq!(directory.activate(&USER, shown(&device)).await.unwrap(), Activation::Active);
        assert!(directory.pending(&USER).await.unwrap().is_none());
        let [factor] = &directory.active(&USER).await.unwrap()[..] else { panic!("one factor") };
        assert!(matches!(&factor.kind, FactorKind::Totp(secret) if secret.expose() == SECRET));
        assert_eq!((&factor.device, factor.created, factor.last_used), (&device, new.created, Some(at(30))));
        assert_eq!(factor.name, "Élodie's phone");
        assert!(!directory.accept_step(&USER, &device, at(30)).await.unwrap(), "the first code is used up by it");
        assert!(directory.accept_step(&USER, &device, at(60)).await.unwrap());
        let times = "2027-01-15T08:00:00.000120+00:00 2027-01-15T08:01:00+00:00";
        assert_eq!(backend.python(ROW), format!("{row} True True {times}"));
        let accepted = backend.python(
            "import pyotp\n\
             from rail_django import factors\n\
             john, user = User.objects.get(pk=1), User.objects.get(pk=5)\n\
             code = pyotp.TOTP(user.mfa_devices.get().secret_key).now()\n\
             print(factors.has_factor(user), factors.accepts(user, code), factors.accepts(john, code))",
        );
        assert_eq!(accepted, "True True False");
    })
    .await;
}

#[tokio::test]
async fn a_setup_takes_the_place_of_one_that_waits_and_of_nothing_else() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let ids = add(
            &backend,
            "add(5, 'totp', False, 'goes')\n\
             add(5, 'totp', False, 'switched off', used='2026-01-01 00:00:00Z')\n\
             add(5, 'sms', False, 'of sms')\n\
             add(5, 'totp', True, 'active')\n\
             add(6, 'totp', False, 'of another')",
        );
        let device = gateways.one().set_up(&USER, new_factor("phone", SECRET)).await.unwrap();
        let again = gateways.one().set_up(&USER, new_factor(&"é".repeat(150), "AGAIN")).await.unwrap();
        assert_ne!(device, again);
        let [_, off, sms, active, another] = &ids[..] else { panic!("{ids:?}") };
        let name = "é".repeat(100);
        assert_eq!(
            devices(&backend),
            format!(
                "{off} 5 theirs totp\n{sms} 5 theirs sms\n{active} 5 theirs totp is_active\n{another} 6 theirs totp\n\
                 {again} 5 {name} totp"
            )
        );
        let left = [(off, "switched off"), (sms, "of sms"), (active, "active"), (another, "of another")];
        assert_eq!(codes(&backend), left.map(|(device, code)| format!("{device} {code}")));
        assert_eq!(gateways.one().pending(&USER).await.unwrap().unwrap().device, again);
        assert_eq!(gateways.one().pending(&ANOTHER).await.unwrap().unwrap().device, *another);
    })
    .await;
}

#[tokio::test]
async fn a_name_may_hold_what_a_column_may_not() {
    on_each(async |backend| {
        let directory = Gateways::on(&backend);
        directory.one().set_up(&USER, new_factor("my\0phone", SECRET)).await.unwrap();
        assert_eq!(backend.python("print(User.objects.get(pk=5).mfa_devices.get().device_name)"), "myphone");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_set_up_for_a_user_who_is_gone() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        for nobody in ["999", "x"] {
            let nobody = UserId::new(nobody);
            assert!(gateways.one().set_up(&nobody, new_factor("phone", SECRET)).await.is_err());
            let activated = gateways.one().activate(&nobody, shown(&DeviceId::new("1"))).await.unwrap();
            assert_eq!(activated, Activation::NotPending);
            assert!(!gateways.one().give_codes(&nobody, &DeviceId::new("1"), ten("a"), at(0)).await.unwrap());
            gateways.one().remove_all(&nobody).await.unwrap();
        }
        assert_eq!(devices(&backend), "");
    })
    .await;
}

#[tokio::test]
async fn only_an_authenticator_that_waits_is_activated_and_only_by_its_user() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let mut ids = add(
            &backend,
            "add(5, 'totp', False, used='2026-01-01 00:00:00Z')\n\
             add(5, 'sms', False)\n\
             add(5, 'totp', True)\n\
             add(6, 'totp', False)",
        );
        let before = devices(&backend);
        ids.extend(NOTHING.map(DeviceId::new));
        for id in &ids {
            assert_eq!(gateways.one().activate(&USER, shown(id)).await.unwrap(), Activation::NotPending, "{id:?}");
        }
        assert_eq!(devices(&backend), before);
    })
    .await;
}

#[tokio::test]
async fn the_first_one_is_primary_and_a_first_one_that_is_not_first_is_refused() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        // One that was switched off is primary no more, whatever its row says.
        let ids = add(
            &backend,
            "add(5, 'sms', True)\n\
             add(5, 'totp', False, used='2026-01-01 00:00:00Z', primary=True)\n\
             add(6, 'totp', True, primary=True)",
        );
        let first = directory.set_up(&USER, new_factor("a", "A")).await.unwrap();
        let to_be_first = Activate { only_first: true, ..shown(&first) };
        assert_eq!(directory.activate(&USER, to_be_first).await.unwrap(), Activation::Exists, "there is a telephone");
        assert_eq!(directory.pending(&USER).await.unwrap().unwrap().device, first);
        assert_eq!(directory.activate(&USER, shown(&first)).await.unwrap(), Activation::Active);
        let second = enrol(directory, "B").await;
        let [sms, off, another] = &ids[..] else { panic!("{ids:?}") };
        assert_eq!(
            devices(&backend),
            format!(
                "{sms} 5 theirs sms is_active\n{off} 5 theirs totp is_primary\n{another} 6 theirs totp is_active is_primary\n\
                 {first} 5 a totp is_active is_primary\n{second} 5 phone totp is_active"
            )
        );
    })
    .await;
}

#[tokio::test]
async fn factors_come_in_the_order_in_which_they_were_set_up() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        let mut devices = Vec::new();
        // The clocks of two gateways may differ.
        for created in [20, 10, 10, 30] {
            let new = NewFactor { created: at(created), ..new_factor("phone", "A") };
            let device = directory.set_up(&USER, new).await.unwrap();
            directory.activate(&USER, shown(&device)).await.unwrap();
            devices.push(device);
        }
        devices.swap(0, 1);
        devices.swap(1, 2);
        let active: Vec<_> = directory.active(&USER).await.unwrap().into_iter().map(|factor| factor.device).collect();
        assert_eq!(active, devices);
    })
    .await;
}

#[tokio::test]
async fn the_codes_of_the_authenticator_that_was_confirmed_last_are_the_only_ones() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let directory = gateways.one();
        add(&backend, "add(5, 'totp', True, '01234567')\nadd(5, 'sms', True, '76543210')");
        let theirs = add(&backend, "add(6, 'totp', True, '11111111')").remove(0);

        let device = directory.set_up(&USER, new_factor("a", "A")).await.unwrap();
        assert!(directory.give_codes(&USER, &device, ten("first"), at(0)).await.unwrap());
        assert_eq!(kept(directory).await, ["01234567"], "those of the one that waits don't count yet");
        directory.activate(&USER, shown(&device)).await.unwrap();
        assert_eq!(kept(directory).await, texts(&ten("first")));

        let second = directory.set_up(&USER, new_factor("b", "B")).await.unwrap();
        assert!(directory.give_codes(&USER, &second, ten("early"), at(0)).await.unwrap());
        directory.activate(&USER, Activate { codes: Some(ten("second")), ..shown(&second) }).await.unwrap();
        let expected = texts(&ten("second")).into_iter().map(|code| format!("{second} {code}"));
        let all: Vec<_> = [format!("{theirs} 11111111")].into_iter().chain(expected).collect();
        assert_eq!(codes(&backend), all);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_confirm_one_authenticator_at_once_one_does() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let device = gateways.one().set_up(&USER, new_factor("phone", SECRET)).await.unwrap();
        let activated = gateways
            .at_once(20, |directory, number| {
                let activate = Activate { codes: Some(ten(&number.to_string())), ..shown(&device) };
                async move { directory.activate(&USER, activate).await.unwrap() }
            })
            .await;
        let won = activated.iter().filter(|activation| **activation == Activation::Active).count();
        assert_eq!(won, 1, "{activated:?}");
        assert!(!activated.contains(&Activation::Exists), "{activated:?}");
        let kept = kept(gateways.one()).await;
        assert_eq!((kept.len(), kept.iter().all(|code| code[..19] == kept[0][..19])), (10, true), "{kept:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_setups_at_once_one_waits() {
    on_each(async |backend| {
        let gateways = Gateways::on(&backend);
        let ids = gateways
            .at_once(20, |directory, number| async move {
                directory.set_up(&USER, new_factor("phone", &format!("SECRET{number}"))).await.unwrap()
            })
            .await;
        let pending = gateways.one().pending(&USER).await.unwrap().unwrap();
        assert!(ids.contains(&pending.device), "{pending:?}");
        assert_eq!(devices(&backend), format!("{} 5 phone totp", pending.device));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_that_are_to_be_the_first_one_is() {
    on_each(async |backend| {
        let ids = backend.python(
            "from rail_django.models import MFADevice\n\
             for number in range(10):\n\
             \x20   user = User.objects.create(username=f'user {number}')\n\
             \x20   pair = [MFADevice.objects.create(user=user, device_name='phone') for _ in range(2)]\n\
             \x20   print(user.pk, *(device.pk for device in pair))",
        );
        let gateways = Gateways::on(&backend);
        let pairs: Arc<Vec<Vec<String>>> =
            Arc::new(ids.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect());
        let activated = gateways
            .at_once(20, |directory, number| {
                let pairs = Arc::clone(&pairs);
                async move {
                    let [user, devices @ ..] = &pairs[number / 2][..] else { panic!("{pairs:?}") };
                    let activate = Activate { only_first: true, ..shown(&DeviceId::new(&devices[number % 2])) };
                    (user.clone(), directory.activate(&UserId::new(user.as_str()), activate).await.unwrap())
                }
            })
            .await;
        for [user, ..] in pairs.iter().map(|pair| <[String; 3]>::try_from(pair.clone()).unwrap()) {
            let mut of_user: Vec<_> =
                activated.iter().filter(|(of, _)| *of == user).map(|(_, became)| *became).collect();
            of_user.sort_by_key(|became| *became != Activation::Active);
            assert_eq!(of_user, [Activation::Active, Activation::Exists], "{user}");
            assert_eq!(gateways.one().active(&UserId::new(user.as_str())).await.unwrap().len(), 1);
        }
    })
    .await;
}
