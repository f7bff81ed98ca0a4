//! Where a client is: what it says itself counts for nothing.

use serde_json::json;

use super::{BEHIND_A_PROXY, FEW_AT_ACCOUNT, FEW_BY_CLIENT, from, guess, login, looked_at, outcome, payload, world};
use crate::support::gateway::{AUTH, Tokens};

#[test]
fn a_forged_address_per_request_is_the_same_client() {
    let world = world(&[FEW_BY_CLIENT]);
    let headers = ["X-Forwarded-For", "X-Real-IP", "True-Client-IP", "X-Client-IP"];
    let outcomes: Vec<String> = (0..8)
        .map(|number| {
            let address = format!("6.6.6.{number}");
            let forged = headers.iter().fold(world.gateway.client(), |client, name| client.with(name, &address));
            outcome(&login(&forged.with("Forwarded", &format!("for={address}")), "john", "wrong"))
        })
        .collect();
    assert_eq!(looked_at(&outcomes), 3);
}

#[test]
fn behind_a_proxy_it_is_the_last_hop_that_no_proxy_is_at() {
    let world = world(&[FEW_BY_CLIENT, BEHIND_A_PROXY]);
    let outcomes: Vec<String> = (0..8)
        .map(|number| {
            let forged = from(&world.gateway, &format!("6.6.6.{number}, 203.0.113.9"));
            outcome(&login(&forged, "john", "wrong"))
        })
        .collect();
    assert_eq!(looked_at(&outcomes), 3, "who is there writes what stands before it");
    assert_eq!(outcome(&login(&from(&world.gateway, "203.0.113.10"), "john", "secret123")), "ok", "somebody else");
}

#[test]
fn a_network_of_ipv6_is_one_client() {
    let world = world(&[FEW_BY_CLIENT, BEHIND_A_PROXY]);
    let guess = |address: &str| outcome(&login(&from(&world.gateway, address), "john", "wrong"));
    let outcomes: Vec<String> = (0..6).map(|number| guess(&format!("2001:db8:0:1:{number}::1"))).collect();
    assert_eq!(looked_at(&outcomes), 3);
    assert_eq!(guess("2001:db8:0:2::1"), "INVALID_CREDENTIALS");
}

#[test]
fn an_account_has_one_budget_for_all_addresses() {
    let world = world(&[FEW_AT_ACCOUNT, BEHIND_A_PROXY]);
    let outcomes: Vec<String> =
        (0..8).flat_map(|number| guess(&from(&world.gateway, &format!("203.0.113.{number}")), "john", 1)).collect();
    assert_eq!(looked_at(&outcomes), 4);
}

#[test]
fn the_clients_address_is_what_the_session_remembers_and_the_backend_is_told() {
    let world = world(&[BEHIND_A_PROXY]);
    let client = from(&world.gateway, "6.6.6.6, 203.0.113.9");
    let access = Tokens::of(&payload(&login(&client, "john", "secret123"))).access;
    let sessions = client.bearer(&access).graphql(AUTH, "{ authSessions { ipAddress } }", json!({})).json();
    assert_eq!(sessions["data"]["authSessions"], json!([{ "ipAddress": "203.0.113.9" }]));
    client.get("/api/articles").unwrap();
    let requests = world.stub.requests();
    assert_eq!(requests[requests.len() - 1].all("X-Forwarded-For"), ["203.0.113.9"]);
}
