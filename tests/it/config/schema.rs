//! `railgate schema`: what an editor knows of the file, and what the reference says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{railgate, run, text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn printed(format: &str) -> String {
    text(&run(railgate(root(), &["schema", "--format", format], &[])).stdout)
}

#[test]
fn what_is_shipped_is_what_the_gateway_says() {
    for (format, file) in [("json", "deploy/proxy.schema.json"), ("markdown", "deploy/CONFIGURATION.md")] {
        let shipped = fs::read_to_string(root().join(file)).unwrap_or_default();
        assert!(shipped == printed(format), "make it anew: railgate schema --format {format} >{file}");
    }
    let first = fs::read_to_string(root().join("proxy.toml")).unwrap().lines().next().unwrap().to_owned();
    let schema = first.strip_prefix("#:schema ").expect("a reference to the schema");
    assert!(root().join(schema).is_file(), "{schema}");
}

/// What another implementation of JSON Schema says of each file.
fn validated(files: &[PathBuf]) -> String {
    let here = root().join("tests/it/config");
    let mut venv = Command::new(root().join("deploy/demo/venv"));
    venv.arg(here.join("requirements.txt"));
    let venv = run(venv);
    let mut python = Command::new(Path::new(text(&venv.stdout).trim()).join("bin/python"));
    python.arg(here.join("validate.py")).arg(root().join("deploy/proxy.schema.json")).args(files);
    let output = python.output().unwrap();
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

#[test]
fn an_editor_takes_good_files_and_points_at_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    // The sample with its defaults and its examples switched on.
    let sample = fs::read_to_string(root().join("proxy.toml")).unwrap();
    let line = |line: &str| match line.strip_prefix("#example: ").or_else(|| line.strip_prefix('#')) {
        Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => key.to_owned(),
        _ => line.to_owned(),
    };
    let full = folder.path().join("full.toml");
    fs::write(&full, sample.lines().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let good = [root().join("proxy.toml"), full];
    assert_eq!(validated(&good), "proxy.toml: fine\nfull.toml: fine\n");
    let broken = |name: &&str| root().join("tests/it/broken").join(name);
    let bad = [
        "durations.toml",
        "sizes.toml",
        "numbers.toml",
        "lists.toml",
        "outputs.toml",
        "wrong-section.toml",
        "two-brackets.toml",
        "one-bracket.toml",
        "references.toml",
    ];
    insta::assert_snapshot!(validated(&bad.iter().map(broken).collect::<Vec<_>>()));
}
