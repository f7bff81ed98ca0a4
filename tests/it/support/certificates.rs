//! An authority of the test's own, and what it vouches for, made by `openssl`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::template::run;

/// A certificate and its key, as files.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Signs certificates. Its files are gone with it.
pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    /// Of this name.
    pub(crate) fn new(name: &str) -> Self {
        let authority = Self { folder: TempDir::with_prefix("railgate-authority-").unwrap() };
        let Identity { certificate, key } = authority.files("authority");
        let mut command = request(&key);
        command.args([
            "-x509",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "basicConstraints=critical,CA:true",
        ]);
        run(command.arg("-out").arg(certificate));
        // Servers that are somebody else's processes read what is in here.
        run(Command::new("chmod").arg("0755").arg(authority.folder.path()));
        authority
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.files("authority").certificate
    }

    /// Vouches for a server of this name, `DNS:localhost` or `IP:127.0.0.1`; or for a client.
    pub(crate) fn vouch(&self, file: &str, common_name: &str, alternative: &str) -> Identity {
        self.vouch_until(file, common_name, alternative, 2)
    }

    /// The same for so many days from now, or until so many days ago.
    pub(crate) fn vouch_until(&self, file: &str, common_name: &str, alternative: &str, days: i32) -> Identity {
        let (identity, by) = (self.files(file), self.files("authority"));
        let asked = self.folder.path().join("asked");
        run(request(&identity.key).args(["-subj", &format!("/CN={common_name}")]).arg("-out").arg(&asked));
        let extensions = self.folder.path().join("extensions");
        fs::write(&extensions, format!("subjectAltName={alternative}\n")).unwrap();
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", &days.to_string(), "-CAcreateserial"]).arg("-in").arg(asked);
        sign.arg("-CA").arg(by.certificate).arg("-CAkey").arg(by.key).arg("-extfile").arg(extensions);
        run(sign.arg("-out").arg(&identity.certificate));
        identity
    }

    fn files(&self, name: &str) -> Identity {
        let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        Identity { certificate: file("crt"), key: file("key") }
    }
}

impl Identity {
    /// Copies that belong to whom this folder belongs to, and that nobody else may read: servers insist on it.
    pub(crate) fn copied_into(&self, folder: &Path) -> Self {
        let copy = |path: &Path| {
            let to = folder.join(path.file_name().unwrap());
            fs::copy(path, &to).unwrap();
            run(Command::new("chmod").arg("0600").arg(&to));
            run(Command::new("chown").arg(format!("--reference={}", folder.display())).arg(&to));
            to
        };
        Self { certificate: copy(&self.certificate), key: copy(&self.key) }
    }
}

fn request(key: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"]).arg(key);
    command
}
