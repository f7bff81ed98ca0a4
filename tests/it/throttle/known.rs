//! A device that has logged in before comes in whatever others try at its account.

use serde_json::json;

use super::{BEHIND_A_PROXY, FEW_AT_ACCOUNT, from, guess, login, looked_at, outcome, payload, world};
use crate::support::{
    client::{Answer, Client},
    gateway::{AUTH, Gateway},
    world::World,
};

const FEW_BY_DEVICE: (&str, &str) = ("#device_attempts = 10", "device_attempts = 3");

/// The one line that sets the cookie.
fn line(answer: &Answer) -> String {
    let lines: Vec<&str> =
        answer.all("set-cookie").into_iter().filter(|line| line.starts_with("known_device=")).collect();
    let [line] = lines.as_slice() else { panic!("{answer:?}") };
    (*line).to_owned()
}

/// A client that keeps what a login gave it.
fn known(gateway: &Gateway, name: &str, password: &str) -> Client {
    let line = line(&login(&gateway.client(), name, password));
    gateway.client().with("Cookie", line.split(';').next().unwrap())
}

/// Has the account locked from many addresses.
fn lock(world: &World, name: &str) {
    let outcomes: Vec<String> =
        (0..8).flat_map(|number| guess(&from(&world.gateway, &format!("203.0.113.{number}")), name, 1)).collect();
    assert_eq!(looked_at(&outcomes), 4, "{outcomes:?}");
}

#[test]
fn the_victim_of_a_lock_out_comes_in_from_a_known_device() {
    let world = world(&[FEW_AT_ACCOUNT, BEHIND_A_PROXY]);
    let owner = known(&world.gateway, "john", "secret123");
    lock(&world, "john");
    assert_eq!(outcome(&login(&world.gateway.client(), "john", "secret123")), "RATE_LIMITED", "from anywhere else");
    for _ in 0..3 {
        assert_eq!(outcome(&login(&owner, "john", "secret123")), "ok");
    }
    assert_eq!(guess(&from(&world.gateway, "203.0.113.99"), "john", 1), ["RATE_LIMITED"], "it unlocks nobody else");
}

#[test]
fn a_device_is_known_at_its_own_account_only() {
    let world = world(&[FEW_AT_ACCOUNT, BEHIND_A_PROXY]);
    let attacker = known(&world.gateway, "admin", "adminpass1");
    lock(&world, "john");
    assert_eq!(outcome(&login(&attacker, "john", "secret123")), "RATE_LIMITED");
    for made_up in ["known_device=made-up", &format!("known_device={}", "A".repeat(96))] {
        let client = world.gateway.client().with("Cookie", made_up);
        assert_eq!(outcome(&login(&client, "john", "secret123")), "RATE_LIMITED", "{made_up}");
    }
}

#[test]
fn a_device_that_guesses_is_soon_as_unknown_as_any() {
    let world = world(&[FEW_AT_ACCOUNT, FEW_BY_DEVICE, BEHIND_A_PROXY]);
    let thief = known(&world.gateway, "john", "secret123");
    let other = known(&world.gateway, "john", "secret123");
    // Three by itself; then it counts as any client, of which the account takes four.
    assert_eq!(looked_at(&guess(&thief, "john", 9)), 7);
    assert_eq!(outcome(&login(&thief, "john", "secret123")), "RATE_LIMITED");
    assert_eq!(outcome(&login(&other, "john", "secret123")), "ok", "the owner's");
}

#[test]
fn who_knew_the_password_before_has_no_guesses_of_their_own_at_the_next() {
    let world = world(&[FEW_AT_ACCOUNT, BEHIND_A_PROXY]);
    let phishers: Vec<Client> = (0..5).map(|_| known(&world.gateway, "john", "secret123")).collect();
    world.directory.cheap_password("john", "another-password");
    lock(&world, "john");
    for phisher in &phishers {
        assert_eq!(guess(phisher, "john", 1), ["RATE_LIMITED"]);
    }
}

#[test]
fn a_device_whose_budget_is_used_up_hides_no_other() {
    let world = world(&[FEW_AT_ACCOUNT, FEW_BY_DEVICE, BEHIND_A_PROXY]);
    let token = || line(&login(&world.gateway.client(), "john", "secret123")).split(';').next().unwrap().to_owned();
    let [used_up, good] = [token(), token()];
    let used_up = world.gateway.client().with("Cookie", &used_up);
    assert_eq!(looked_at(&guess(&used_up, "john", 9)), 7);
    let document =
        r#"mutation($d: String) { login(username: "john", password: "secret123", deviceId: $d) { ok errorCode } }"#;
    let variables = json!({ "d": good.trim_start_matches("known_device=") });
    let payload = payload(&used_up.graphql(AUTH, document, variables));
    assert_eq!(payload["ok"], json!(true), "{payload}");
}

#[test]
fn its_cookie_is_the_gateways_alone_and_outlives_a_logout() {
    let world = world(&[]);
    let answer = login(&world.gateway.client(), "john", "secret123");
    let line = line(&answer);
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=15552000"] {
        assert!(line.split("; ").any(|part| part == attribute), "{attribute}: {line}");
    }
    let cookie = line.split(';').next().unwrap();
    world.gateway.client().with("Cookie", &format!("theme=dark; {cookie}")).get("/api/articles").unwrap();
    let requests = world.stub.requests();
    assert_eq!(requests[requests.len() - 1].all("Cookie"), ["theme=dark"]);
    let access = payload(&answer)["token"].as_str().unwrap().to_owned();
    let logout = world.gateway.client().bearer(&access).graphql(AUTH, "mutation { logout { ok } }", json!({}));
    let closed = logout.all("set-cookie");
    assert!(closed.iter().any(|line| line.starts_with("jwt=;")), "{closed:?}");
    assert!(!closed.iter().any(|line| line.starts_with("known_device=")), "{closed:?}");
}
