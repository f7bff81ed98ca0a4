//! What an operator sees who made a mistake in `proxy.toml`: the real binary's words, to the letter.

use std::{
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

mod commands;
mod form;
mod in_force;
mod overrides;
mod schema;
mod secrets;
mod values;

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
