//! Which file is read, by which command, and what is said where none can be.

use std::{net::TcpStream, path::Path, time::Duration};

use super::{REST, check, check_with, folder_with, railgate, run, text};
use crate::support::{ports, process::Process};

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
