//! What lies below requests: TLS and HTTP/2 on either side, what a proxy says first, limits on time and memory.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    clients::folder,
    support::{backend::demo_folder, gateway::Setup, stub::Stub, template::run},
};

mod certificates;
pub(crate) mod http2;
mod limits;
mod proxied;
mod stopping;
pub(crate) mod tls;
pub(crate) mod upstream;

/// In front of this stub; `listener` are further lines of its listener's table, `more` follows at the end.
pub(crate) fn listening(stub: &Stub, listener: &str, more: &str) -> Setup {
    Setup::before(stub, more).changed("[upstream]\n", &format!("{listener}\n[upstream]\n"))
}

/// What curl said: whether it got an answer, and head and body as they came.
pub(crate) struct Curled {
    pub(crate) worked: bool,
    pub(crate) text: String,
}

/// Asks for this URL, with these further arguments.
pub(crate) fn curl(url: &str, arguments: &[&str]) -> Curled {
    let output =
        Command::new("curl").args(["-sS", "-i", "--max-time", "30"]).args(arguments).arg(url).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Curled { worked: output.status.success(), text }
}

/// The interpreter that has the packages of the clients.
pub(crate) fn python() -> PathBuf {
    let environment = run(Command::new(demo_folder().join("venv")).arg(folder().join("requirements.txt")));
    Path::new(environment.trim()).join("bin/python")
}
