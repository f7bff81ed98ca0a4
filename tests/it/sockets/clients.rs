//! Real clients and the real backend: `graphql-ws`, and `subscriptions-transport-ws` for the older subprotocol.

use serde_json::json;

use crate::{
    clients::node,
    support::{backend::Backend, gateway::Setup},
};

#[test]
fn clients_of_both_subprotocols_query_and_listen() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("john", "secret123");
    let gateway = Setup::in_front_of(&backend).start();
    let told = node("sockets.mjs", &[&format!("http://127.0.0.1:{}", gateway.port)]);
    let john = json!({ "viewer": { "username": "john" } });
    let story = |name: &str| {
        json!({
            "name": name,
            "query": john,
            "event": { "articleCreated": { "title": "Tides", "author": { "username": "john" } } },
            "login": { "refused": "HTTP_ONLY" },
            "again": john,
        })
    };
    assert_eq!(told, [story("graphql-ws"), story("subscriptions-transport-ws")]);
}
