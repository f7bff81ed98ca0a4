//! `railgate user …` as an operator types it, alone and beside others.

use std::{
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use super::{PASSWORD, Place};

#[test]
fn who_is_there_is_shown_without_a_hash() {
    let place = Place::with_eva();
    place.add("Élodie", &["--superuser", "--staff", "--first-name", "Élodie", "--last-name", "Ek"]);
    place.add("max", &["--staff", "--role", "guests", "--role", "editors"]);
    place.done(&["disable", "max"], "");
    let table = place.done(&["list"], "");
    let columns = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = table.lines().map(columns).collect();
    assert_eq!(
        lines,
        ["USERNAME ACTIVE ROLES", "eva yes editors", "Élodie yes superadmin", "max no guests, editors, admin"],
        "{table}"
    );
    let text = place.done(&["list", "--json"], "");
    let users: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(users[1]["last_name"], json!("Ek"));
    assert_eq!((&users[2]["is_active"], &users[2]["roles"]), (&json!(false), &json!(["guests", "editors"])));
    assert!(users[0]["id"].as_str().is_some_and(|id| id.len() == 36 && table.contains(id)));
    for shown in [table, text] {
        assert!(!shown.contains('$') && !shown.contains("password"), "{shown}");
    }
    assert_eq!(std::fs::metadata(place.path()).unwrap().mode() & 0o777, 0o600);
    assert!(place.text().contains("password = \"argon2$argon2id$v=19$m="), "{}", place.text());
}

#[test]
fn of_commands_that_run_at_once_none_is_lost() {
    let place = Place::with_eva();
    let added: Vec<bool> = thread::scope(|scope| {
        let add = |name: String| {
            let mut command = place.command(&["add", &name, "--password-stdin"]);
            scope.spawn(move || {
                let mut child =
                    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
                child.wait().unwrap().success()
            })
        };
        let names = (0..6).flat_map(|number| [format!("user-{number}"), "max".to_owned()]);
        let running: Vec<_> = names.map(add).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(added.iter().filter(|done| **done).count(), 7, "six, and one of those who wanted to be max: {added:?}");
    let users: Value = serde_json::from_str(&place.done(&["list", "--json"], "")).unwrap();
    let mut names: Vec<&str> =
        users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["eva", "max", "user-0", "user-1", "user-2", "user-3", "user-4", "user-5"]);
}

/// What a terminal shows when this is typed on it.
fn on_a_terminal(place: &Place, arguments: &[&str], typed: &str) -> (bool, String) {
    let command = place.command(arguments);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_password_is_typed_twice_and_not_shown() {
    let place = Place::new();
    let (done, shown) = on_a_terminal(&place, &["add", "eva"], "battery staple\nbattery staple\n");
    assert!(done && shown.contains("New password of eva: ") && shown.contains("The same again: "), "{shown}");
    assert!(shown.contains("eva was added to "), "{shown}");
    let gateway = place.setup.start();
    assert_eq!(gateway.login("eva", "battery staple")["ok"], json!(true));
    let (done, shown) = on_a_terminal(&place, &["passwd", "eva"], "battery staple\nbattery stapel\n");
    assert!(!done && shown.contains("these were two passwords; nothing has changed"), "{shown}");
    let (done, shown) = on_a_terminal(&place, &["passwd", "eva"], "1234567\n");
    assert!(!done && shown.contains("a password has 8 characters or more"), "{shown}");
}

#[test]
fn what_is_refused_says_why_and_changes_nothing() {
    let place = Place::with_eva();
    let before = place.text();
    let long = "x".repeat(5000);
    for (arguments, input, why) in [
        (
            &["add", "eva", "--password-stdin"][..],
            PASSWORD,
            "eva is there already; `railgate user passwd` sets a password",
        ),
        (&["add", "EVA", "--password-stdin"], PASSWORD, "EVA is too much like eva, who is there already"),
        (&["add", "max", "--password-stdin"], "1234567\n", "a password has 8 characters or more"),
        (&["add", "max", "--password-stdin"], "12345678\n12345678\n", "standard input has more than one line"),
        (&["add", "max", "--password-stdin"], &long, "standard input has more than 4096 bytes"),
        (&["passwd", "max", "--password-stdin"], PASSWORD, "no user is called max; `railgate user list` shows them"),
        (&["disable", "max"], "", "no user is called max; `railgate user list` shows them"),
        (&["enable", "max"], "", "no user is called max; `railgate user list` shows them"),
    ] {
        assert_eq!(place.refused(arguments, input), format!("railgate: {why}\n"), "{arguments:?}");
    }
    assert_eq!(place.text(), before);
    let usage = place.run(&["add", "max", PASSWORD], "");
    assert_eq!(usage.status.code(), Some(2), "a password is no argument: {usage:?}");
}

#[test]
fn a_configuration_without_a_users_file_is_told_as_such() {
    let place = Place::with_eva();
    let config = place.setup.state_dir().join("proxy.toml");
    let right = std::fs::read_to_string(&config).unwrap();
    let django = right.replace("kind = \"file\"\npath = \"users.toml\"", "url = \"sqlite:///srv/db.sqlite3\"");
    std::fs::write(&config, django).unwrap();
    let said = place.refused(&["list"], "");
    assert!(said.contains("[directory] kind is \"django\": users are the backend's to keep"), "{said}");
    std::fs::write(&config, right.replace("path = ", "paht = ")).unwrap();
    let said = place.refused(&["list"], "");
    assert!(said.contains("error: `directory.path` is missing") && said.contains("did you mean `path`?"), "{said}");
}

#[test]
fn check_reads_the_users_file_too() {
    let place = Place::with_eva();
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_railgate"));
        command.arg("check").arg("--config").arg(place.setup.state_dir().join("proxy.toml"));
        command.env("RAILGATE_LISTEN", "127.0.0.1:0").env("RAILGATE_UPSTREAM", "http://127.0.0.1:1");
        let output = command.env("RAILGATE_STATE_DIR", place.setup.state_dir()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    std::fs::write(place.path(), place.text().replace("argon2$", "argon3$")).unwrap();
    let (code, said) = check();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("users.toml:7: `password` is no hash as Django would store it"), "{said}");
}
