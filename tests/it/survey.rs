//! `railgate check --upstream` before real backends: what it finds, and what it exits with.

use std::process::Output;

use serde_json::json;

use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Setup},
    plain::Plain,
    ports,
};

fn survey(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["check", "--upstream"], arguments].concat();
    let Output { status, stdout, stderr } = setup.command(&arguments).output().expect("railgate");
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[test]
fn rail_django_fits_as_it_is_and_what_is_left_to_it_needs_a_rule() {
    let backend = Backend::on_sqlite();
    let setup = Setup::in_front_of(&backend);
    let login = r#"mutation { login(username: "john", password: "secret123") { token } }"#;
    let answer = Client::new(backend.port).graphql(AUTH, login, json!({})).json();
    let token = setup.state_dir().join("token");
    std::fs::write(&token, answer["data"]["login"]["token"].as_str().expect("a token")).unwrap();

    let (code, told) = survey(&setup, &[]);
    assert_eq!(code, Some(1), "{told}");
    let refused = "error: /graphql/gql/: the backend does not show its schema: Authentication required";
    assert!(told.contains(refused) && told.contains("--token-file"), "{told}");

    let shown = ["--token-file", token.to_str().unwrap()];
    let (code, told) = survey(&setup, &shown);
    assert_eq!(code, Some(0), "{told}");
    for line in ["level 1, the backend's login: fits", "level 2, the backend's database: fits", "adoption level 2 fits"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(told.contains("ways past the gateway: 0, differences that clients may notice: 0"), "{told}");

    let setup = setup.changed("#register = \"adopt\"", "register = \"forward\"");
    let (code, told) = survey(&setup, &shown);
    assert_eq!(code, Some(1), "{told}");
    let door = "error: /graphql/auth/: mutation `register` of the backend takes a password (`password`), and no rule is for it";
    assert!(told.contains(door) && told.contains("[[fields]] with field = \"register\""), "{told}");
    let text = std::fs::read_to_string(setup.state_dir().join("proxy.toml")).unwrap();
    let setup = setup.config(&format!("{text}\n[[fields]]\nfield = \"register\"\ndeny = true\n"));
    let (code, told) = survey(&setup, &shown);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn a_login_by_another_name_is_a_door_until_the_gateway_answers_it() {
    let backend = Backend::with(&[("OTHER_NAMES", "on")]);
    let setup = Setup::in_front_of(&backend);
    let at = ["--path", AUTH];
    let (code, told) = survey(&setup, &at);
    assert_eq!(code, Some(1), "{told}");
    let door = "error: /graphql/auth/: mutation `tokenAuth` of the backend takes a password (`password`) and returns a token \
                (`ephemeralToken`), as `login` does, and no rule is for it\n  = help: have the gateway answer it as its own login: \
                tokenAuth = \"login\" below [graphql.owned_aliases]; or say";
    assert!(told.contains(door), "{told}");
    assert!(
        told.contains("as its own register: signUp = \"register\" below [graphql.owned_aliases]; or say"),
        "{told}"
    );
    assert!(told.contains("ways past the gateway: 2, "), "{told}");

    let names = "owned_aliases = { tokenAuth = \"login\", signUp = \"register\" }";
    let setup = setup.changed("#owned_aliases = {}", names);
    let (code, told) = survey(&setup, &at);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("ways past the gateway: 0, differences that clients may notice: 0"), "{told}");
}

#[test]
fn a_backend_without_auth_fields_gets_them_and_one_that_is_away_is_an_error() {
    let plain = Plain::start();
    let setup = Setup::before_port(plain.port, "");
    let (code, told) = survey(&setup, &["--path", AUTH]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("note: /graphql/auth/: `Mutation.login` is not at the backend: the gateway adds it"),
        "{told}"
    );
    assert!(told.contains("level 1, the backend's login: does not fit: no endpoint has mutations `login("), "{told}");

    let (code, told) = survey(&Setup::before_port(ports::free(), ""), &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("error: /graphql/auth/: no connection to the backend: Connection refused"), "{told}");
    assert!(told.contains("no adoption level is known to fit"), "{told}");
}

#[test]
fn a_configuration_that_does_not_hold_asks_nobody() {
    let setup = Setup::before_port(ports::free(), "[upstraem]\n");
    let (code, told) = survey(&setup, &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("upstraem") && !told.contains("level 1"), "{told}");
}
