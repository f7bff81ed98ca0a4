//! What documents say of the tests, held against the tests there are.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// Every test of this program, by its whole name.
fn tests() -> BTreeSet<String> {
    let output = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn the_threat_model_names_stories_that_are_told() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/THREAT_MODEL.md")).unwrap();
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    let tests = tests();
    let unknown: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(named.len() > 40 && unknown.is_empty(), "{unknown:#?}");
}
