//! Second factors that move from the backend's tables to the gateway's store.

use super::{Enrolled, USER, backend, by_code, count, enrol, let_in, login, refused};
use crate::support::{backend::Backend, document::block, gateway::Setup, redis::RedisServer};

fn import(setup: &Setup, arguments: &[&str]) -> (bool, String) {
    let output = setup.command(&[&["import"], arguments].concat()).output().expect("railgate");
    (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

fn in_the_store(backend: &Backend, redis: &RedisServer) -> Setup {
    Setup::in_front_of(backend).store(&redis.url()).changed("#storage = \"directory\"", "storage = \"store\"")
}

/// A code that the backend gave out itself, and keeps in the clear.
fn give_backup_code(backend: &Backend, code: &str) {
    backend.python(&format!(
        "from rail_django.models import MFABackupCode, MFADevice; \
         MFABackupCode.objects.create(device=MFADevice.objects.get(user__username='{}'), code='{code}')",
        USER.name
    ));
}

#[test]
fn what_was_enrolled_before_counts_in_the_store() {
    let (backend, redis) = (backend(), RedisServer::start());
    let before = Setup::in_front_of(&backend).store(&redis.url());
    let gateway = before.start();
    let Enrolled { codes, backup_codes, .. } = enrol(&gateway, &USER);
    let_in(&by_code(&gateway, &USER, &codes[0]));
    give_backup_code(&backend, "01234567");
    drop(gateway);

    let (worked, told) = import(&before, &[]);
    assert!(!worked && told.contains("[mfa] storage: set it to \"store\""), "{told}");
    let setup = in_the_store(&backend, &redis);
    for _ in 0..2 {
        let (worked, told) = import(&setup, &["--dry-run"]);
        assert!(
            worked && told.contains("users: 1; authenticators: 1; backup codes: 1; had factors in the store before: 0"),
            "{told}"
        );
    }
    let (worked, told) = import(&setup, &[]);
    assert!(
        worked && told.contains("users: 1; authenticators: 1; backup codes: 1; had factors in the store before: 0"),
        "{told}"
    );
    assert!(told.contains("backup codes that are hashed for their old place (10)"), "{told}");
    for secret in ["01234567", backup_codes[0].as_str()] {
        assert!(!told.contains(secret), "{told}");
    }
    let (worked, told) = import(&setup, &[]);
    assert!(
        worked && told.contains("users: 0; authenticators: 0; backup codes: 0; had factors in the store before: 1"),
        "{told}"
    );
    assert_eq!(count(&backend, "MFADevice", ""), "1", "the tables are only read");

    let gateways = [setup.start(), setup.start()];
    refused(&by_code(&gateways[0], &USER, &codes[0]), "MFA_INVALID_CODE");
    let_in(&by_code(&gateways[0], &USER, &codes[1]));
    let_in(&by_code(&gateways[1], &USER, "0123 4567"));
    refused(&by_code(&gateways[0], &USER, "01234567"), "MFA_INVALID_CODE");
    refused(&by_code(&gateways[0], &USER, &backup_codes[0]), "MFA_INVALID_CODE");
}

#[test]
fn what_can_not_move_is_told_with_what_follows() {
    let (backend, redis) = (backend(), RedisServer::start());
    backend.python(&format!(
        "from rail_django.models import MFADevice; MFADevice.objects.create(user=User.objects.get(username='{}'), \
         device_name='phone', device_type='sms', secret_key='x', is_active=True, is_primary=True)",
        USER.name
    ));
    let setup = in_the_store(&backend, &redis);
    let (worked, told) = import(&setup, &[]);
    assert!(worked && told.contains("not imported: a factor of kind sms"), "{told}");
    assert!(told.contains("logs in by the password alone then") && told.contains("users: 0;"), "{told}");
    assert!(login(&setup.start().client(), &USER)["token"].is_string());
}

#[test]
fn the_lines_of_the_readme_look_first_and_then_move_them() {
    let (backend, redis) = (backend(), RedisServer::start());
    let before = Setup::in_front_of(&backend).store(&redis.url());
    let codes = enrol(&before.start(), &USER).codes;
    let setup = in_the_store(&backend, &redis);
    let told = setup.shell().run(&block("README.md", "railgate import --config proxy.toml"));
    let moved = "users: 1; authenticators: 1; backup codes: 0; had factors in the store before: 0";
    assert_eq!(told.matches(moved).count(), 2, "{told}");
    let_in(&by_code(&setup.start(), &USER, &codes[0]));
}
