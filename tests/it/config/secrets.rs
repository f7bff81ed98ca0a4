//! What comes from the environment or from a file, and that nothing of it is shown.

use super::{REST, check_with, complete, railgate, run, text};

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
