//! An operator unlocks an account, beside the gateways that run.

use std::process::Output;

use super::{FEW_BY_CLIENT, guess, login, looked_at, outcome, slow};
use crate::support::{
    django::Backend,
    gateway::{Gateway, Setup},
    redis::RedisServer,
    stub::Stub,
    world::SECRET,
};

fn unlock(setup: &Setup, name: &str) -> Output {
    setup.command(&["user", "unlock", name]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Locks john, has him unlocked, and sees that he is and nobody else.
fn unlocks(setup: &Setup, gateways: &[Gateway]) {
    for name in ["john", "admin", "nobody"] {
        assert_eq!(looked_at(&guess(&gateways[0].client(), name, 4)), 3);
    }
    for (name, user) in [("john", "1"), ("JOHN", "")] {
        let done = unlock(setup, name);
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        if user.is_empty() {
            assert_eq!(done.status.code(), Some(1), "{out}{err}");
            assert!(out.is_empty() && err.contains("no account has the name JOHN"), "{out}{err}");
        } else {
            assert_eq!(done.status.code(), Some(0), "{out}{err}");
            assert_eq!(out, "john (id 1) is unlocked: passwords and codes may be tried anew.\n");
        }
    }
    for gateway in gateways {
        assert_eq!(outcome(&login(&gateway.client(), "john", "secret123")), "ok");
        assert_eq!(outcome(&login(&gateway.client(), "admin", "adminpass1")), "RATE_LIMITED");
    }
    assert_eq!(unlock(setup, "nobody").status.code(), Some(1));
    assert_eq!(guess(&gateways[0].client(), "nobody", 1), ["INVALID_CREDENTIALS"]);
}

#[test]
fn on_a_redis_that_gateways_share() {
    let (directory, redis, stub) = (Backend::sqlite(), RedisServer::start(), Stub::start());
    let setup = Setup::bare(stub.port, directory.url(), SECRET).store(&redis.url());
    let setup = slow(setup.changed(FEW_BY_CLIENT.0, FEW_BY_CLIENT.1));
    let gateways = [setup.start(), setup.start()];
    unlocks(&setup, &gateways);
}

#[test]
fn in_the_file_of_a_gateway_that_runs() {
    let (directory, stub) = (Backend::sqlite(), Stub::start());
    let setup = Setup::bare(stub.port, directory.url(), SECRET);
    let setup = slow(setup.changed(FEW_BY_CLIENT.0, FEW_BY_CLIENT.1));
    let gateways = [setup.start()];
    unlocks(&setup, &gateways);
}

#[test]
fn where_no_gateway_has_run_nothing_is_made() {
    let (directory, stub) = (Backend::sqlite(), Stub::start());
    let setup = Setup::bare(stub.port, directory.url(), SECRET);
    let done = unlock(&setup, "john");
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("no gateway has made it yet"), "{}", text(&done.stderr));
    assert_eq!(std::fs::read_dir(setup.state_dir()).unwrap().count(), 0);
    let redis = RedisServer::start();
    let done = unlock(&setup.store(&redis.url()), "john");
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("key file"), "{}", text(&done.stderr));
}
