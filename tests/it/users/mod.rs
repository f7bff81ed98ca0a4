//! Users of a file, in front of an API that has none: the file, the commands that keep it, and what the API is told.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::{
    client::Answer,
    gateway::{Gateway, Setup},
    stub::{Received, Stub},
};

pub(crate) use import::dump;

mod commands;
mod import;
mod life;
mod readme;

const CONFIG: &str = r#"
state_dir = { env = "RAILGATE_STATE_DIR" }
[[listeners]]
address = { env = "RAILGATE_LISTEN" }
auth = "required"
[upstream]
url = { env = "RAILGATE_UPSTREAM" }
[upstream.identity]
permissions = true
[tokens]
claims = ["email", "roles", "permissions"]
[sessions]
recheck = "1s"
[directory]
kind = "file"
path = "users.toml"
"#;

const PASSWORD: &str = "correct horse";

/// An API, and a folder with the gateway's configuration and its users.
pub(crate) struct Place {
    api: Stub,
    pub(crate) setup: Setup,
}

impl Place {
    /// Without users yet.
    fn new() -> Self {
        Self::configured("", |setup| setup)
    }

    /// The same with these further tables of configuration, changed like this.
    pub(crate) fn configured(more: &str, change: impl FnOnce(Setup) -> Setup) -> Self {
        let api = Stub::start();
        let setup = change(Setup::bare(api.port, "", "").config(&format!("{CONFIG}{more}")));
        Self { api, setup }
    }

    /// With eva, whose password is [`PASSWORD`].
    fn with_eva() -> Self {
        let place = Self::new();
        place.add("eva", &["--role", "editors", "--email", "eva@example.com"]);
        place
    }

    /// `railgate user …` without any variable of the gateway's: looking after users takes none of its secrets.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_railgate"));
        command.env_clear().arg("user").args(arguments).arg("--config").arg(self.setup.state_dir().join("proxy.toml"));
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that is refused may not read it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What it says where it is done.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says where it is refused.
    #[track_caller]
    fn refused(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[track_caller]
    fn add(&self, username: &str, more: &[&str]) -> String {
        self.done(&[&["add", username, "--password-stdin"], more].concat(), PASSWORD)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn path(&self) -> std::path::PathBuf {
        self.setup.state_dir().join("users.toml")
    }

    /// What the API was told with a call by this token.
    fn call(&self, gateway: &Gateway, access: &str) -> Received {
        assert_eq!(get(gateway, access).status, 200);
        self.api.take_one()
    }
}

fn get(gateway: &Gateway, access: &str) -> Answer {
    gateway.client().bearer(access).get("/reports/7").unwrap()
}

/// Asks until the token is refused; the session was to go within a second.
#[track_caller]
fn is_out_soon(gateway: &Gateway, access: &str) {
    let start = Instant::now();
    while get(gateway, access).status != 401 {
        assert!(start.elapsed() < Duration::from_secs(20), "still in");
        sleep(Duration::from_millis(50));
    }
}
