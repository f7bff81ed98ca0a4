//! The differential test in `tests/differential`: generated documents get the same answer from the demo backend alone
//! and through the gateway.

use std::{path::Path, process::Command};

use crate::support::template::run;

/// The same documents every time.
const SEED: &str = "1";
const DOCUMENTS: &str = "2100";

#[test]
fn generated_documents_are_answered_as_the_backend_answers_them() {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/run"));
    command.args(["--seed", SEED, "--count", DOCUMENTS]);
    // It fails on a difference that is not in its list, and also when a kind of documents has become rare.
    let output = run(command.env("RAILGATE_BIN", env!("CARGO_BIN_EXE_railgate")));
    assert!(output.ends_with("no difference but the expected\n"), "{output}");
    println!("{output}");
}
