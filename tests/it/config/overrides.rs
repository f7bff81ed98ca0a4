//! Variables that stand for keys: `RAILGATE__UPSTREAM__URL`.

use super::{check_with, complete, folder_with, railgate, run, text};

#[test]
fn a_mistake_in_a_variable_is_told_by_its_name() {
    let variables = [
        ("RAILGATE__SERVER__THREADS", "hunter2"),
        ("RAILGATE__SERVER__BODY_LIMIT", "1B"),
        ("RAILGATE__SERVER__HEADER_TIMOUT", "1s"),
        ("RAILGATE__LISTENER__ADDRESS", "127.0.0.1:80"),
        ("RAILGATE__LISTENERS__ADDRESS", "127.0.0.1:80"),
        ("RAILGATE__LISTENERS__2__ADDRESS", "127.0.0.1:80"),
        ("RAILGATE__log__level", "debug"),
        ("RAILGATE__LOG__LEVEL", "hunter2"),
        ("RAILGATE__GRAPHQL__PATHS", "/graphql"),
        ("RAILGATE__GRAPHQL__CLOSED_PATHS", "['hunter2']"),
        ("RAILGATE__COOKIES__TRUSTED_ORIGINS", "'hunter2'"),
        ("RAILGATE__CORS__ALLOWED_ORIGINS", "[22222222]"),
        ("RAILGATE__ROUTES", "[{ pth = '/hunter2' }]"),
        ("RAILGATE__STORE__URL", "redis://:hunter2@"),
        ("RAILGATE__TOKENS__KEYS", "['hunter2']"),
        ("RAILGATE__XYZ", "hunter2"),
    ];
    let said = check_with(complete(""), &variables);
    assert!(!said.contains("hunter2") && !said.contains("22222222"), "{said}");
    insta::assert_snapshot!(said, @r#"
    error: RAILGATE__LISTENERS__ADDRESS names no key
     --> the environment variable RAILGATE__LISTENERS__ADDRESS
      = help: did you mean RAILGATE__LISTENERS__0__ADDRESS?

    error: RAILGATE__LISTENER__ADDRESS names no key
     --> the environment variable RAILGATE__LISTENER__ADDRESS
      = help: did you mean RAILGATE__LISTENERS__0__ADDRESS?

    error: RAILGATE__SERVER__HEADER_TIMOUT names no key
     --> the environment variable RAILGATE__SERVER__HEADER_TIMOUT
      = help: did you mean RAILGATE__SERVER__HEADER_TIMEOUT?

    error: RAILGATE__XYZ names no key
     --> the environment variable RAILGATE__XYZ
      = help: a name is that of a table and of its key, as in RAILGATE__UPSTREAM__URL

    error: RAILGATE__log__level names no key
     --> the environment variable RAILGATE__log__level
      = help: did you mean RAILGATE__LOG__LEVEL?

    error: `graphql.paths`: expected ["…", "…"], as a list in the file, found something else
     --> the environment variable RAILGATE__GRAPHQL__PATHS

    error: `listeners`: there is no table 2, and the next one is 0
     --> the environment variable RAILGATE__LISTENERS__2__ADDRESS
      = help: they are counted from 0

    error: `graphql.closed_paths`: expected a GraphQL path such as "/graphql/gql", or the beginning of some: "/graphql/g*", found something else in the environment variable RAILGATE__GRAPHQL__CLOSED_PATHS
     --> the environment variable RAILGATE__GRAPHQL__CLOSED_PATHS

    error: `tokens.keys`: expected a key as `railgate keygen` prints it, found something else in the environment variable RAILGATE__TOKENS__KEYS
     --> the environment variable RAILGATE__TOKENS__KEYS

    error: `cookies.trusted_origins`: expected a list, found another text
     --> the environment variable RAILGATE__COOKIES__TRUSTED_ORIGINS
      = help: write `trusted_origins = ["…"]`, also for one; each item may be { env = "NAME" }

    error: `cors.allowed_origins`: expected an origin such as "https://app.example.com", found a number
     --> the environment variable RAILGATE__CORS__ALLOWED_ORIGINS

    error: `server.threads`: expected a whole number, found something else in the environment variable RAILGATE__SERVER__THREADS
     --> the environment variable RAILGATE__SERVER__THREADS

    error: `server.body_limit`: must be from 1KiB to 1024GiB, not 1B
     --> the environment variable RAILGATE__SERVER__BODY_LIMIT

    error: `routes.path` is missing
     --> proxy.toml
      = help: add `path = "/reports*"` below [[routes]]

    error: `routes.pth` is not a key
     --> the environment variable RAILGATE__ROUTES
      = help: did you mean `path`?

    error: `store.url`: expected "embedded:PATH", "redis://[user:password@]host:port[/db]", "redis-sentinel://[user:password@]host:port,…/SERVICE[/db]" or "redis-cluster://[user:password@]host:port,…"; with TLS rediss in the place of redis, found something else in the environment variable RAILGATE__STORE__URL
     --> the environment variable RAILGATE__STORE__URL

    error: `log.level`: expected error, warn, info, debug, trace or off, or a list such as "railgate::http=debug,info", found something else in the environment variable RAILGATE__LOG__LEVEL
     --> the environment variable RAILGATE__LOG__LEVEL

    proxy.toml: 17 errors
    "#);
}

#[test]
fn what_is_no_text_is_told_and_what_is_empty_is_not_there() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = folder_with(complete(""));
    let mut command = railgate(folder.path(), &["check"], &[("RAILGATE__SERVER__THREADS", "")]);
    assert_eq!(text(&run(command).stdout), "proxy.toml: ok\n");
    command = railgate(folder.path(), &["check"], &[]);
    command.env("RAILGATE__SERVER__THREADS", std::ffi::OsStr::from_bytes(b"\xff"));
    let said = text(&run(command).stdout);
    assert!(said.contains("the environment variable RAILGATE__SERVER__THREADS is not UTF-8"), "{said}");
}

#[test]
fn a_file_may_leave_everything_to_variables() {
    let variables = [
        ("RAILGATE__UPSTREAM__URL", "http://127.0.0.1:8000"),
        ("RAILGATE__DIRECTORY__URL", "postgres://u:hunter2@db/app"),
    ];
    assert_eq!(check_with("", &variables), "proxy.toml: ok\n");
}
