//! Codes are guessed no faster by beginning anew.

use serde_json::json;

use super::{COMPLETE, DISABLE, Enrolled, USER, by_code, challenge, enrol, fifty_at_once, let_in, refused, run, told};
use crate::support::{
    backend::Backend,
    gateway::{AUTH, Setup},
    redis::RedisServer,
};

const TOO_MANY: &str = "Too many attempts. Wait before you try again.";

#[test]
fn a_hundred_wrong_codes_over_fresh_challenges_lock_the_factor() {
    let (backend, redis) = (super::backend(), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    let Enrolled { codes, backup_codes, .. } = enrol(&gateways[0], &USER);
    let answers: Vec<String> = (0..100)
        .map(|number| {
            let payload = by_code(&gateways[number % 2], &USER, &format!("{number:06}"));
            payload["errorCode"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
        })
        .collect();
    let (tried, refused_ones) = answers.split_at(10);
    assert!(tried.iter().all(|code| code == "MFA_INVALID_CODE"), "{tried:?}");
    assert!(refused_ones.iter().all(|code| code == "RATE_LIMITED"), "{refused_ones:?}");
    for right in [&codes[0], &backup_codes[0]] {
        let half = challenge(&gateways[1], &USER);
        let answer = gateways[1].client().graphql(AUTH, COMPLETE, json!({ "t": half, "c": right }));
        refused(&answer.field(), "RATE_LIMITED");
        let wait: u64 = answer.all("retry-after")[0].parse().unwrap();
        assert!(answer.status == 200 && (1..=30).contains(&wait), "{answer:?}");
    }
    // Whoever guessed knows the password; the owner gets another one, and is not kept out by the guesses.
    backend.cheap_password(USER.name, "another one");
    let half = challenge(&gateways[0], &super::User { password: "another one", ..USER });
    let_in(&run(&gateways[0].client(), COMPLETE, json!({ "t": half, "c": backup_codes[0] })));
}

#[test]
fn the_right_code_clears_the_count() {
    let backend = super::backend();
    let gateway = Setup::in_front_of(&backend).start();
    let Enrolled { backup_codes, .. } = enrol(&gateway, &USER);
    for right in &backup_codes[..3] {
        for _ in 0..9 {
            refused(&by_code(&gateway, &USER, "000000"), "MFA_INVALID_CODE");
        }
        let_in(&by_code(&gateway, &USER, right));
    }
}

#[test]
fn many_at_once_are_no_more_than_may_be_tried() {
    let (backend, redis) = (super::cheap(Backend::on_postgresql()), RedisServer::start());
    let setup = Setup::in_front_of(&backend).store(&redis.url());
    let gateways = [setup.start(), setup.start()];
    enrol(&gateways[0], &USER);
    let answers = fifty_at_once(&[&gateways[0], &gateways[1]], "000000");
    let codes: Vec<&str> = answers.iter().map(|answer| answer["errorCode"].as_str().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "MFA_INVALID_CODE").count(), 10, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "RATE_LIMITED").count(), 40, "{codes:?}");
}

#[test]
fn who_has_a_session_guesses_no_password_by_it() {
    let backend = super::backend();
    let gateway = Setup::in_front_of(&backend).start();
    let client = gateway.client().bearer(&enrol(&gateway, &USER).access);
    for _ in 0..10 {
        told(&run(&client, DISABLE, json!({ "p": "wrong" })), "The password is wrong.");
    }
    told(&run(&client, DISABLE, json!({ "p": USER.password })), TOO_MANY);
    told(&run(&client, super::REGENERATE, json!({ "p": USER.password })), TOO_MANY);
}
