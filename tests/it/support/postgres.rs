//! A PostgreSQL server of the test's own: a cluster in a temporary folder, on a free port of 127.0.0.1, gone with the value.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    certificates::Identity,
    document::block,
    template::{copy, run, template},
};

/// How long a server may take to start or stop on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server, or one that the test has stopped.
pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
    /// What is set beside what all have.
    settings: Vec<String>,
}

impl Postgres {
    /// A server with one empty database.
    pub(crate) fn start() -> Self {
        let version = run(Command::new(binary("postgres")).arg("--version"));
        Self::start_from(&template("postgres", version.as_bytes(), init))
    }

    /// A server on a copy of this cluster.
    pub(crate) fn start_from(cluster: &Path) -> Self {
        let folder = TempDir::with_prefix("railgate-postgres-").unwrap();
        copy(cluster, folder.path());
        give_away(folder.path());
        let mut postgres = Self { folder, port: 0, server: None, settings: Vec::new() };
        for _ in 0..5 {
            postgres.port = free_port();
            if postgres.launch() {
                return postgres;
            }
        }
        panic!("PostgreSQL doesn't start:\n{}", postgres.log());
    }

    /// Its database, as a client names it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://railgate:unchecked@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server as an operator would; clients lose their connections.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = Command::new("kill").args(["-INT", &server.id().to_string()]).status();
            let patience = Instant::now() + PATIENCE;
            while server.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < patience {
                thread::sleep(Duration::from_millis(10));
            }
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts a stopped server again, on the same port.
    pub(crate) fn resume(&mut self) {
        assert!(self.launch(), "PostgreSQL doesn't start again:\n{}", self.log());
    }

    /// From now on nobody gets in but by TLS; the server shows this certificate.
    pub(crate) fn insist_on_tls(&mut self, server: &Identity) {
        self.stop();
        let Identity { certificate, key } = server.copied_into(self.folder.path());
        self.settings = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
        ];
        let rules = self.folder.path().join("pg_hba.conf");
        let text = fs::read_to_string(&rules).unwrap();
        let lines = text
            .lines()
            .map(|line| line.strip_prefix("host ").map_or(line.to_owned(), |rest| format!("hostssl {rest}")));
        fs::write(&rules, lines.map(|line| line + "\n").collect::<String>()).unwrap();
        self.resume();
    }

    /// Stops the server and moves its cluster to `folder`, to start others from.
    pub(crate) fn into_cluster(mut self, folder: &Path) {
        self.stop();
        copy(self.folder.path(), folder);
    }

    /// Whether the server came up; a port that somebody else took meanwhile makes it give up.
    fn launch(&mut self) -> bool {
        let mut command = as_owner_of(self.folder.path(), &binary("postgres"));
        command.arg("-D").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"] {
            command.args(["-c", setting]);
        }
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience && server.try_wait().is_ok_and(|status| status.is_none()) {
            if self.is_ready() {
                self.server = Some(server);
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = server.kill();
        let _ = server.wait();
        false
    }

    fn is_ready(&self) -> bool {
        let mut command = Command::new(binary("pg_isready"));
        command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.status().is_ok_and(|status| status.success()) && self.log().contains("ready to accept connections")
    }

    /// What the server has written.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The rights of the gateway's role as the README gives them, for one of this name; a statement each.
pub(crate) fn grants(role: &str) -> Vec<String> {
    let grants =
        block("README.md", "GRANT USAGE ON SEQUENCE").replace("TO railgate", &format!("TO {role}")).replace('\n', " ");
    grants.split_terminator(';').map(|grant| grant.trim().to_owned()).filter(|grant| !grant.is_empty()).collect()
}

fn init(folder: &Path) {
    let cluster = TempDir::with_prefix("railgate-initdb-").unwrap();
    give_away(cluster.path());
    let mut command = as_owner_of(cluster.path(), &binary("initdb"));
    command.arg("-D").arg(cluster.path());
    command.args(["--auth=trust", "--username=railgate", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    run(&mut command);
    copy(cluster.path(), folder);
}

/// PostgreSQL refuses to run as root, so root's tests give the folder to an ordinary user.
fn give_away(folder: &Path) {
    if fs::metadata(folder).unwrap().uid() == 0 {
        run(Command::new("chown").arg("-R").arg("nobody").arg(folder));
    }
    run(Command::new("chmod").arg("0700").arg(folder));
}

fn as_owner_of(folder: &Path, program: &Path) -> Command {
    let owner = fs::metadata(folder).unwrap();
    let mut command = Command::new(program);
    command.current_dir("/");
    if fs::metadata("/proc/self").is_ok_and(|this| this.uid() != owner.uid()) {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

/// In `PATH` or where distributions put it; the newest version of several.
fn binary(name: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.push(PathBuf::from("/usr/local/bin"));
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("PostgreSQL's `{name}` not found; install it: apt-get install postgresql"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
