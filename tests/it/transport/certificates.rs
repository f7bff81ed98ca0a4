//! The files of certificates: what `check` says of them, and what becomes of changed ones.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    listening,
    tls::{shown, shows},
};
use crate::support::{
    certificates::{Authority, Identity},
    stub::Stub,
};

/// What `check` says of a listener with these lines; paths in it as `…/name`.
fn checked(lines: &str) -> String {
    let output = listening(&Stub::start(), lines, "").command(&["check"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_names_the_line_and_what_is_wrong_with_a_file() {
    let authority = Authority::new("railgate tests");
    let (one, two) = (authority.vouch("one", "one", "DNS:one"), authority.vouch("two", "two", "DNS:two"));
    assert!(checked(&shows(&one)).ends_with("ok\n"));

    let crossed = Identity { key: two.key.clone(), ..one.clone() };
    let said = checked(&shows(&crossed));
    let mismatch = format!(
        "`listeners.tls.key` can't be used: {} is not the key of {}",
        two.key.display(),
        one.certificate.display()
    );
    assert!(said.contains(&mismatch) && said.contains("proxy.toml:6:") && said.contains("name the key that"), "{said}");

    let swapped = Identity { certificate: one.key.clone(), key: one.certificate.clone() };
    let said = checked(&shows(&swapped));
    assert!(
        said.contains("`listeners.tls.certificate` can't be used") && said.contains("holds no certificate"),
        "{said}"
    );
    let no_key = Identity { key: one.certificate.clone(), ..one.clone() };
    assert!(checked(&shows(&no_key)).contains("`listeners.tls.key` can't be used"));
    let absent = Identity { key: "/nowhere/server.key".into(), ..one.clone() };
    let said = checked(&shows(&absent));
    assert!(said.contains("/nowhere/server.key can't be read: No such file"), "{said}");

    let lines = format!("tls.certificate = '{}'\n", one.certificate.display());
    assert!(checked(&lines).contains("`listeners.tls.certificate` has no key beside it"));
    assert!(checked("tls.handshake_timeout = '1s'\n").contains("`listeners.tls.certificate` is missing"));
    let lines = shows(&one) + "tls.client_certificates = 'required'\n";
    assert!(checked(&lines).contains("`listeners.tls.client_certificates` can't be checked"));
    let lines = format!("{}tls.client_authority = '{}'\n", shows(&one), one.key.display());
    assert!(checked(&lines).contains("`listeners.tls.client_authority` can't be used"));
}

#[test]
fn check_warns_of_an_expired_certificate() {
    let authority = Authority::new("railgate tests");
    let said = checked(&shows(&authority.vouch_until("old", "old", "DNS:old", -1)));
    assert!(said.contains("warning: `listeners.tls.certificate` is not valid at this time"), "{said}");
    assert!(said.ends_with("ok, 1 warning\n"), "{said}");
}

fn put(identity: &Identity, into: &Path) {
    for (from, to) in [(&identity.certificate, "tls.crt"), (&identity.key, "tls.key")] {
        fs::copy(from, into.join(to)).unwrap();
    }
}

fn wait_until(what: &str, mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn changed_files_are_taken_and_bad_ones_are_not() {
    let authority = Authority::new("railgate tests");
    let vouch = |name: &str| authority.vouch(name, name, "DNS:localhost");
    let folder = tempfile::tempdir().unwrap();
    // As Kubernetes mounts a secret: names lead through a link to a folder, and another folder takes its place at once.
    for version in ["one", "two"] {
        fs::create_dir(folder.path().join(version)).unwrap();
        put(&vouch(version), &folder.path().join(version));
    }
    let current = folder.path().join("current");
    symlink("one", &current).unwrap();
    let files = Identity { certificate: current.join("tls.crt"), key: current.join("tls.key") };
    let mut gateway = listening(&Stub::start(), &shows(&files), "").start();
    assert_eq!(shown(gateway.port, "localhost"), "CN=one");

    symlink("two", folder.path().join("next")).unwrap();
    fs::rename(folder.path().join("next"), &current).unwrap();
    wait_until("another link", || shown(gateway.port, "localhost") == "CN=two");

    put(&vouch("three"), &current);
    wait_until("other files", || shown(gateway.port, "localhost") == "CN=three");

    fs::copy(&vouch("four").key, &files.key).unwrap();
    let line = gateway.process.wait_for_line("changed certificates can't be used");
    assert!(line.contains("is not the key of") && line.contains("tls.key"), "{line}");
    assert_eq!(shown(gateway.port, "localhost"), "CN=three");
    let mut cat = Command::new("cat");
    assert!(
        !gateway.process.output().contains(&String::from_utf8(cat.arg(&files.key).output().unwrap().stdout).unwrap())
    );
}
