//! The gateway's own binary, run with the shipped `proxy.toml` as an operator would.

use std::{
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{backend::Backend, client::Client, django, process::Process, shell::Shell, stub::Stub, template::contents};

pub(crate) const AUTH: &str = "/graphql/auth/";
pub(crate) const GQL: &str = "/graphql/gql/";
pub(crate) const LOGIN: &str = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) \
     { ok token refreshToken errors errorCode user { id username } } }";
/// Signs the tokens of callers in front of a stub.
pub(crate) const STUB_SECRET: &str = "a secret of the tests, 32 bytes and more";
/// A gateway in front of a stub: callers come with Rail Django's own tokens. The directory is the demo's.
const IN_FRONT_OF_A_STUB: &str = r#"
state_dir = { env = "RAILGATE_STATE_DIR" }
[[listeners]]
address = { env = "RAILGATE_LISTEN" }
[upstream]
url = { env = "RAILGATE_UPSTREAM" }
[directory]
url = { env = "RAILGATE_DIRECTORY_URL" }
[tokens]
accept_rail_jwt = { secret = { env = "RAILGATE_RAIL_JWT_SECRET" }, cut_over = 2100-01-01T00:00:00Z }
"#;
pub(crate) const REFRESH: &str =
    "mutation($r: String) { refreshToken(refreshToken: $r) { ok token refreshToken errors errorCode } }";

/// How to start one: the environment that the shipped configuration reads.
#[derive(Clone)]
pub(crate) struct Setup {
    environment: Vec<(&'static str, String)>,
    config: PathBuf,
    state: Rc<TempDir>,
    /// One that no backend of the test's brings with it.
    directory: Option<Rc<django::Backend>>,
}

impl Setup {
    /// In front of this backend, sessions in the embedded store.
    pub(crate) fn in_front_of(backend: &Backend) -> Self {
        Self::bare(backend.port, backend.database_url(), &backend.secret)
    }

    /// In front of this port, with this directory.
    pub(crate) fn bare(upstream: u16, directory_url: &str, secret: &str) -> Self {
        let state = Rc::new(tempfile::tempdir().expect("a folder"));
        let environment = vec![
            ("RAILGATE_LISTEN", "127.0.0.1:0".to_owned()),
            ("RAILGATE_UPSTREAM", format!("http://127.0.0.1:{upstream}")),
            ("RAILGATE_DIRECTORY_URL", directory_url.to_owned()),
            ("RAILGATE_RAIL_JWT_SECRET", secret.to_owned()),
            ("RAILGATE_STATE_DIR", state.path().display().to_string()),
        ];
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy.toml");
        Self { environment, config, state, directory: None }
    }

    /// In front of this stub, with these further lines of configuration: first keys of `[tokens]`, then other tables.
    pub(crate) fn before(stub: &Stub, more: &str) -> Self {
        Self::before_port(stub.port, more)
    }

    /// The same in front of whatever listens there.
    pub(crate) fn before_port(upstream: u16, more: &str) -> Self {
        let directory = django::Backend::sqlite();
        let setup = Self::bare(upstream, directory.url(), STUB_SECRET);
        Self { directory: Some(Rc::new(directory)), ..setup }.config(&format!("{IN_FRONT_OF_A_STUB}{more}"))
    }

    /// The directory of one in front of a stub.
    pub(crate) fn directory(&self) -> &django::Backend {
        self.directory.as_ref().expect("a directory")
    }

    /// With sessions in this Redis.
    pub(crate) fn store(mut self, url: &str) -> Self {
        self.environment.push(("RAILGATE_STORE", url.to_owned()));
        self
    }

    /// At this port, with an admin listener at the other.
    pub(crate) fn at(mut self, port: u16, admin: u16) -> Self {
        self.environment.push(("RAILGATE_LISTEN", format!("127.0.0.1:{port}")));
        self.environment.push(("RAILGATE_ADMIN", format!("127.0.0.1:{admin}")));
        self
    }

    /// With an admin listener, too.
    pub(crate) fn admin(mut self) -> Self {
        self.environment.push(("RAILGATE_ADMIN", "127.0.0.1:0".to_owned()));
        self
    }

    /// With this configuration text in place of the shipped one.
    pub(crate) fn config(mut self, text: &str) -> Self {
        let path = self.state.path().join("proxy.toml");
        std::fs::write(&path, text).expect("a file");
        self.config = path;
        self
    }

    /// With this file in place of the shipped one.
    pub(crate) fn file(mut self, path: &Path) -> Self {
        self.config = path.to_owned();
        self
    }

    /// With a line of the configuration replaced.
    pub(crate) fn changed(self, from: &str, to: &str) -> Self {
        let text = std::fs::read_to_string(&self.config).expect("a configuration");
        assert!(text.contains(from), "{from}");
        self.config(&text.replace(from, to))
    }

    /// The same under a running gateway, which may be told to read it again.
    pub(crate) fn change(&self, from: &str, to: &str) {
        assert!(self.config.starts_with(self.state.path()), "it runs by the shipped file");
        let _the_same = self.clone().changed(from, to);
    }

    /// For a story about something else than guesses, in which many are made.
    pub(crate) fn unthrottled(self) -> Self {
        let counts = ["account", "client", "address"].map(|count| format!("{count}_attempts = 1000000\n"));
        self.changed("[throttle]\n", &format!("[throttle]\n{}", counts.concat()))
    }

    /// Where the gateway keeps what it makes.
    pub(crate) fn state_dir(&self) -> &Path {
        self.state.path()
    }

    /// A subcommand, in the environment and with the configuration of the gateway.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_railgate"));
        command.args(arguments).arg("--config").arg(&self.config).envs(self.environment.iter().cloned());
        command
    }

    /// A shell with its environment, and with its `proxy.toml` at hand.
    pub(crate) fn shell(&self) -> Shell {
        let config = std::fs::read_to_string(&self.config).expect("a configuration");
        let shell = Shell::new().file("proxy.toml", &config);
        self.environment.iter().fold(shell, |shell, (name, value)| shell.with(name, value))
    }

    pub(crate) fn start(&self) -> Gateway {
        let mut process = Process::spawn(self.command(&["run"]), "railgate");
        Gateway {
            port: port_of(&process.wait_for_line("listening")),
            process,
            state: Rc::clone(&self.state),
            _directory: self.directory.clone(),
        }
    }
}

/// Where the admin listener of this process is, once it answers.
pub(crate) fn admin_port(process: &mut Process) -> u16 {
    port_of(&process.wait_for_line("the admin listener answers"))
}

pub(crate) fn port_of(line: &str) -> u16 {
    let (_, address) = line.split_once("127.0.0.1:").unwrap_or_else(|| panic!("no address: {line}"));
    let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port")
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) port: u16,
    pub(crate) process: Process,
    state: Rc<TempDir>,
    _directory: Option<Rc<django::Backend>>,
}

/// What a client keeps after a login or refresh.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// From the payload of `login` or `refreshToken`.
    pub(crate) fn of(payload: &Value) -> Self {
        let text = |key: &str| payload[key].as_str().unwrap_or_else(|| panic!("no {key}: {payload}")).to_owned();
        Self { access: text("token"), refresh: text("refreshToken") }
    }
}

impl Gateway {
    /// Asks the admin listener.
    pub(crate) fn admin(&mut self) -> Client {
        Client::new(admin_port(&mut self.process))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Has it read its configuration again, which is in force then. What it says of that in the end.
    #[track_caller]
    pub(crate) fn reload(&mut self) -> String {
        let said = self.read_again();
        assert!(said.contains("and is in force"), "{}", self.process.output());
        said
    }

    /// The same of one that can't be used.
    #[track_caller]
    pub(crate) fn refuse(&mut self) -> String {
        let said = self.read_again();
        assert!(said.contains("and can't be used"), "{said}");
        said
    }

    fn read_again(&mut self) -> String {
        const READ: &str = "the configuration was read again";
        let before = self.process.output().matches(READ).count();
        self.process.signal(libc::SIGHUP);
        self.process.wait_for_lines(READ, before + 1).pop().expect("as many")
    }

    /// All that it keeps on its disk.
    pub(crate) fn state(&self) -> Vec<u8> {
        contents(self.state.path())
    }

    /// Everything that it has to say, which takes its end.
    pub(crate) fn whole_output(mut self) -> String {
        self.process.signal(libc::SIGTERM);
        assert!(self.process.wait(Duration::from_secs(30)).success(), "{}", self.process.output());
        self.process.output()
    }

    /// The payload of a login.
    pub(crate) fn login(&self, username: &str, password: &str) -> Value {
        let answer = self.client().graphql(AUTH, LOGIN, json!({ "u": username, "p": password }));
        answer.json()["data"]["login"].clone()
    }

    /// The payload of a refresh.
    pub(crate) fn refresh(&self, token: &str) -> Value {
        let answer = self.client().graphql(AUTH, REFRESH, json!({ "r": token }));
        answer.json()["data"]["refreshToken"].clone()
    }

    /// Whom the backend sees behind this access token; null for nobody.
    pub(crate) fn whoami(&self, access: &str) -> Value {
        let answer = self.client().bearer(access).graphql(AUTH, "{ me { username } }", json!({}));
        answer.json()["data"]["me"]["username"].clone()
    }
}
