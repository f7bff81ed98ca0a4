//! A MariaDB server of the test's own: a data folder of its own, on a free port of 127.0.0.1, gone with the value.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    certificates::Identity,
    ports,
    process::Process,
    template::{copy, run, template},
};

/// Sizes that suit a test; everything else is as the server has it by itself, but for how texts are compared, see
/// [`MariaDb::start`].
const SETTINGS: [&str; 6] = [
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=8M",
    "--character-set-server=utf8mb4",
];

/// A running server, or one that the test has stopped.
pub(crate) struct MariaDb {
    port: u16,
    // Fields are dropped in order: the server stops before its folder goes.
    server: Option<Process>,
    folder: TempDir,
    /// What is set beside what all have.
    settings: Vec<String>,
}

impl MariaDb {
    /// A server with one empty database, `demo`, which compares texts byte for byte, as the other databases do.
    pub(crate) fn start() -> Self {
        let version = run(Command::new(server()).arg("--version"));
        Self::start_from(&template("mariadb", version.as_bytes(), init))
    }

    /// The same, and the database compares texts as MariaDB does unless it is told otherwise: in any case of letters.
    pub(crate) fn start_stock() -> Self {
        let mariadb = Self::start();
        mariadb.run("ALTER DATABASE demo COLLATE utf8mb4_general_ci");
        mariadb
    }

    /// A server on a copy of this data.
    pub(crate) fn start_from(data: &Path) -> Self {
        let folder = TempDir::with_prefix("railgate-mariadb-").unwrap();
        copy(data, folder.path());
        let mut mariadb = Self { port: ports::free(), server: None, folder, settings: Vec::new() };
        mariadb.resume();
        mariadb
    }

    /// Its database, as a client names it.
    pub(crate) fn url(&self) -> String {
        format!("mysql://demo:demo@127.0.0.1:{}/demo", self.port)
    }

    /// The same by its socket.
    pub(crate) fn socket_url(&self) -> String {
        format!("mysql://demo:demo@localhost:1/demo?socket={}", self.socket().display())
    }

    /// Runs SQL as the administrator and returns what it prints.
    pub(crate) fn run(&self, sql: &str) -> String {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--user=root", "--skip-column-names", "--database=demo", "--execute", sql]);
        run(command.arg(format!("--socket={}", self.socket().display())))
    }

    /// Stops the server as an operator would; clients lose their connections.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(libc::SIGTERM);
            server.wait(Duration::from_secs(60));
        }
    }

    /// Starts a stopped server again, on the same port.
    pub(crate) fn resume(&mut self) {
        let mut command = on(self.folder.path(), self.port);
        command.args(&self.settings);
        let mut server = Process::spawn(command, "mariadbd");
        let port = self.port;
        server.wait_until(Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", port)).is_ok());
        self.server = Some(server);
    }

    /// From now on nobody gets in but by TLS with a certificate that `authority` vouches for; the server shows this one.
    pub(crate) fn insist_on_tls(&mut self, authority: &Path, server: &Identity) {
        self.run("ALTER USER demo@'127.0.0.1' REQUIRE X509; ALTER USER demo@localhost REQUIRE X509");
        self.stop();
        let Identity { certificate, key } = server.copied_into(self.folder.path());
        self.settings = [("ca", authority), ("cert", &certificate), ("key", &key)]
            .map(|(name, path)| format!("--ssl-{name}={}", path.display()))
            .to_vec();
        self.resume();
    }

    /// Stops the server and moves its data to `folder`, to start others from.
    pub(crate) fn into_data(mut self, folder: &Path) {
        self.stop();
        copy(self.folder.path(), folder);
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server's data, with the database and its user.
fn init(folder: &Path) {
    let made = TempDir::with_prefix("railgate-mariadb-").unwrap();
    let mut command = Command::new("mariadb-install-db");
    command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    run(command.arg(format!("--datadir={}", made.path().display())));
    let mut mariadb = MariaDb { port: ports::free(), server: None, folder: made, settings: Vec::new() };
    mariadb.resume();
    let sql = "CREATE DATABASE demo COLLATE utf8mb4_bin; CREATE USER demo@'127.0.0.1' IDENTIFIED BY 'demo'; \
               CREATE USER demo@localhost IDENTIFIED BY 'demo'; \
               GRANT ALL ON *.* TO demo@'127.0.0.1'; GRANT ALL ON *.* TO demo@localhost";
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--user=root", "--execute", sql]);
    run(command.arg(format!("--socket={}", mariadb.socket().display())));
    mariadb.into_data(folder);
}

/// The server on this folder. It refuses to run as root without being told whom to become.
fn on(folder: &Path, port: u16) -> Command {
    let mut command = Command::new(server());
    command.args(SETTINGS).arg(format!("--datadir={}", folder.display()));
    // A server that starts clears its folder of temporary files, and may not clear another's.
    command.arg(format!("--tmpdir={}", folder.display()));
    command.arg(format!("--socket={}", folder.join("socket").display())).arg(format!("--port={port}"));
    if fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        run(Command::new("chown").arg("-R").arg("mysql:mysql").arg(folder));
        command.arg("--user=mysql");
    }
    command
}

/// Where Debian puts it; an ordinary user's PATH may lack the folder.
fn server() -> &'static Path {
    let debian = Path::new("/usr/sbin/mariadbd");
    if debian.is_file() { debian } else { Path::new("mariadbd") }
}
