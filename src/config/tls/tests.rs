use std::path::Path;

use super::{KeyPair, is_expired};
use crate::{
    config::{
        StoreSettings,
        tests::{config, config_of, messages, messages_of},
    },
    model::Timestamp,
};

/// Of gateway.example.com, from 2026-11-28T22:52:36Z to 2036-11-25T22:52:36Z, by itself.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBrDCCAVGgAwIBAgIUCac/6kKLAuGFBGffgNLFED/azDgwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTZ2F0ZXdheS5leGFtcGxlLmNvbTAeFw0yNjExMjgyMjUyMzZa
Fw0zNjExMjUyMjUyMzZaMB4xHDAaBgNVBAMME2dhdGV3YXkuZXhhbXBsZS5jb20w
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS1apWHOwikQlohX+KjHdt80iEF4Fp/
HH0xsKd6CEn3L574FaGaxC0rdx2RruWR5n1xKdbkVxGgoEgMYTFjfJdao20wazAd
BgNVHQ4EFgQULjIxQdQSPlfIC7eTEz7LyHmwU5gwHwYDVR0jBBgwFoAULjIxQdQS
PlfIC7eTEz7LyHmwU5gwHgYDVR0RBBcwFYITZ2F0ZXdheS5leGFtcGxlLmNvbTAJ
BgNVHRMEAjAAMAoGCCqGSM49BAMCA0kAMEYCIQC+acKT5ztC8fLdUtgkapx8ZbtH
Cm6nGhYw5UQ8msWyCAIhAOKDGVlE6W6l9xLkV6MdwbPtCkMq2Rp5B7YtRwb3mBp9
-----END CERTIFICATE-----
";
/// Its key, known to everybody.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ9PGpvTtEHl/5Rdi
Q8ZlzDNPmjkujd3u7LSztvtMCEOhRANCAAS1apWHOwikQlohX+KjHdt80iEF4Fp/
HH0xsKd6CEn3L574FaGaxC0rdx2RruWR5n1xKdbkVxGgoEgMYTFjfJda
-----END PRIVATE KEY-----
";

fn upstream(lines: &str) -> String {
    format!("[directory]\nurl = 'sqlite:///srv/db.sqlite3'\n[upstream]\n{lines}")
}

fn pair_in(folder: &Path) -> KeyPair {
    let pair = KeyPair { certificate: folder.join("crt"), key: folder.join("key") };
    std::fs::write(&pair.certificate, CERTIFICATE).unwrap();
    std::fs::write(&pair.key, KEY).unwrap();
    pair
}

#[test]
fn a_certificate_has_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = pair_in(folder.path()).load().unwrap();
    let expired = |at| is_expired(&loaded, Timestamp::from_secs(at));
    assert!(expired(1_795_906_355) && expired(2_111_266_357), "before and after");
    assert!(!expired(1_795_906_357) && !expired(2_111_266_355));
}

#[test]
fn no_message_repeats_what_is_in_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let pair = pair_in(folder.path());
    for broken in [KEY.replace("PRIVATE", "SECRET"), KEY.replace('M', "_"), KEY[..100].to_owned()] {
        std::fs::write(&pair.key, &broken).unwrap();
        let error = pair.load().unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!KEY.lines().filter(|line| line.len() > 40).any(|line| said.contains(&line[..20])), "{said}");
    }
}

#[test]
fn the_backends_certificate_is_for_the_host_of_its_url_or_another_name() {
    let name = |lines: &str| {
        let tls = config_of(&upstream(lines)).upstream.tls.unwrap();
        assert!(tls.files.ca.is_none() && tls.files.identity.is_none());
        tls.server_name.to_str().into_owned()
    };
    assert_eq!(name("url = 'https://backend.internal:8443'"), "backend.internal");
    assert_eq!(name("url = 'https://[::1]:8443'"), "::1");
    assert_eq!(name("url = 'https://10.0.0.7'\n[upstream.tls]\nserver_name = 'api.example.com'"), "api.example.com");
    let bad = messages_of(&upstream("url = 'https://10.0.0.7'\n[upstream.tls]\nserver_name = 'no name'"));
    assert!(bad.len() == 1 && bad[0].contains("expected a name or an address"), "{bad:?}");
}

#[test]
fn redis_has_certificates_for_its_hosts_or_for_one_name() {
    let tls = |text: &str| match config(text).store {
        StoreSettings::Redis { tls, .. } => tls,
        StoreSettings::Embedded { .. } => panic!("{text}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let pair = pair_in(folder.path());
    for url in ["rediss://[::1]", "rediss-sentinel://[::1],b/m", "rediss-cluster://[::1],b"] {
        let store = format!("[store]\nurl = '{url}'\n");
        let plain = tls(&store).unwrap();
        assert_eq!((plain.files.ca, plain.files.identity, plain.server_name), (None, None, None), "{url}");
        let (certificate, key) = (pair.certificate.display(), pair.key.display());
        let all = tls(&format!(
            "{store}[store.tls]\nca = '{certificate}'\ncertificate = '{certificate}'\nkey = '{key}'\nserver_name = 'r.internal'"
        ));
        let all = all.unwrap();
        assert_eq!((all.files.ca.as_ref(), all.files.identity.as_ref()), (Some(&pair.certificate), Some(&pair)));
        assert_eq!(all.server_name.unwrap().to_str(), "r.internal");
    }
    assert!(tls("[store]\nurl = 'redis://h'").is_none());
    assert_eq!(
        messages("[store]\nurl = 'rediss-cluster://a,b..c'"),
        ["`store.tls.server_name` is missing: a host of the URL is no name that a certificate could be for"]
    );
    assert!(messages("[store]\nurl = 'rediss-cluster://a,b..c'\n[store.tls]\nserver_name = 'a'").is_empty());
}

#[test]
fn of_tls_with_redis_too() {
    let all = "ca = '/c'\ncertificate = '/c'\nkey = '/k'\nserver_name = 'a'";
    for store in ["", "url = 'redis://h'\n", "url = 'redis-cluster://h'\n"] {
        let found = messages(&format!("[store]\n{store}[store.tls]\n{all}"));
        for key in ["ca", "certificate", "key", "server_name"] {
            assert!(found.contains(&format!("`store.tls.{key}` has no effect")), "{store}: {found:?}");
        }
    }
    let missing = messages("[store]\nurl = 'rediss://h'\n[store.tls]\nca = '/nowhere/ca'\nkey = '/nowhere/key'");
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[0].starts_with("`store.tls.ca` can't be used: /nowhere/ca can't be read"), "{missing:?}");
    assert_eq!(missing[1], "`store.tls.key` has no certificate beside it");
}

#[test]
fn what_would_have_no_effect_is_told() {
    assert!(config_of(&upstream("url = 'http://b'")).upstream.tls.is_none());
    assert_eq!(
        messages_of(&upstream("url = 'http://b'\n[upstream.tls]\nserver_name = 'a'")),
        ["`upstream.tls.server_name` has no effect: the backend is spoken to in clear"]
    );
    assert_eq!(messages_of(&upstream("url = 'http://b'\nprotocol = 'auto'")).len(), 1);
    assert!(messages_of(&upstream("url = 'https://b'\nprotocol = 'auto'")).is_empty());
    assert!(messages_of(&upstream("url = 'http://b'\nprotocol = 'h2'")).is_empty());
    assert_eq!(
        messages_of(&upstream("url = 'https://b'\n[upstream.tls]\nkey = '/nowhere'")),
        ["`upstream.tls.key` has no certificate beside it"]
    );
}
