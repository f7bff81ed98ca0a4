//! Databases made by a real Django: the demo backend's, migrated and seeded, and those of small projects that a test describes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{
    mariadb::MariaDb,
    postgres::Postgres,
    template::{contents, copy, run, template},
};

/// A database of the test's own, and the Django project that it belongs to.
pub(crate) struct Backend {
    url: String,
    project: Project,
    /// State of the project, and the SQLite file.
    folder: TempDir,
    /// What the database is in.
    pub(crate) server: Server,
}

/// A server of the test's own.
pub(crate) enum Server {
    /// None: a file, or somebody else's.
    None,
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Server {
    /// One of each kind, with an empty database.
    pub(crate) fn each() -> [Self; 3] {
        [Self::None, Self::Postgres(Postgres::start()), Self::MariaDb(MariaDb::start_stock())]
    }

    /// Its database, as a client names it.
    fn url(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Postgres(server) => Some(server.url()),
            Self::MariaDb(server) => Some(server.url()),
        }
    }

    /// Stops the server as an operator would; clients lose their connections.
    pub(crate) fn stop(&mut self) {
        match self {
            Self::None => panic!("no server"),
            Self::Postgres(server) => server.stop(),
            Self::MariaDb(server) => server.stop(),
        }
    }

    /// Starts a stopped server again, on the same port.
    pub(crate) fn resume(&mut self) {
        match self {
            Self::None => panic!("no server"),
            Self::Postgres(server) => server.resume(),
            Self::MariaDb(server) => server.resume(),
        }
    }
}

enum Project {
    /// `deploy/demo`.
    Demo,
    /// One app, `people`, with this `models.py`.
    People { models: &'static str, user_model: &'static str },
}

impl Backend {
    /// The demo backend's accounts on SQLite.
    pub(crate) fn sqlite() -> Self {
        let seeded = template("demo-sqlite", &contents(&demo()), |folder| {
            Project::Demo.manage(folder, &sqlite_url(folder), &["seed_demo", "--migrate"]);
        });
        let folder = TempDir::new().unwrap();
        copy(&seeded, folder.path());
        Self { url: sqlite_url(folder.path()), project: Project::Demo, folder, server: Server::None }
    }

    /// The demo backend's accounts on PostgreSQL.
    pub(crate) fn postgres() -> Self {
        let seeded = template("demo-postgres", &contents(&demo()), |cluster| {
            let (postgres, state) = (Postgres::start(), TempDir::new().unwrap());
            Project::Demo.manage(state.path(), &postgres.url(), &["seed_demo", "--migrate"]);
            postgres.into_cluster(cluster);
        });
        let postgres = Postgres::start_from(&seeded);
        let folder = TempDir::new().unwrap();
        Self { url: postgres.url(), project: Project::Demo, folder, server: Server::Postgres(postgres) }
    }

    /// The demo backend's accounts on MariaDB, which sees no difference between `john` and `John`.
    pub(crate) fn mariadb() -> Self {
        let seeded = template("demo-mariadb", &contents(&demo()), |data| {
            let (mariadb, state) = (MariaDb::start_stock(), TempDir::new().unwrap());
            Project::Demo.manage(state.path(), &mariadb.url(), &["seed_demo", "--migrate"]);
            mariadb.into_data(data);
        });
        let mariadb = MariaDb::start_from(&seeded);
        let folder = TempDir::new().unwrap();
        Self { url: mariadb.url(), project: Project::Demo, folder, server: Server::MariaDb(mariadb) }
    }

    /// The demo backend's project on an empty database that somebody else looks after; nothing is in it yet.
    pub(crate) fn on(url: &str) -> Self {
        Self { url: url.to_owned(), project: Project::Demo, folder: TempDir::new().unwrap(), server: Server::None }
    }

    /// A project with one app, `people`, on an empty database; `models` is its `models.py`.
    pub(crate) fn people(server: Server, user_model: &'static str, models: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let url = server.url().unwrap_or_else(|| sqlite_url(folder.path()));
        let backend = Self { url, project: Project::People { models, user_model }, folder, server };
        backend.manage(&["makemigrations", "people", "-v0"]);
        backend.manage(&["migrate", "-v0"]);
        backend
    }

    /// `DATABASE_URL`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where the project keeps its state.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs Python in the project, with the user model as `User`, and returns what it prints.
    pub(crate) fn python(&self, script: &str) -> String {
        let prelude = "from django.contrib.auth import get_user_model\nUser = get_user_model()\n";
        self.manage(&["shell", "-v0", "-c", &format!("{prelude}{script}")]).trim_end().to_owned()
    }

    /// The same with the libraries that Django's other hashers need, which the project doesn't have.
    pub(crate) fn python_with_hashers(&self, script: &str) -> String {
        let folder = run(Command::new(demo().join("venv")).arg(clients().join("requirements.txt")));
        let mut versions = fs::read_dir(Path::new(folder.trim()).join("lib")).unwrap();
        let packages = versions.next().unwrap().unwrap().path().join("site-packages");
        self.python(&format!("import sys; sys.path.append({packages:?})\n{script}"))
    }

    /// Gives a user this password by a hash that costs nothing, so that a test can log in often.
    pub(crate) fn cheap_password(&self, username: &str, password: &str) {
        self.python(&format!(
            "from django.contrib.auth.hashers import PBKDF2PasswordHasher as Hasher; \
             User.objects.filter(username='{username}').update(password=Hasher().encode('{password}', 'salt', 1))"
        ));
    }

    /// Runs `manage.py` on the database.
    pub(crate) fn manage(&self, arguments: &[&str]) -> String {
        self.project.manage(self.folder.path(), &self.url, arguments)
    }
}

impl Project {
    fn manage(&self, state: &Path, url: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(python());
        command.env("STATE_DIR", state).env("DATABASE_URL", url).env("SECRET_KEY", "a key for tests, 32 bytes or more");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        match self {
            Self::Demo => command.current_dir(demo()).arg("manage.py"),
            Self::People { models, user_model } => {
                let app = state.join("people");
                fs::create_dir_all(&app).unwrap();
                fs::write(app.join("__init__.py"), "").unwrap();
                fs::write(app.join("models.py"), models).unwrap();
                fs::write(state.join("settings.py"), settings(user_model)).unwrap();
                command.current_dir(state).env("DJANGO_SETTINGS_MODULE", "settings").args(["-m", "django"])
            }
        };
        run(command.args(arguments))
    }
}

/// Settings of a project that has users and nothing else.
fn settings(user_model: &str) -> String {
    format!(
        "import os, dj_database_url, pymysql\n\
         pymysql.install_as_MySQLdb()\n\
         SECRET_KEY = os.environ['SECRET_KEY']\n\
         INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'people']\n\
         url = os.environ['DATABASE_URL'].replace('sqlite:///', 'sqlite:////')\n\
         DATABASES = {{'default': dj_database_url.parse(url)}}\n\
         DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'\n\
         AUTH_USER_MODEL = '{user_model}'\n\
         PASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']\n"
    )
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo")
}

/// Whose packages are not the demo's.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}/db.sqlite3", folder.display())
}

/// The interpreter that has the demo's packages.
pub(crate) fn python() -> PathBuf {
    venv().join("bin/python")
}

/// The demo's virtual environment, which its own script makes at the first use.
fn venv() -> &'static Path {
    static VENV: OnceLock<PathBuf> = OnceLock::new();
    VENV.get_or_init(|| PathBuf::from(run(&mut Command::new(demo().join("venv"))).trim()))
}
