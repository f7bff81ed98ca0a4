//! The README's section on an API without users, run by a shell as it stands; only the ports are others.

use std::{fs, process::Command, time::Duration};

use crate::support::{django::python, ports, process::Process};

/// The code blocks of the section, in order.
fn blocks() -> Vec<String> {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("### A legacy API without users").expect("the section");
    let section = rest.split("\n### ").next().expect("a part");
    section
        .split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a block").1.to_owned())
        .collect()
}

#[test]
fn the_lines_of_the_readme_work() {
    let (folder, port, api_port) = (tempfile::tempdir().unwrap(), ports::free(), ports::free());
    let blocks: Vec<String> = blocks()
        .iter()
        .map(|block| block.replace("8080", &port.to_string()).replace("8000", &api_port.to_string()))
        .collect();
    let [api, config, start, ask, import] = blocks.as_slice() else { panic!("{blocks:?}") };
    fs::write(folder.path().join("api.py"), api).unwrap();
    fs::write(folder.path().join("proxy.toml"), config).unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_railgate")).parent().unwrap().display().to_string();
    let folders = format!("{}:{binary}", python().parent().unwrap().display());
    let bash = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("PATH={folders}:$PATH\n{script}")]).current_dir(folder.path());
        command
    };
    // The one line that asks for something to be typed.
    let typed = "railgate user add eva --role editors";
    assert!(start.contains(typed), "{start}");
    let start = start.replace(typed, &format!("{typed} --password-stdin <<<'correct horse'"));
    // Whoever ends the shell ends what it has started.
    let mut shell = Process::spawn(bash(&format!("trap 'kill $(jobs -p)' EXIT\n{start}\nwait")), "the README's lines");
    shell.wait_for_line("listening");
    shell.wait_until(Duration::from_secs(20), || std::net::TcpStream::connect(("127.0.0.1", api_port)).is_ok());

    let output = bash(&format!("set -eu\n{ask}")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("401"), "{said}");
    assert!(said.ends_with("/reports/7 for eva (editors)\n"), "{said}");
    assert!(import.contains("railgate user import"), "{import}");
}
