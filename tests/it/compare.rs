//! Short runs of the comparison in `benches/compare`. What its figures are is the machine's; that they are there, and
//! come from what was measured, is asserted.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{document::block, shell::Shell, template::run};

fn compare() -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare")).arg("--quick");
    command
}

/// What a short run of the real gateway found, by these arguments.
fn measured(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    println!(
        "{}",
        run(compare().args(["--binary", env!("CARGO_BIN_EXE_railgate"), "--json"]).arg(&file).args(arguments))
    );
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// What a run says that fails.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn cell<'a>(found: &'a Value, peer: &str, work: &str) -> &'a Value {
    let cells: Vec<_> = found["cells"].as_array().unwrap().iter().collect();
    let mut of_both = cells.into_iter().filter(|cell| cell["peer"] == peer && cell["work"] == work);
    of_both.next().unwrap_or_else(|| panic!("{peer} was not measured on {work}"))
}

fn figure<'a>(found: &'a Value, name: &str) -> &'a Value {
    let mut named = found["figures"].as_array().unwrap().iter().filter(|figure| figure["name"] == name);
    named.next().unwrap_or_else(|| panic!("no figure {name}"))
}

/// The ratio of what two cells took of a CPU, and whether that is within the bar.
fn assert_ratio(found: &Value, name: &str, work: &str, [one, other]: [&str; 2]) {
    let cpu = |peer| cell(found, peer, work)["cpu_us"].as_f64().unwrap();
    let figure = figure(found, name);
    let ratio = figure["value"].as_f64().unwrap();
    assert!((ratio - cpu(one) / cpu(other)).abs() < 1e-9, "{figure}");
    assert_eq!(figure["holds"], figure["bar"].as_f64().map_or(json!(null), |bar| json!(ratio <= bar)));
}

fn assert_all_were_answered(found: &Value) {
    for cell in found["cells"].as_array().unwrap() {
        assert!(cell["requests"].as_u64().unwrap() > 0 && cell["cpu_us"].as_f64().unwrap() > 0.0, "{cell}");
        assert_eq!(cell["errors"], 0, "{cell}");
    }
}

#[test]
fn it_is_measured_beside_a_peer() {
    let found = measured(&["--peers", "haproxy", "--scenarios"]);
    assert_all_were_answered(&found);
    for (work, bar) in [("W1", 0.8), ("W2", 1.1), ("W3", 1.0)] {
        let name = format!("{work}: CPU, to haproxy");
        assert_ratio(&found, &name, work, ["railgate", "haproxy"]);
        assert_eq!(figure(&found, &name)["bar"], bar);
    }
    for name in ["resident set under load", "start to first answer"] {
        assert!(figure(&found, name)["value"].as_f64().unwrap() > 0.0, "{found}");
    }
    assert_eq!(figure(&found, "W1: CPU, to envoy")["holds"], json!(null), "what was not measured holds nothing");
    for peer in ["haproxy", "railgate"] {
        let checks = found["checks"][peer].as_array().unwrap();
        assert!(checks.contains(&json!("spoofed headers")) && checks.contains(&json!("expired token")), "{checks:?}");
    }
}

/// Each line of the README, made short, in a folder where it may write. On a busy machine a peer may leave requests
/// unanswered, which the run says in the end and by its exit code; what it was to measure is there all the same.
#[test]
fn the_lines_of_the_readme_measure() {
    let shell = Shell::new();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches"), shell.folder().join("benches")).unwrap();
    let block = block("README.md", "python3 benches/compare --quick");
    let lines = block.lines().map(|line| line.split('#').next().unwrap().replace("--quick", "").trim().to_owned());
    let lines: BTreeSet<String> = lines.collect();
    assert_eq!(lines.len(), 2, "what takes long, which is the same as what is quick, and one that chooses: {lines:?}");
    for line in lines {
        let output = shell.output(&format!("{line} --quick --binary {}", env!("CARGO_BIN_EXE_railgate")));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("\nW1: CPU, to haproxy "), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    let found: Value = serde_json::from_str(&fs::read_to_string(shell.folder().join("figures.json")).unwrap()).unwrap();
    for one in ["routes-", "idle-"] {
        let is_there = |cell: &Value| cell["peer"].as_str().is_some_and(|peer| peer.starts_with(one));
        assert!(found["cells"].as_array().unwrap().iter().any(is_there), "{one}: {found}");
    }
}

#[test]
fn it_is_measured_by_the_size_of_what_it_has_to_do() {
    let found = measured(&["--peers", "--scenarios", "routes", "tokens", "idle", "access-log"]);
    assert_all_were_answered(&found);
    for one in ["routes-50", "tokens-50", "idle-100"] {
        assert_ratio(&found, &format!("W1: CPU, {one} to railgate"), "W1", [one, "railgate"]);
    }
    assert_eq!(figure(&found, "memory of an idle connection, idle-100")["bar"], 20.0);
}

#[test]
fn it_is_measured_with_tokens_of_its_own() {
    let found = measured(&["--peers", "--scenarios", "paseto", "keys"]);
    assert_all_were_answered(&found);
    for [one, other] in [["paseto", "jwt"], ["jwt-keys-5", "jwt"], ["paseto-keys-5", "paseto"]] {
        assert_ratio(&found, &format!("W1: CPU, {one} to {other}"), "W1", [one, other]);
    }
    assert_eq!(figure(&found, "W1: CPU, paseto to jwt")["bar"], 1.1);
}

#[test]
fn a_gateway_that_lets_everybody_in_is_not_timed() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    let text = format!(
        "#!/bin/sh\nfor last; do :; done\nsed -i 's/\"required\"/\"none\"/' \"$last\"\nexec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_railgate")
    );
    fs::write(&open, text).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
    let said = refused(compare().args(["--peers", "--scenarios", "--binary"]).arg(open));
    assert!(said.contains("railgate does not do the work: valid token: "), "{said}");
}

#[test]
fn its_arithmetic_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare");
    run(Command::new("python3").args(["-B", "-m", "unittest", "arithmetic"]).current_dir(folder));
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let python = run(Command::new("python3").args(["-c", "import sys; print(sys.executable)"]));
    symlink(python.trim(), folder.path().join("python3")).unwrap();
    let said = refused(compare().args(["--peers", "--binary", "/bin/true"]).env("PATH", folder.path()));
    assert_eq!(said, "wrk is missing: install the Debian package wrk\n");
}
