//! A shell to run a document's lines in: `railgate` there is this build's, `python3` has the demo's packages.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use super::{django::python, template::run};

/// A folder of its own, and the environment of what is run in it.
pub(crate) struct Shell {
    folder: TempDir,
    environment: Vec<(String, OsString)>,
}

impl Shell {
    pub(crate) fn new() -> Self {
        let shell = Self { folder: tempfile::tempdir().expect("a folder"), environment: Vec::new() };
        fs::create_dir(shell.programs()).expect("a folder");
        shell
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// With this variable.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With this file in its folder.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder().join(name), text).expect("a file");
        self
    }

    /// With a program of this name, found before any other: a script for `sh`.
    pub(crate) fn program(self, name: &str, script: &str) -> Self {
        let path = self.programs().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("a file of ours");
        self
    }

    /// To run these lines, in its folder.
    pub(crate) fn command(&self, lines: &str) -> Command {
        let folder_of = |path: &Path| path.parent().expect("a folder").to_owned();
        let mut folders =
            vec![self.programs(), folder_of(Path::new(env!("CARGO_BIN_EXE_railgate"))), folder_of(&python())];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let mut command = Command::new("bash");
        command.args(["-euc", lines]).current_dir(self.folder());
        command.env("PATH", std::env::join_paths(folders).expect("a path"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs these lines to their end, whichever that is.
    pub(crate) fn output(&self, lines: &str) -> Output {
        self.command(lines).output().expect("bash")
    }

    /// The same where they have to succeed; what they print.
    pub(crate) fn run(&self, lines: &str) -> String {
        run(&mut self.command(lines))
    }

    fn programs(&self) -> PathBuf {
        self.folder().join(".programs")
    }
}
