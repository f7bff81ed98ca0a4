//! Second factors in databases that Django made: read, and their codes used up.

use railgate::{
    directory::Factors as _,
    model::{DeviceId, FactorKind, Timestamp, UserId},
};

use super::{directory, on_each};

#[tokio::test]
async fn active_factors_are_told_with_their_secrets_and_other_kinds_without() {
    on_each(async |backend| {
        let directory = directory(&backend);
        let ids = backend.python(
            "from rail_django.models import MFADevice\n\
             add = lambda user, kind, active, key='': MFADevice.objects.create(\n\
             \x20   user_id=user, device_name='phone', device_type=kind, is_active=active, secret_key=key)\n\
             devices = [add(5, 'totp', True, 'ABC'), add(5, 'sms', True), add(5, 'totp', False, 'pending'),\n\
             \x20   add(6, 'totp', True, 'theirs')]\n\
             print(*(device.pk for device in devices))",
        );
        let ids: Vec<&str> = ids.split(' ').collect();
        let factors = directory.active(&UserId::new("5")).await.unwrap();
        let [phone, sms] = &factors[..] else { panic!("{factors:?}") };
        assert!(matches!(&phone.kind, FactorKind::Totp(secret) if secret.expose() == "ABC"), "{factors:?}");
        assert!(matches!(&sms.kind, FactorKind::Other(kind) if kind == "sms"), "{factors:?}");
        assert_eq!([phone.device.as_str(), sms.device.as_str()], ids[..2]);
        for nobody in ["1", "999", "x"] {
            assert!(directory.active(&UserId::new(nobody)).await.unwrap().is_empty(), "{nobody}");
        }
        backend.python(
            "from rail_django.models import MFADevice; \
             MFADevice.objects.create(user_id=1, device_name='phone', device_type='totp', is_active=False)",
        );
        assert_eq!(directory.enrolled().await.unwrap(), [UserId::new("5"), UserId::new("6")]);
    })
    .await;
}

#[tokio::test]
async fn a_step_is_accepted_once_and_none_before_it() {
    on_each(async |backend| {
        let directory = directory(&backend);
        let id = backend.python(
            "from rail_django.models import MFADevice\n\
             print(MFADevice.objects.create(user_id=5, device_name='phone', is_active=True, secret_key='ABC').pk)",
        );
        let (user, device, at) = (UserId::new("5"), DeviceId::new(&id), Timestamp::from_secs);
        let accept = async |step| directory.accept_step(&user, &device, step).await.unwrap();
        let (first, again) = tokio::join!(accept(at(1_800_000_030)), accept(at(1_800_000_030)));
        assert_eq!(u8::from(first) + u8::from(again), 1);
        assert!(!accept(at(1_800_000_000)).await, "an earlier one");
        assert!(accept(at(1_800_000_060)).await);
        let noted = format!("from rail_django.models import MFADevice as D; print(D.objects.get(pk={id}).last_used)");
        assert_eq!(backend.python(&noted), "2027-01-15 08:01:00+00:00");

        let used = "D.objects.filter(pk=ID).update(last_used='2027-01-15 08:01:59.5Z')".replace("ID", &id);
        backend.python(&format!("from rail_django.models import MFADevice as D; {used}"));
        assert!(!accept(at(1_800_000_090)).await, "the backend took the code of this step");
        assert!(accept(at(1_800_000_120)).await);

        let of_another = directory.accept_step(&UserId::new("6"), &device, at(1_800_000_150)).await.unwrap();
        assert!(!of_another);
        backend.python(&format!(
            "from rail_django.models import MFADevice as D; D.objects.filter(pk={id}).update(is_active=False)"
        ));
        assert!(!accept(at(1_800_000_150)).await, "it was switched off meanwhile");
        for nothing in ["", "x", "1; DROP TABLE users_user"] {
            assert!(!directory.accept_step(&user, &DeviceId::new(nothing), at(1_800_000_180)).await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn a_backup_code_is_used_once_and_only_of_an_active_authenticator() {
    on_each(async |backend| {
        let directory = directory(&backend);
        backend.python(
            "from rail_django.models import MFABackupCode, MFADevice\n\
             def add(user, kind, active, *codes):\n\
             \x20   device = MFADevice.objects.create(user_id=user, device_name='d', device_type=kind, is_active=active)\n\
             \x20   for code in codes: MFABackupCode.objects.create(device=device, code=code)\n\
             add(5, 'totp', True, '01234567', '11111111')\n\
             add(5, 'totp', False, '22222222')\n\
             add(5, 'sms', True, '33333333')\n\
             add(6, 'totp', True, '44444444')",
        );
        let user = UserId::new("5");
        let accepted = async |code: &str| {
            let kept = directory.codes(&user).await.unwrap();
            let Some(found) = kept.iter().find(|kept| kept.kept.expose() == code) else { return false };
            let (one, other) = tokio::join!(directory.use_code(&user, &found.id), directory.use_code(&user, &found.id));
            assert_eq!(u8::from(one.unwrap()) + u8::from(other.unwrap()), 1);
            true
        };
        for none in ["22222222", "33333333", "44444444", "99999999"] {
            assert!(!accepted(none).await, "{none}");
        }
        assert!(accepted("01234567").await && accepted("11111111").await);
        assert!(!accepted("01234567").await && !accepted("11111111").await);
        let used = backend.python(
            "from rail_django.models import MFABackupCode\n\
             print(*sorted(used.code for used in MFABackupCode.objects.filter(is_used=True)))",
        );
        assert_eq!(used, "01234567 11111111");
    })
    .await;
}
