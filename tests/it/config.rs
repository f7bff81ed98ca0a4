//! What an operator sees who made a mistake in `proxy.toml`: the real binary's words, to the letter.

use std::{
    net::TcpStream,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{ports, process::Process};

mod in_force;
mod overrides;
mod schema;

/// What a file needs; stands below a test's own lines.
const REST: &str = "\n[upstream]\nurl = \"http://127.0.0.1:8000\"\n\n[directory]\nurl = \"sqlite:///srv/db.sqlite3\"\n";

/// The lines of a file as a test writes them, without their indentation.
fn lines(text: &str) -> String {
    text.trim().lines().map(|line| line.trim_start().to_owned() + "\n").collect()
}

/// The same, with all that a file needs.
fn complete(text: &str) -> String {
    lines(text) + REST
}

fn folder_with(text: impl AsRef<[u8]>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("proxy.toml"), text).unwrap();
    folder
}

/// The binary in that folder, with an environment of these variables only.
fn railgate(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_railgate"));
    command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
    command
}

fn run(mut command: Command) -> Output {
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What `check` says; standard error stays empty and the exit code goes with the verdict.
fn check_with(content: impl AsRef<[u8]>, variables: &[(&str, &str)]) -> String {
    let folder = folder_with(content);
    let output = run(railgate(folder.path(), &["check"], variables));
    let said = text(&output.stdout);
    assert_eq!(text(&output.stderr), "");
    let fine = said.lines().next_back().unwrap().starts_with("proxy.toml: ok");
    assert_eq!(output.status.code(), Some(i32::from(!fine)), "{said}");
    said
}

fn check(content: &str) -> String {
    check_with(content, &[])
}

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
fn secrets_that_cannot_be_had() {
    let content = complete(
        r#"
        [upstream.identity]
        bearer = "rail-jwt"
        rail_jwt_secret = { env = "NOT_SET" }
        [tokens]
        format = "jwt"
        jwt_secret = { file = "missing" }
        keys = ["hunter2", { evn = "KEY" }, {}]
        accept_rail_jwt = { secret = { env = "SHORT", default = "hunter2" }, cut_over = 2026-03-01 }
        "#,
    );
    insta::assert_snapshot!(check_with(content, &[("SHORT", "hunter2")]), @r#"
    error: `upstream.identity.rail_jwt_secret`: the environment variable NOT_SET is not set
     --> proxy.toml:3:27
      |
    3 | rail_jwt_secret = { env = "NOT_SET" }
      |                           ^^^^^^^^^
      = help: set NOT_SET where railgate is started, or add a `default`

    error: `tokens.jwt_secret`: the file ./missing can't be read: No such file or directory (os error 2)
     --> proxy.toml:6:23
      |
    6 | jwt_secret = { file = "missing" }
      |                       ^^^^^^^^^
      = help: a relative path begins at the folder of this file; the user that runs railgate must be able to read it

    error: `tokens.keys`: expected a key as `railgate keygen` prints it, found another text
     --> proxy.toml:7:9
      |
    7 | keys = […, { evn = … }, {}]
      |         ^

    error: `tokens.keys.evn` is not a key
     --> proxy.toml:7:22
      |
    7 | keys = […, { evn = … }, {}]
      |              ^^^
      = help: did you mean `env`?

    error: `tokens.keys` is a table that refers to nothing
     --> proxy.toml:7:37
      |
    7 | keys = […, { evn = … }, {}]
      |                         ^^
      = help: { env = "NAME" }, { env = "NAME", default = … } or { file = "path" }

    error: `tokens.accept_rail_jwt.secret`: has 7 bytes; an HS256 secret needs at least 32 (RFC 7518 §3.2)
     --> proxy.toml:8:38
      |
    8 | accept_rail_jwt = { secret = { env = "SHORT", default = … }, cut_over = … }
      |                                      ^^^^^^^

    error: `tokens.accept_rail_jwt.cut_over`: expected an instant with its offset, such as 2026-03-01T00:00:00Z, found a date
     --> proxy.toml:8:81
      |
    8 | accept_rail_jwt = { secret = { env = …, default = … }, cut_over = 2026-03-01 }
      |                                                                   ^^^^^^^^^^

    proxy.toml: 7 errors
    "#);
}

#[test]
fn values_from_the_environment() {
    let content = complete(
        r#"
        [server]
        threads = { env = "THREADS" }
        body_limit = { env = "EMPTY", default = "12" }
        [log]
        level = { env = "EMPTY" }
        [cookies]
        secure = { env = "YES" }
        same_site = { file = "x" }
        "#,
    );
    let variables = [("THREADS", "hunter2"), ("EMPTY", ""), ("YES", "true")];
    insta::assert_snapshot!(check_with(content, &variables), @r#"
    error: `server.threads`: expected a whole number, found something else in the environment variable THREADS
     --> proxy.toml:2:19
      |
    2 | threads = { env = "THREADS" }
      |                   ^^^^^^^^^

    error: `server.body_limit`: expected a size such as "64KiB" (units: B, KiB, MiB, GiB), found the text "12"
     --> proxy.toml:3:41
      |
    3 | body_limit = { env = …, default = "12" }
      |                                   ^^^^

    error: `log.level`: the environment variable EMPTY is not set
     --> proxy.toml:5:17
      |
    5 | level = { env = "EMPTY" }
      |                 ^^^^^^^
      = help: set EMPTY where railgate is started, or add a `default`

    error: `cookies.same_site.file` is not a key
     --> proxy.toml:8:15
      |
    8 | same_site = { file = … }
      |               ^^^^
      = help: valid here: env, default

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

#[test]
fn a_file_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(railgate(folder.path(), &["check", "--config", "other.toml"], &[]));
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(text(&output.stdout), @r#"
    error: can't be read: No such file or directory (os error 2)
     --> other.toml
      = help: --config FILE, or RAILGATE_CONFIG, says which file is read

    other.toml: 1 error
    "#);
    let said = text(&run(railgate(folder.path(), &["check", "--config", "."], &[])).stdout);
    assert!(said.contains("help: name the file in it: --config FILE"), "{said}");
    insta::assert_snapshot!(check_with(b"[log]\n# \xff\n", &[]), @r#"
    error: not UTF-8
     --> proxy.toml:2:3
      |
    2 | # …
      |   ^
      = help: save it as UTF-8

    proxy.toml: 1 error
    "#);
}

/// A value that must not be seen stands where it belongs, where it doesn't, and in what is no TOML.
#[test]
fn nothing_of_a_secret_is_shown() {
    let mistakes = [
        "[tokens]\nkeys = [\"hunter2\"]",
        "[tokens]\nkeys = \"hunter2\"",
        "[tokens]\nkyes = [\"hunter2\"]",
        "tokens = \"hunter2\"",
        "[tokens]\njwt_secret = \"\"\"\nhunter2\"\"\"\nformat = \"jwt\"",
        "[tokens]\naccept_rail_jwt = { secret = \"hunter2 hunter2 hunter2 hunter2 hunter2\" }",
        "[tokens]\naccept_rail_jwt = { secrte = \"hunter2\", cut_over = 1 }",
        "[tokens]\naccept_rail_jwt = \"hunter2\"",
        "[tokens]\nformat = \"jwt\"\njwt_secret = { file = 1, default = \"hunter2\" }",
        "[tokens]\njwt_secret = { env = \"hunter2=\" }",
        "[tokens]\njwt_secret = hunter2 hunter2",
        "[tokens]\njwt_secret = \"hunter2",
        "[tokens]\njwt_secret \"hunter2\"",
        "[tokens]\nkeys = [\n\"hunter2\"\n\"hunter2\"\n]",
        "[store]\nurl = \"redis://user:hunter2@\"",
        "[store]\nurl = \"hunter2\" # hunter2",
        "[store]\nurl = { env = \"CANARY\" }",
        "[server]\nthreads = { env = \"CANARY\" }",
        "[log]\nlevel = { env = \"CANARY\" }",
        "[cookies]\npath = { env = \"CANARY\" }\nsame_site = { env = \"CANARY\" }",
        "[upstream.identity]\nrail_jwt_secret = \"hunter2\"\nbearer = \"rail\"",
    ];
    for mistake in mistakes {
        let said = check_with(format!("{mistake}{REST}"), &[("CANARY", "hunter2")]);
        assert!(said.contains("error"), "{mistake}: {said}");
        assert!(!said.contains("hunter2"), "{mistake}: {said}");
    }
}

fn shipped() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy.toml")).unwrap()
}

#[test]
fn the_shipped_sample_is_fine_and_names_what_it_lacks() {
    let variables = [
        ("RAILGATE_DIRECTORY_URL", "sqlite:///srv/db.sqlite3"),
        ("RAILGATE_RAIL_JWT_SECRET", "a secret that is long enough for HS256"),
    ];
    assert_eq!(check_with(shipped(), &variables), "proxy.toml: ok\n");
    let said = check_with(shipped(), &[]);
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    error: `upstream.identity.rail_jwt_secret`: the environment variable RAILGATE_RAIL_JWT_SECRET is not set
    error: `directory.url`: the environment variable RAILGATE_DIRECTORY_URL is not set
    "#);
}

#[test]
fn run_says_the_same_and_does_not_listen() {
    let port = ports::free();
    let content = format!("[[listeners]]\naddress = \"127.0.0.1:{port}\"\nauht = \"none\"\n{REST}");
    let folder = folder_with(&content);
    let mut process = Process::spawn(railgate(folder.path(), &["run"], &[]), "railgate");
    assert_eq!(process.wait(Duration::from_secs(30)).code(), Some(1));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let output = run(railgate(folder.path(), &["run"], &[]));
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), check(&content)));
}

#[test]
fn a_start_that_fails_tells_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder_with(format!(
        "state_dir = \"proxy.toml/x\"\n[[listeners]]\naddress = \"{}\"\n{REST}",
        taken.local_addr().unwrap()
    ));
    let output = run(railgate(folder.path(), &["run"], &[]));
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.lines().next_back().unwrap().starts_with("railgate: session store ./proxy.toml/x/sessions.db: "),
        "{said}"
    );
}

#[test]
fn the_file_is_named_by_option_or_environment() {
    let folder = folder_with(REST);
    std::fs::rename(folder.path().join("proxy.toml"), folder.path().join("other.toml")).unwrap();
    for (arguments, variables) in [
        (&["check", "--config", "other.toml"][..], &[][..]),
        (&["check"][..], &[("RAILGATE_CONFIG", "other.toml")][..]),
    ] {
        let output = run(railgate(folder.path(), arguments, variables));
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "other.toml: ok\n".to_owned()));
    }
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["walk"], &["check", "--confg", "x"], &["keygen", "x"]] {
        let output = run(railgate(folder.path(), arguments, &[]));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("Usage"), "{arguments:?}");
    }
    let version = run(railgate(folder.path(), &["--version"], &[]));
    assert_eq!(text(&version.stdout), concat!("railgate ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn each_key_is_new_and_good_for_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let key = || text(&run(railgate(folder.path(), &["keygen"], &[])).stdout);
    let (first, second) = (key(), key());
    assert_ne!(first, second);
    let variables = [("FIRST", first.trim_end()), ("SECOND", second.trim_end())];
    let content = format!("[tokens]\nkeys = [{{ env = \"FIRST\" }}, {{ env = \"SECOND\" }}]\n{REST}");
    assert_eq!(check_with(content, &variables), "proxy.toml: ok\n");
    let ring = [&first, &second].map(|key| railgate::model::Secret::new(key.as_str()));
    assert_eq!(railgate::auth::tokens::KeyRing::<railgate::auth::tokens::Key>::parse(&ring).unwrap().iter().count(), 2);
}
