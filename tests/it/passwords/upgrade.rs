//! Hashes that are made anew at a login, as Django does, and what that leaves alone.

use super::*;
use crate::support::{gateway::Tokens, redis::RedisServer};

/// New hashes: what `[hashing]` says of them, and what Django would.
struct New {
    hashing: &'static str,
    hasher: &'static str,
    cost: &'static str,
}

const PBKDF2: New = New { hashing: "iterations = 3000", hasher: "PBKDF2PasswordHasher", cost: "iterations=3000" };
const ARGON2: New = New {
    hashing: "preferred = \"argon2\"\ntime_cost = 1\nmemory_cost = 64\nparallelism = 2",
    hasher: "Argon2PasswordHasher",
    cost: "time_cost=1, memory_cost=64, parallelism=2",
};
const SCRYPT: New = New {
    hashing: "preferred = \"scrypt\"\nwork_factor = 16\nparallelism = 1",
    hasher: "ScryptPasswordHasher",
    cost: "work_factor=16, parallelism=1",
};
const BCRYPT: New = New {
    hashing: "preferred = \"bcrypt_sha256\"\nrounds = 4",
    hasher: "BCryptSHA256PasswordHasher",
    cost: "rounds=4",
};

impl New {
    /// Whether Django takes john's password by such a hash, and finds nothing to make anew.
    fn is_in_place(&self, backend: &Backend) -> bool {
        let Self { hasher, cost, .. } = self;
        let script = format!(
            "from django.contrib.auth import hashers\n\
             new = type('New', (hashers.{hasher},), dict({cost}))()\n\
             encoded = User.objects.get(username='john').password\n\
             print(encoded.startswith(new.algorithm + '$') and new.verify('secret123', encoded)\n    \
                 and not new.verify('secret124', encoded) and not new.must_update(encoded))"
        );
        backend.python_with_hashers(&script) == "True"
    }
}

#[test]
fn a_login_has_an_old_hash_made_anew_and_ends_no_session() {
    let backends = [Backend::postgres(), Backend::mariadb(), Backend::sqlite(), Backend::sqlite()];
    for (backend, new) in backends.into_iter().zip([PBKDF2, ARGON2, SCRYPT, BCRYPT]) {
        let (stub, redis) = (Stub::start(), RedisServer::start());
        backend.cheap_password("john", "secret123");
        let setup = setup(&backend, &stub, "").store(&redis.url());
        let one = setup.start();
        let other = setup.changed("[hashing]", &format!("[hashing]\nupgrade = true\n{}", new.hashing)).start();
        let opened_before = Tokens::of(&one.login("john", "secret123"));
        let opened_by_it = Tokens::of(&other.login("john", "secret123"));
        within(Duration::from_secs(60), "a new hash", || new.is_in_place(&backend).then_some(()));

        let goes_on = |gateway: &Gateway, tokens: &Tokens| {
            let payload = gateway.refresh(&tokens.refresh);
            assert_eq!(payload["ok"], json!(true), "{}: {payload}", new.hasher);
            Tokens::of(&payload)
        };
        let sessions = [goes_on(&one, &opened_before), goes_on(&other, &opened_by_it)];
        let sessions = [goes_on(&other, &sessions[0]), goes_on(&one, &sessions[1])];
        let opened_after = Tokens::of(&one.login("john", "secret123"));

        backend.cheap_password("john", "another1");
        for tokens in sessions.iter().chain([&opened_after]) {
            assert_eq!(one.refresh(&tokens.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"), "{}", new.hasher);
        }
        assert_eq!(one.login("john", "another1")["ok"], json!(true));
    }
}

#[test]
fn hashes_stay_as_they_are_by_default_and_where_they_may_not_be_written() {
    let (backend, stub) = (Backend::postgres(), Stub::start());
    backend.cheap_password("john", "secret123");
    let sql =
        |sql: &str| backend.python(&format!("from django.db import connection; connection.cursor().execute('{sql}')"));
    let column = || backend.python("print(User.objects.get(username='john').password)");
    let old = column();
    let setup = setup(&backend, &stub, "");
    assert_eq!(setup.start().login("john", "secret123")["ok"], json!(true));
    sql("CREATE ROLE gateway LOGIN");
    crate::support::postgres::grants("gateway").iter().for_each(|grant| drop(sql(grant)));
    let (_, server) = backend.url().split_once('@').unwrap();
    let bounded = Setup::bare(stub.port, &format!("postgres://gateway@{server}"), STUB_SECRET)
        .changed("[hashing]", "[hashing]\nupgrade = true\npreferred = \"pbkdf2_sha256\"\niterations = 3000");
    let mut gateway = bounded.start();
    assert_eq!(gateway.login("john", "secret123")["ok"], json!(true));
    gateway.process.wait_for_line("an old hash was not made anew");
    assert_eq!(column(), old);
}
