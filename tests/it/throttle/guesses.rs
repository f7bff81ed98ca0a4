//! Many passwords for one account, one password for many accounts.

use serde_json::json;

use super::{
    FEW_AT_ACCOUNT, FEW_BY_ADDRESS, FEW_BY_CLIENT, at_once, guess, login, looked_at, outcome, payload, slow, world,
};
use crate::support::{
    django::Backend,
    gateway::{AUTH, Gateway, Setup, Tokens},
    redis::RedisServer,
    stub::Stub,
    world::{JSON, RIGHT, SECRET, WRONG},
};

fn logs_in(gateway: &Gateway, name: &str, password: &str) -> bool {
    outcome(&login(&gateway.client(), name, password)) == "ok"
}

#[test]
fn of_two_hundred_wrong_passwords_at_once_five_are_looked_at() {
    let (directory, redis, stub) = (Backend::sqlite(), RedisServer::start(), Stub::start());
    let setup = slow(Setup::bare(stub.port, directory.url(), SECRET).store(&redis.url()));
    let gateways = [setup.start(), setup.start()];
    let clients = gateways.each_ref().map(Gateway::client);
    let outcomes = at_once(200, |number| outcome(&login(&clients[number % 2], "john", &format!("wrong-{number}"))));
    assert_eq!(looked_at(&outcomes), 5);
}

#[test]
fn a_delay_is_told_and_the_right_password_waits_too() {
    let mut world = world(&[]);
    assert_eq!(looked_at(&guess(&world.gateway.client(), "john", 7)), 5);
    let answer = login(&world.gateway.client(), "john", "secret123");
    assert_eq!(outcome(&answer), "RATE_LIMITED");
    let wait: u64 = answer.all("retry-after")[0].parse().unwrap();
    assert!(answer.status == 200 && (3000..=3600).contains(&wait), "{answer:?}");
    let payload = payload(&answer);
    assert_eq!(payload["errors"], json!(["Too many attempts. Wait before you try again."]), "{payload}");
    assert!(payload["token"].is_null() && payload["user"].is_null() && answer.all("set-cookie").is_empty());
    world.nothing_arrived("a refused login");
    let line = world.gateway.process.wait_for_line("RATE_LIMITED");
    let known = ["audit", "too many attempts at the account from the address", "unknown_user=", "address=127.0.0.1"];
    assert!(known.iter().all(|part| line.contains(part)), "{line}");
}

#[test]
fn the_right_password_clears_the_count() {
    let world = world(&[FEW_BY_CLIENT]);
    for _ in 0..3 {
        assert_eq!(looked_at(&guess(&world.gateway.client(), "john", 2)), 2);
        assert!(logs_in(&world.gateway, "john", "secret123"));
    }
}

#[test]
fn one_password_for_many_accounts_is_tried_at_few() {
    let world = world(&[FEW_BY_ADDRESS]);
    let spray = |number: usize| outcome(&login(&world.gateway.client(), &format!("user{number}"), "Summer2026!"));
    let outcomes: Vec<String> = (0..20).map(spray).collect();
    assert_eq!(looked_at(&outcomes), 6);
    assert!(outcomes[6..].iter().all(|outcome| outcome == "RATE_LIMITED"), "{outcomes:?}");
    assert_eq!(outcome(&login(&world.gateway.client(), "john", "secret123")), "RATE_LIMITED");
}

#[test]
fn an_account_of_ones_own_buys_no_guesses() {
    let world = world(&[FEW_BY_ADDRESS]);
    let mut outcomes = Vec::new();
    for number in 0..6 {
        assert!(logs_in(&world.gateway, "john", "secret123"), "{outcomes:?}");
        outcomes.extend(guess(&world.gateway.client(), &format!("user{number}"), 1));
    }
    outcomes.extend(guess(&world.gateway.client(), "user9", 1));
    assert_eq!(looked_at(&outcomes), 6);
}

#[test]
fn every_spelling_of_a_name_is_the_same_account() {
    let world = world(&[FEW_BY_CLIENT]);
    for names in [["john", "JOHN", "john ", "jöhn", "ｊｏｈｎ"], ["nobody", "NOBODY", "nobody ", "nobödy", "ｎobody"]]
    {
        let outcomes: Vec<String> =
            names.iter().map(|name| outcome(&login(&world.gateway.client(), name, "wrong"))).collect();
        assert_eq!(looked_at(&outcomes), 3, "{names:?}: {outcomes:?}");
    }
}

/// Nothing but the time tells one from another, and that is the hash's.
#[test]
fn known_unknown_and_disabled_names_get_the_same_bytes() {
    let world = world(&[FEW_BY_CLIENT]);
    let told = |name: &str, password: &str| {
        let answer = login(&world.gateway.client(), name, password);
        let headers =
            answer.headers.iter().filter(|(name, _)| !["date", "retry-after", "x-request-id"].contains(&name.as_str()));
        (answer.status, headers.cloned().collect::<Vec<_>>(), answer.all("retry-after").len(), answer.body)
    };
    let attempts = |name: &str, password: &str| (0..5).map(|_| told(name, password)).collect::<Vec<_>>();
    let of_john = attempts("john", "wrong");
    assert!(of_john[2].3.contains("INVALID_CREDENTIALS") && of_john[3].3.contains("RATE_LIMITED"), "{of_john:?}");
    assert_eq!(attempts("nobody", "wrong"), of_john);
    assert_eq!(attempts("disabled", "disabledpass1"), of_john, "the right password of an account that is no more");
}

#[test]
fn each_attempt_of_a_document_counts() {
    let world = world(&[FEW_BY_CLIENT]);
    let aliases: String = (0..5)
        .map(|number| format!("a{number}:login(username:\"john\",password:\"{number}\"){{errorCode}} "))
        .collect();
    let answer = world.document(&format!("mutation{{{aliases}}}")).json();
    let outcomes: Vec<String> =
        (0..5).map(|number| answer["data"][format!("a{number}")]["errorCode"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes[..3], ["INVALID_CREDENTIALS"; 3]);
    assert_eq!(outcomes[3..], ["RATE_LIMITED"; 2]);
    assert_eq!(outcome(&login(&world.gateway.client(), "john", "secret123")), "RATE_LIMITED");
}

#[test]
fn each_attempt_of_a_batch_counts() {
    let world = world(&[FEW_BY_CLIENT, ("#batching = false", "batching = true")]);
    let body = vec![json!({ "query": format!("mutation{{{}}}", WRONG.replace("{ok}", "{errorCode}")) }); 5];
    let answer = world.post(JSON, AUTH, &json!(body).to_string()).json();
    let codes: Vec<&str> = (0..5).map(|at| answer[at]["data"]["login"]["errorCode"].as_str().unwrap()).collect();
    assert_eq!(codes[..3], ["INVALID_CREDENTIALS"; 3]);
    assert_eq!(codes[3..], ["RATE_LIMITED"; 2]);
    assert_eq!(world.document(&format!("mutation{{{RIGHT}}}")).json()["data"]["login"]["ok"], json!(false));
}

#[test]
fn dead_refresh_tokens_are_counted_and_good_ones_are_not() {
    let world = world(&[FEW_BY_ADDRESS, FEW_AT_ACCOUNT]);
    let tokens = Tokens::of(&world.gateway.login("john", "secret123"));
    let dead: Vec<String> =
        (0..8).map(|_| world.gateway.refresh("made up")["errorCode"].as_str().unwrap().to_owned()).collect();
    assert_eq!(dead[..6], ["REFRESH_TOKEN_INVALID"; 6]);
    assert_eq!(dead[6..], ["RATE_LIMITED"; 2]);
    let mut refresh = tokens.refresh;
    for _ in 0..8 {
        let payload = world.gateway.refresh(&refresh);
        assert_eq!(payload["ok"], json!(true), "{payload}");
        refresh = payload["refreshToken"].as_str().unwrap().to_owned();
    }
    assert!(logs_in(&world.gateway, "john", "secret123"), "nor do they keep anybody from logging in");
}

#[test]
fn a_used_refresh_token_that_comes_back_counts() {
    let world = world(&[FEW_BY_ADDRESS, ("#refresh_grace = \"10s\"", "refresh_grace = \"0s\"")]);
    for _ in 0..6 {
        let first = Tokens::of(&world.gateway.login("john", "secret123")).refresh;
        assert_eq!(world.gateway.refresh(&first)["ok"], json!(true));
        assert_eq!(world.gateway.refresh(&first)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    }
    assert_eq!(world.gateway.refresh("made up")["errorCode"], json!("RATE_LIMITED"));
}
