//! A short run of the differential fuzzer in `tests/fuzz`: whatever a real graphene-django view would run as an auth
//! operation, the gateway lets none of it run behind itself.

use std::{path::Path, process::Command};

use crate::support::template::run;

/// Long enough to notice each rule of the scan when it is taken out; the same requests every time.
const REQUESTS: &str = "3000";
const SEED: &str = "1";

#[test]
fn nothing_that_a_real_backend_would_run_gets_past() {
    let keep = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/run"));
    command.args(["--requests", REQUESTS, "--seed", SEED]).arg("--keep").arg(keep.path());
    // It fails on a miss, and also when too few of the requests would have run anything.
    let output = run(command.env("RAILGATE_BIN", env!("CARGO_BIN_EXE_railgate")));
    assert!(output.ends_with("no miss\n"), "{output}");
    println!("{output}");
}
