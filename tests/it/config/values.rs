//! Values that are of their type and still can't be meant, alone or beside each other, and some that are unwise.

use std::path::Path;

use super::{check, complete, lines, railgate, run, text};

#[test]
fn addresses() {
    insta::assert_snapshot!(check(&lines(r#"
        [[listeners]]
        address = "localhost:80"
        [upstream]
        url = "https://backend/api"
        [directory]
        url = "mysql://:hunter2@db/app"
        [store]
        url = "rediss://:hunter2@cache/db"
    "#)), @r#"
    error: `listeners.address`: expected an address such as "127.0.0.1:8080" or "[::]:8080", found the text "localhost:80"
     --> proxy.toml:2:11
      |
    2 | address = "localhost:80"
      |           ^^^^^^^^^^^^^^

    error: `upstream.url`: must end after host and port: requests keep the paths that clients ask for
     --> proxy.toml:4:7
      |
    4 | url = "https://backend/api"
      |       ^^^^^^^^^^^^^^^^^^^^^

    error: `directory.url`: expected "sqlite:///path", "postgres://user:password@host:port/database" or "mysql://user:password@host:port/database", found another text
     --> proxy.toml:6:7
      |
    6 | url = …
      |       ^

    error: `store.url`: expected "embedded:PATH", "redis://[user:password@]host:port[/db]", "redis-sentinel://[user:password@]host:port,…/SERVICE[/db]" or "redis-cluster://[user:password@]host:port,…"; with TLS rediss in the place of redis, found another text
     --> proxy.toml:8:7
      |
    8 | url = …
      |       ^

    proxy.toml: 4 errors
    "#);
}

#[test]
fn values_that_do_not_go_together() {
    insta::assert_snapshot!(check(&complete(r#"
        [[listeners]]
        address = "127.0.0.1:81"
        [[listeners]]
        address = "127.0.0.1:81"
        [cookies]
        same_site = "none"
        secure = false
        access_name = "__Host-jwt"
        trusted_device_name = "refresh_token"
        [tokens]
        access_lifetime = "1h"
        [sessions]
        idle_lifetime = "30m"
    "#)), @r#"
    error: `listeners.address` is that of another listener
     --> proxy.toml:4:1
      |
    4 | address = "127.0.0.1:81"
      | ^^^^^^^^^^^^^^^^^^^^^^^^
      = help: give each listener an address of its own

    error: `cookies.same_site` is "none", which browsers take only together with `secure = true`
     --> proxy.toml:6:1
      |
    6 | same_site = "none"
      | ^^^^^^^^^^^^^^^^^^
      = help: set `secure = true`, or use "lax"

    error: `cookies.access_name` begins with __Host-, which needs `secure = true`, `path = "/"` and no `domain`
     --> proxy.toml:8:1
      |
    8 | access_name = "__Host-jwt"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: change these, or the name

    error: `cookies.trusted_device_name` is the name of another of the gateway's cookies
     --> proxy.toml:9:1
      |
    9 | trusted_device_name = "refresh_token"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = help: choose another name

    error: `tokens.access_lifetime` is 1h, longer than a session may live without a refresh (30m)
      --> proxy.toml:11:1
       |
    11 | access_lifetime = "1h"
       | ^^^^^^^^^^^^^^^^^^^^^^
       = help: shorten it, or lengthen the lifetimes of [sessions]

    proxy.toml: 5 errors
    "#);
}

#[test]
fn words_that_are_not_offered() {
    insta::assert_snapshot!(check(&complete(r#"
        [[listeners]]
        auth = "requierd"
        [mfa]
        policy = "stuff"
        storage = "redis"
        [log]
        format = "xml"
        level = "inof"
    "#)), @r#"
    error: `listeners.auth`: expected one of "required", "optional", "none"; did you mean "required"?
     --> proxy.toml:2:8
      |
    2 | auth = "requierd"
      |        ^^^^^^^^^^

    error: `mfa.policy`: expected one of "off", "optional", "staff", "all"; did you mean "staff"?
     --> proxy.toml:4:10
      |
    4 | policy = "stuff"
      |          ^^^^^^^

    error: `mfa.storage`: expected one of "directory", "store", found the text "redis"
     --> proxy.toml:5:11
      |
    5 | storage = "redis"
      |           ^^^^^^^

    error: `log.format`: expected one of "text", "json", found the text "xml"
     --> proxy.toml:7:10
      |
    7 | format = "xml"
      |          ^^^^^

    error: `log.level`: expected error, warn, info, debug, trace or off, or a list such as "railgate::http=debug,info", found the text "inof"
     --> proxy.toml:8:9
      |
    8 | level = "inof"
      |         ^^^^^^

    proxy.toml: 5 errors
    "#);
}

#[test]
fn legal_but_unwise() {
    insta::assert_snapshot!(check(&complete(r#"
        [[listeners]]
        address = "0.0.0.0:80"
        auth = "none"
        [cookies]
        secure = false
        [store]
        url = "redis://:hunter2@cache"
        [mfa]
        policy = "off"
        trusted_devices = false
        trusted_device_lifetime = "7d"
        [tokens]
        jwt_secret = "hunter2 hunter2 hunter2 hunter2 hunter2"
    "#)), @r#"
    warning: `listeners.auth` is "none" on an address that other machines reach: logins there go to the backend itself
     --> proxy.toml:3:1
      |
    3 | auth = "none"
      | ^^^^^^^^^^^^^
      = help: listen on 127.0.0.1, or use "optional"

    warning: `cookies.secure` is off, and other machines reach the gateway: tokens cross the network in the clear
     --> proxy.toml:5:1
      |
    5 | secure = false
      | ^^^^^^^^^^^^^^
      = help: browsers take Secure cookies from http://localhost, too; leave it on

    warning: `store.url`: a secret stands in the file
     --> proxy.toml:7:7
      |
    7 | url = …
      |       ^
      = help: { env = "NAME" } or { file = "/run/secrets/name" } keeps it out of backups and repositories

    warning: `mfa.policy` is "off": who has a second factor is not asked for it, and a password is enough
     --> proxy.toml:9:1
      |
    9 | policy = "off"
      | ^^^^^^^^^^^^^^
      = help: use "optional", which asks those who have one

    warning: `mfa.trusted_device_lifetime` has no effect
      --> proxy.toml:11:1
       |
    11 | trusted_device_lifetime = "7d"
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: set `trusted_devices = true`, or remove it

    warning: `tokens.jwt_secret` has no effect
      --> proxy.toml:13:1
       |
    13 | jwt_secret = …
       | ^^^^^^^^^^
       = help: set `format = "jwt"`, or remove it

    warning: `tokens.jwt_secret`: a secret stands in the file
      --> proxy.toml:13:14
       |
    13 | jwt_secret = …
       |              ^
       = help: { env = "NAME" } or { file = "/run/secrets/name" } keeps it out of backups and repositories

    proxy.toml: ok, 7 warnings
    "#);
}

/// Each file of `broken` has its own mistakes, and beside it stands what `check` says of it.
#[test]
fn every_mistake_is_told_with_its_place_and_a_way_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/broken");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let output = run(railgate(&folder, &["check", "--config", &name], &[]));
        assert_eq!(text(&output.stderr), "", "{name}");
        let said = format!("{}exit code {}\n", text(&output.stdout), output.status.code().unwrap());
        assert!(!said.contains("hunter2"), "{said}");
        settings.bind(|| insta::assert_snapshot!(name.trim_end_matches(".toml"), said));
    }
}
