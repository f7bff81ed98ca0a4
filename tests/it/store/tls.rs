//! TLS with Redis: with all that it consists of, and with nobody who is not who they should be.

use std::{collections::BTreeSet, fs, sync::Arc};

use railgate::{
    model::Secret,
    store::{
        SessionStore as _, StoreError, StoreErrorKind,
        redis::{RedisStore, Tls},
    },
};

use super::{
    feed::heard,
    fixture::{END_MATTERS, TIMEOUT, exchange, key_of, login, rotated},
};
use crate::support::{
    cluster::{self, Nodes},
    gateway::Setup,
    redis::RedisServer,
    redis_tls::Certificates,
    sentinel::{self, Watched},
    stub::Stub,
};

fn connect(url: &str, certificates: &Certificates, name: Option<&str>) -> Arc<RedisStore> {
    let tls = Some(certificates.tls(name));
    Arc::new(RedisStore::connect(&Secret::new(url), tls, "railgate", TIMEOUT * 4, END_MATTERS).unwrap())
}

/// One server with these certificates.
fn serve(certificates: &Certificates) -> RedisServer {
    RedisServer::start_by(&[], || certificates.arguments())
}

/// Follows a session from its beginning to its end, of which another gateway hears.
async fn lives(url: &str, certificates: &Certificates, name: Option<&str>) {
    let (store, other) = (connect(url, certificates, name), connect(url, certificates, name));
    let mut feed = other.feed();
    heard(&mut feed).await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    store.create(new).await.unwrap();
    rotated(other.rotate(exchange(key, "t1", "t2")).await.unwrap());
    assert!(store.end(key).await.unwrap());
    assert_eq!(heard(&mut feed).await.0, BTreeSet::from([key.id]));
}

/// Why nothing is learnt from this Redis.
async fn refusal(url: &str, tls: Tls) -> String {
    let store = RedisStore::connect(&Secret::new(url), Some(tls), "railgate", TIMEOUT * 4, END_MATTERS).unwrap();
    let StoreError { kind, source } = store.find(key_of(&login("7", 1, "t1"))).await.unwrap_err();
    assert_eq!(kind, StoreErrorKind::Unavailable);
    source.to_string()
}

#[tokio::test]
async fn one_server_wants_a_certificate_and_gets_it() {
    let certificates = Certificates::new();
    lives(&serve(&certificates).url(), &certificates, None).await;
}

#[tokio::test]
async fn who_shows_none_is_told_that_one_is_wanted() {
    let certificates = Certificates::new();
    let told = refusal(&serve(&certificates).url(), certificates.tls_of_nobody()).await;
    assert!(told.contains("CertificateRequired"), "{told}");
}

#[tokio::test]
async fn sentinels_and_whom_they_name_are_spoken_to_by_tls() {
    let certificates = Certificates::new();
    let watched = Watched::start_by(sentinel::LATE_MS, || certificates.arguments());
    lives(&watched.url(), &certificates, None).await;
    assert_eq!(watched.primary_by(0), watched.servers[0].others_port(), "they name the port for TLS");
}

#[tokio::test]
async fn the_nodes_of_a_cluster_are_spoken_to_by_tls() {
    let certificates = Certificates::new();
    let nodes = Nodes::start_by(cluster::LATE_MS, || certificates.arguments());
    lives(&nodes.url(), &certificates, None).await;
    // Elsewhere than the feed's keys, and found by a node that sends it there.
    let store = connect(&nodes.url(), &certificates, None);
    for number in 0..8 {
        store.create(login(&number.to_string(), number, "t")).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let server = serve(&Certificates::new());
    let told = refusal(&server.url(), Certificates::new().tls(None)).await;
    assert_eq!(told, "TLS: invalid peer certificate: UnknownIssuer");
}

#[tokio::test]
async fn a_server_of_another_name_is_refused_unless_the_name_is_told() {
    let certificates = Certificates::of_servers("DNS:redis.internal");
    let server = serve(&certificates);
    let told = refusal(&server.url(), certificates.tls(None)).await;
    assert!(told.starts_with("TLS: invalid peer certificate: certificate not valid for name \"127.0.0.1\""), "{told}");
    let told = refusal(&server.url(), certificates.tls(Some("other.internal"))).await;
    assert!(told.contains("certificate not valid for name \"other.internal\""), "{told}");
    lives(&server.url(), &certificates, Some("redis.internal")).await;
}

#[tokio::test]
async fn sentinels_name_addresses_and_all_have_one_name() {
    let certificates = Certificates::of_servers("DNS:redis.internal");
    let watched = Watched::start_by(sentinel::LATE_MS, || certificates.arguments());
    let told = refusal(&watched.url(), certificates.tls(None)).await;
    let sentinel = format!("127.0.0.1:{}: TLS: invalid peer certificate", watched.sentinels[0].others_port());
    assert!(told.contains(&sentinel), "{told}");
    lives(&watched.url(), &certificates, Some("redis.internal")).await;
}

#[tokio::test]
async fn tls_and_no_tls_do_not_understand_each_other() {
    let certificates = Certificates::new();
    let (secure, clear) = (serve(&certificates), RedisServer::start());
    // It waits for the end of a line.
    refusal(&clear.url().replace("redis://", "rediss://"), certificates.tls(None)).await;
    let url = Secret::new(secure.url().replace("rediss://", "redis://"));
    let store = RedisStore::connect(&url, None, "railgate", TIMEOUT, END_MATTERS).unwrap();
    assert_eq!(store.find(key_of(&login("7", 1, "t1"))).await.unwrap_err().kind, StoreErrorKind::Unavailable);
}

#[test]
fn nothing_is_spoken_in_clear_that_was_not_to_be() {
    let tls = || Some(Certificates::new().tls(None));
    for (url, tls) in [("rediss://:canary@h", None), ("redis://:canary@h", tls())] {
        let error = RedisStore::connect(&Secret::new(url), tls, "railgate", TIMEOUT, END_MATTERS).unwrap_err();
        assert!(error.source.to_string().contains("begins with rediss"), "{url}: {error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn what_the_files_say_now_counts_without_a_restart() {
    let certificates = Certificates::new();
    let (server, stub, folder) = (serve(&certificates), Stub::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("ca.crt");
    fs::copy(Certificates::new().authority(), &file).unwrap();
    let lines = certificates.lines().replace(&certificates.authority().display().to_string(), file.to_str().unwrap());
    let mut gateway = Setup::before(&stub, &format!("[store]\nurl = '{}'\n[store.tls]\n{lines}", server.url())).start();
    let told = gateway.process.wait_for_line("the feed of ended sessions broke off");
    assert!(told.contains("TLS: invalid peer certificate: UnknownIssuer"), "{told}");
    fs::copy(certificates.authority(), &file).unwrap();
    gateway.process.wait_for_line("certificates have changed and were read again");
    gateway.process.wait_for_line("the feed of ended sessions is back");
}
