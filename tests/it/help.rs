//! What the command line says of itself, and what shells complete.

use std::{path::Path, process::Command};

const COMMANDS: [&[&str]; 15] = [
    &[],
    &["run"],
    &["check"],
    &["config"],
    &["schema"],
    &["keygen"],
    &["completions"],
    &["user"],
    &["user", "add"],
    &["user", "passwd"],
    &["user", "disable"],
    &["user", "enable"],
    &["user", "list"],
    &["user", "import"],
    &["user", "unlock"],
];

fn railgate(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_railgate")).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_help_of_each_command_teaches_it() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for command in COMMANDS {
        let said = railgate(&[command, &["--help"]].concat());
        assert!(said.contains("\nExamples:\n  railgate "), "{said}");
        let name = if command.is_empty() { "railgate".to_owned() } else { command.join("-") };
        settings.bind(|| insta::assert_snapshot!(name, said));
    }
}

/// A shell itself is asked what it would offer.
#[test]
fn shells_complete_commands_and_options() {
    let script = railgate(&["completions", "bash"]);
    let offered = |words: &[&str]| -> Vec<String> {
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={last}; COMP_TYPE=9; _railgate railgate '{word}' ''; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            last = words.len() - 1,
            word = words.last().unwrap(),
        );
        let output = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    assert_eq!(offered(&["railgate", "ch"]), ["check"]);
    assert_eq!(offered(&["railgate", "user", "un"]), ["unlock"]);
    assert_eq!(offered(&["railgate", "config", "--form"]), ["--format"]);
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(railgate(&["completions", shell]).contains("completions"), "{shell}");
    }
}
