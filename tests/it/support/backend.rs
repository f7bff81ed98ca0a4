//! The demo backend: real Django, started for one test.

use std::{path::PathBuf, process::Command, time::Duration};

use super::{client::Client, django, ports, process::Process};

/// A running backend on a port of its own.
pub(crate) struct Backend {
    pub(crate) port: u16,
    /// What the backend signs its tokens with.
    pub(crate) secret: String,
    // Fields are dropped in order: the server stops before its database does.
    _process: Process,
    project: django::Backend,
}

pub(crate) fn demo_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/demo")
}

impl Backend {
    /// On a SQLite database of its own.
    pub(crate) fn on_sqlite() -> Self {
        Self::start(django::Backend::sqlite())
    }

    /// On a PostgreSQL server of its own.
    pub(crate) fn on_postgresql() -> Self {
        Self::start(django::Backend::postgres())
    }

    /// On a MariaDB server of its own.
    pub(crate) fn on_mariadb() -> Self {
        Self::start(django::Backend::mariadb())
    }

    /// On this empty database.
    pub(crate) fn on(database_url: &str) -> Self {
        Self::start(django::Backend::on(database_url))
    }

    /// On a SQLite database of its own, with these further variables of its environment.
    pub(crate) fn with(environment: &[(&str, &str)]) -> Self {
        Self::start_with(django::Backend::sqlite(), environment)
    }

    fn start(project: django::Backend) -> Self {
        Self::start_with(project, &[])
    }

    fn start_with(project: django::Backend, environment: &[(&str, &str)]) -> Self {
        let port = ports::free();
        let secret = "the demo backend's signing secret, for tests".to_owned();
        let mut command = Command::new(demo_folder().join("backend"));
        command
            .env("PYTHON", django::python())
            .env("BACKEND_PORT", port.to_string())
            .env("DATABASE_URL", project.url())
            .env("STATE_DIR", project.folder())
            .env("SECRET_KEY", &secret)
            .envs(environment.iter().copied());
        let mut process = Process::spawn(command, "demo backend");
        process.wait_until(Duration::from_secs(120), || {
            Client::new(port).get("/healthz").is_ok_and(|answer| answer.status == 200)
        });
        Self { port, secret, _process: process, project }
    }

    /// What the gateway's directory is given.
    pub(crate) fn database_url(&self) -> &str {
        self.project.url()
    }

    /// Its project, to be managed.
    pub(crate) fn project(&self) -> &django::Backend {
        &self.project
    }

    /// Runs Python in the backend's project, with the user model as `User`, and returns what it prints.
    pub(crate) fn python(&self, script: &str) -> String {
        self.project.python(script)
    }

    /// Gives a user this password by a hash that costs nothing, so that a test can log in often.
    pub(crate) fn cheap_password(&self, username: &str, password: &str) {
        self.project.cheap_password(username, password);
    }
}
