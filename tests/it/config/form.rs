//! What is wrong with a file before its values are looked at as a whole: keys, types, units, and what is missing.

use super::{check, complete, lines};

#[test]
fn keys_that_do_not_exist() {
    insta::assert_snapshot!(check(&complete(r#"
        stat_dir = "/x"
        [servr]
        [server]
        heder_timeout = "1s"
        [mfa]
        trusted_device = false
        [cookies]
        trusted_device = "x"
        [log]
        colour = true
    "#)), @r#"
    error: `stat_dir` is not a key
     --> proxy.toml:1:1
      |
    1 | stat_dir = …
      | ^^^^^^^^
      = help: did you mean `state_dir`?

    error: `servr` is not a key
     --> proxy.toml:2:2
      |
    2 | [servr]
      |  ^^^^^
      = help: did you mean `server`?

    error: `server.heder_timeout` is not a key
     --> proxy.toml:4:1
      |
    4 | heder_timeout = …
      | ^^^^^^^^^^^^^
      = help: did you mean `header_timeout`?

    error: `mfa.trusted_device` is not a key
     --> proxy.toml:6:1
      |
    6 | trusted_device = …
      | ^^^^^^^^^^^^^^
      = help: did you mean `trusted_devices`?

    error: `cookies.trusted_device` is not a key
     --> proxy.toml:8:1
      |
    8 | trusted_device = …
      | ^^^^^^^^^^^^^^
      = help: did you mean `trusted_device_name`?

    error: `log.colour` is not a key
      --> proxy.toml:10:1
       |
    10 | colour = …
       | ^^^^^^
       = help: valid here: format, level, access

    proxy.toml: 6 errors
    "#);
}

#[test]
fn values_of_another_type() {
    insta::assert_snapshot!(check(&complete(r#"
        [server]
        threads = "4"
        body_limit = 1000
        [cookies]
        secure = "yes"
        [graphql]
        paths = "/graphql"
        [tokens]
        claims = ["email", 7]
    "#)), @r#"
    error: `server.threads`: expected a whole number, found the text "4"
     --> proxy.toml:2:11
      |
    2 | threads = "4"
      |           ^^^

    error: `server.body_limit`: expected a size such as "64KiB" (units: B, KiB, MiB, GiB), found the number 1000
     --> proxy.toml:3:14
      |
    3 | body_limit = 1000
      |              ^^^^

    error: `cookies.secure`: expected true or false, found the text "yes"
     --> proxy.toml:5:10
      |
    5 | secure = "yes"
      |          ^^^^^

    error: `graphql.paths`: expected a list, found the text "/graphql"
     --> proxy.toml:7:9
      |
    7 | paths = "/graphql"
      |         ^^^^^^^^^^
      = help: write `paths = ["…"]`, also for one; each item may be { env = "NAME" }

    error: `tokens.claims`: expected one of "email", "roles", "permissions", found the number 7
     --> proxy.toml:9:20
      |
    9 | claims = […, 7]
      |              ^

    proxy.toml: 5 errors
    "#);
}

#[test]
fn units_and_bounds() {
    insta::assert_snapshot!(check(&complete(r#"
        [server]
        header_limit = "1KiB"
        header_timeout = "10 sec"
        body_limit = "10MB"
        [hashing]
        queue = -1
        [mfa]
        issuer = "Rail: Django"
        fresh_login = "10s"
        trusted_device_lifetime = "2y"
    "#)), @r#"
    error: `server.header_limit`: must be from 8KiB to 1MiB, not 1KiB
     --> proxy.toml:2:16
      |
    2 | header_limit = "1KiB"
      |                ^^^^^^

    error: `server.header_timeout`: expected a duration such as "10s" (units: ms, s, m, h, d), found the text "10 sec"
     --> proxy.toml:3:18
      |
    3 | header_timeout = "10 sec"
      |                  ^^^^^^^^

    error: `server.body_limit`: expected a size such as "64KiB" (units: B, KiB, MiB, GiB), found the text "10MB"
     --> proxy.toml:4:14
      |
    4 | body_limit = "10MB"
      |              ^^^^^^

    error: `hashing.queue`: must be from 0 to 100000, not -1
     --> proxy.toml:6:9
      |
    6 | queue = -1
      |         ^^

    error: `mfa.issuer`: has a colon, at which authenticators would cut it off
     --> proxy.toml:8:10
      |
    8 | issuer = "Rail: Django"
      |          ^^^^^^^^^^^^^^

    error: `mfa.fresh_login`: must be from 1m to 1d, not 10s
     --> proxy.toml:9:15
      |
    9 | fresh_login = "10s"
      |               ^^^^^

    error: `mfa.trusted_device_lifetime`: expected a duration such as "10s" (units: ms, s, m, h, d), found the text "2y"
      --> proxy.toml:10:27
       |
    10 | trusted_device_lifetime = "2y"
       |                           ^^^^

    proxy.toml: 7 errors
    "#);
}

#[test]
fn what_is_required() {
    insta::assert_snapshot!(check(&lines(r#"
        [upstream]
        [upstream.identity]
        bearer = "rail-jwt"
    "#)), @r#"
    error: `upstream.url` is missing
     --> proxy.toml:1:1
      |
    1 | [upstream]
      | ^^^^^^^^^^
      = help: add `url = "http://127.0.0.1:8000"` below [upstream]

    error: `upstream.identity.bearer` is "rail-jwt", which needs `rail_jwt_secret`
     --> proxy.toml:3:1
      |
    3 | bearer = "rail-jwt"
      | ^^^^^^^^^^^^^^^^^^^
      = help: add `rail_jwt_secret = { env = "DJANGO_SECRET_KEY" }`: the project's JWT_SECRET_KEY, else its SECRET_KEY

    error: `directory.url` is missing
     --> proxy.toml
      = help: add `url = { env = "DATABASE_URL" }` below [directory]

    proxy.toml: 3 errors
    "#);
}

#[test]
fn no_toml() {
    insta::assert_snapshot!(check(&complete(r#"
        [[listeners]
        address = 127.0.0.1:80
        [log]
        level = "info
        [log]
    "#)), @r#"
    error: not TOML: unclosed array table, expected `]`
     --> proxy.toml:1:13
      |
    1 | [[listeners]
      |             ^
      = help: a head is `[table]`, or `[[tables]]` for one of several

    error: not TOML: invalid basic string, expected `"`
     --> proxy.toml:4:14
      |
    4 | level = "…
      |           ^
      = help: close the text by a " on its line

    error: not TOML: duplicate key
     --> proxy.toml:5:2
      |
    5 | [log]
      |  ^^^
      = help: it is given above already: leave one of the two

    proxy.toml: 3 errors
    "#);
}

#[test]
fn the_same_key_twice() {
    insta::assert_snapshot!(check(&complete(r#"
        [log]
        level = "info"
        level = "debug"
    "#)), @r#"
    error: not TOML: duplicate key
     --> proxy.toml:3:1
      |
    3 | level = "…"
      | ^^^^^
      = help: it is given above already: leave one of the two

    proxy.toml: 1 error
    "#);
}
