//! A backend without any auth field: a real GraphQL server under Node, with root types of its own names.

use std::process::Command;

use super::process::Process;
use crate::clients::folder;

/// A running one, on a port of its own.
pub(crate) struct Plain {
    pub(crate) port: u16,
    _process: Process,
}

impl Plain {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("node");
        command.current_dir(folder()).arg("plain.mjs");
        let mut process = Process::spawn(command, "plain backend");
        let line = process.wait_for_line("listening on");
        let port = line.rsplit(' ').next().and_then(|port| port.trim().parse().ok());
        Self { port: port.unwrap_or_else(|| panic!("no port: {line}")), _process: process }
    }
}
