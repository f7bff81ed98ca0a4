//! A MariaDB server of a test's own.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{ports, process::Process};

/// A throw-away server on a free port, with an empty database `demo`.
pub(crate) struct MariaDb {
    port: u16,
    _process: Process,
    _data: TempDir,
}

impl MariaDb {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("data");
        fs::create_dir(&folder).expect("a folder");
        let user = Self::user(data.path(), &folder);
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", folder.display()))
            .args(&user)
            .output()
            .expect("mariadb-install-db (Debian package mariadb-server)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = ports::free();
        // Where Debian puts it; an ordinary user's PATH may lack the folder.
        let debian = Path::new("/usr/sbin/mariadbd");
        let mut command = Command::new(if debian.is_file() { debian } else { Path::new("mariadbd") });
        command
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"])
            .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"])
            .arg(format!("--datadir={}", folder.display()))
            .arg(format!("--socket={}", folder.join("socket").display()))
            .arg(format!("--port={port}"))
            .args(&user);
        let mut process = Process::spawn(command, "mariadbd");
        process.wait_until(Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let created = Command::new("mariadb")
            .args(["--no-defaults", "--user=root", "--execute"])
            .arg("CREATE DATABASE demo; CREATE USER demo@'127.0.0.1' IDENTIFIED BY 'demo'; GRANT ALL ON *.* TO demo@'127.0.0.1'")
            .arg(format!("--socket={}", folder.join("socket").display()))
            .output()
            .expect("mariadb");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        Self { port, _process: process, _data: data }
    }

    pub(crate) fn url(&self) -> String {
        format!("mysql://demo:demo@127.0.0.1:{}/demo", self.port)
    }

    /// The server refuses to run as root without being told whom to become.
    fn user(parent: &Path, folder: &Path) -> Vec<String> {
        let id = |flag| {
            let run = Command::new("id").args([flag, "mysql"]).output().expect("id");
            String::from_utf8_lossy(&run.stdout).trim().parse::<u32>().ok()
        };
        let me = Command::new("id").arg("-u").output().expect("id");
        if String::from_utf8_lossy(&me.stdout).trim() != "0" {
            return Vec::new();
        }
        fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).expect("a mode");
        chown(folder, id("-u"), id("-g")).expect("the user mysql, of the package mariadb-server");
        vec!["--user=mysql".to_owned()]
    }
}
