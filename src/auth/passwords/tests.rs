//! What a check comes to, and that refusals cost the same.

use std::time::Duration;

use super::{
    Bounds, Checked, HashingPool, Meter, Opens, PasswordHash, Passwords, Policy, PoolLimits, Preferred, Price, verify,
};
use crate::{
    auth::passwords::salt::Salt,
    model::{EncodedPassword, Secret},
};

const JOHNS: &str = "pbkdf2_sha256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=";
const CHEAP: Policy = Policy {
    preferred: Preferred::Pbkdf2Sha256 { iterations: 20 },
    bounds: Bounds { max_memory: 1 << 20, legacy_md5: false },
    upgrade: false,
};

fn passwords(policy: Policy) -> Passwords {
    let limits = PoolLimits { threads: 1, queue: 8, deadline: Duration::from_secs(60) };
    Passwords::new(HashingPool::start(limits).unwrap()).with_policy(policy)
}

#[tokio::test]
async fn the_right_password_opens_the_account() {
    let (column, passwords) = (EncodedPassword::new(JOHNS), passwords(CHEAP));
    assert_eq!(passwords.check(Secret::new("secret123"), Some(&column)).await, Ok(Checked::Right));
    assert_eq!(passwords.check(Secret::new("secret124"), Some(&column)).await, Ok(Checked::Wrong));
}

#[tokio::test]
async fn nothing_opens_an_account_that_is_unknown_unusable_or_damaged() {
    let passwords = passwords(CHEAP);
    assert_eq!(passwords.check(Secret::new(""), None).await, Ok(Checked::Wrong));
    // The last two are right, and switched off or too dear.
    for column in [
        "",
        "!",
        "argon2$x",
        "secret123",
        "pbkdf2_sha256$0$seasalt$PIy4",
        "5d7845ac6ee7cfffafc5fe5f35cf666d",
        &JOHNS.replace("$10$", "$10000001$"),
    ] {
        let column = EncodedPassword::new(column);
        assert_eq!(passwords.check(Secret::new("secret123"), Some(&column)).await, Ok(Checked::Wrong));
        assert_eq!(passwords.check(Secret::new(""), Some(&column)).await, Ok(Checked::Wrong));
    }
}

#[tokio::test]
async fn a_right_password_shows_an_old_hash_where_that_is_to_be_made_anew() {
    let upgrading = passwords(Policy { upgrade: true, ..CHEAP });
    let column = EncodedPassword::new(JOHNS);
    assert_eq!(upgrading.check(Secret::new("secret123"), Some(&column)).await, Ok(Checked::Outdated));
    assert_eq!(upgrading.check(Secret::new("secret124"), Some(&column)).await, Ok(Checked::Wrong));
    let new = upgrading.renew(Secret::new("secret123"), Salt::from_bytes([7; 16])).await.unwrap();
    assert_eq!(upgrading.check(Secret::new("secret123"), Some(&new)).await, Ok(Checked::Right));
    assert_eq!(upgrading.check(Secret::new("secret124"), Some(&new)).await, Ok(Checked::Wrong));
}

#[tokio::test]
async fn a_hash_that_is_not_of_the_whole_password_is_not_made_anew() {
    let upgrading = passwords(Policy { upgrade: true, ..CHEAP });
    // By Python's bcrypt 4.3: `hashpw(b"x" * 72, b"$2b$04$abcdefghijklmnopqrstuu")`, and of `b"secret"`.
    let long = EncodedPassword::new("bcrypt$$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i");
    let short = EncodedPassword::new("bcrypt$$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW");
    let typed = "x".repeat(72);
    for (column, typed, expected) in [
        (&long, format!("{typed} and more"), Checked::Right),
        (&long, typed, Checked::Right),
        (&short, "secret".to_owned(), Checked::Outdated),
    ] {
        assert_eq!(upgrading.check(Secret::new(typed), Some(column)).await, Ok(expected));
    }
}

/// With a preferred cost this far above nothing, an early answer can't be mistaken for a slow one. By what the thread has
/// computed, which doesn't grow while others run.
#[test]
fn every_refusal_costs_what_the_preferred_hasher_costs() {
    let right = Secret::new("secret123");
    let read = |column: &str| PasswordHash::from(&EncodedPassword::new(column));
    let (cheap, md5) = (read(JOHNS), read("5d7845ac6ee7cfffafc5fe5f35cf666d"));
    let bcrypt = Preferred::BcryptSha256 { rounds: 4 }.encode("secret123", Salt::from_bytes([7; 16])).unwrap();
    let bcrypt = PasswordHash::from(&bcrypt);
    for preferred in [Preferred::Pbkdf2Sha256 { iterations: 40_000 }, Preferred::BcryptSha256 { rounds: 8 }] {
        let (price, policy) = (Price::default(), Policy { preferred, ..CHEAP });
        let time = |password: &str, hash: Option<&PasswordHash>| {
            let meter = Meter::start();
            let checked = verify(&Secret::new(password), hash, Opens::ByPassword, (policy, &price));
            (meter.spent(), checked)
        };
        let closed = |hash: Option<&PasswordHash>| {
            let meter = Meter::start();
            let checked = verify(&right, hash, Opens::Never, (policy, &price));
            assert_eq!(checked, Checked::Right, "for the audit log");
            (meter.spent(), Checked::Wrong)
        };
        let (quick, opened) = time(right.expose(), Some(&cheap));
        assert_eq!(opened, Checked::Right);
        let refusals = [
            time("secret123", None),
            time("wrong", Some(&cheap)),
            time("wrong", Some(&md5)),
            time("wrong", Some(&bcrypt)),
            closed(Some(&cheap)),
            closed(Some(&bcrypt)),
        ];
        for (refusal, checked) in refusals {
            assert!(checked == Checked::Wrong && refusal > quick * 10, "{refusal:?} beside {quick:?}");
        }
    }
}
