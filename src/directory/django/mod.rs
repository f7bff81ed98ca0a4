//! The database of a Django project as the directory.
//!
//! Reads the tables of `django.contrib.auth` and of the project's own user model, which it finds by itself (see [`schema`]),
//! and answers as Django's `ModelBackend` would. It writes `last_login` of a user, a hash that is made anew, and the tables of second factors (see
//! [`factors`]). There `last_used` holds the beginning of the step whose code was accepted last. Rail Django keeps the time of
//! use in it, so a code that the backend has taken is not taken here again, unless it came before its time from a clock that is
//! ahead.
//!
//! ```text
//! [directory]
//! url = "postgres://railgate:…@db:5432/project"    # or mysql://…, or sqlite:///srv/project/db.sqlite3
//! user_table = "users_user"                        # only where more than one table looks like users
//! ```
//!
//! Deployment: the database role needs SELECT on the auth tables and on `django_content_type`, and UPDATE on the user table's
//! `last_login`, which is also what lets it lock a user's row; UPDATE on its `password` where old hashes are made anew; SELECT on `django_session` where its sessions are accepted; and
//! where second factors are kept here, as SQL:
//!
//! ```text
//! GRANT SELECT, INSERT, UPDATE, DELETE ON rail_django_mfadevice, rail_django_mfabackupcode, rail_django_trusteddevice
//!   TO railgate;
//! -- PostgreSQL, where the tables' keys are `serial`, as Django before 4.1 made them:
//! GRANT USAGE ON SEQUENCE rail_django_mfadevice_id_seq, rail_django_mfabackupcode_id_seq, rail_django_trusteddevice_id_seq
//!   TO railgate;
//! ```
//!
//! Without UPDATE there, codes can't be used up, and nobody gets in by one. Nothing is asked of the database before the first
//! call, so gateway and database may start in any order. The tables are looked at again every minute, so a migration that adds
//! second factors binds within that: until then a user who enrols one still gets in without. Statements are prepared: a
//! PgBouncer that pools transactions must be 1.21 or newer, with `max_prepared_statements` above zero. A SQLite file is never
//! created, nor its journal mode changed.
//!
//! On MariaDB and MySQL, names of users are compared by the column's collation, as the backend itself does it. A user there
//! takes `mysql_native_password`; the driver has no `ed25519`, and `caching_sha2_password` by TLS or a public key only. TLS is
//! what the URL says (`sslmode`, `ssl-mode`); left unsaid, it is spoken where the server offers it, and nothing is verified.

mod database;
mod dialect;
mod error;
mod factor_queries;
mod factors;
mod instant;
mod kept;
mod key;
mod mysql;
mod queries;
mod rows;
mod schema;
mod statement;

use std::{
    collections::BTreeSet,
    error::Error,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;

use self::{
    database::{Connection, Database, TextRow},
    error::Failure,
    queries::Queries,
    rows::UserRow,
    schema::{Catalogue, Schema, Wanted},
};
use super::{BackendSessions, Directory, DirectoryError, DirectoryErrorKind, StoredSession};
use crate::model::{Account, AccountState, Candidate, EncodedPassword, Meter, PlainToken, Secret, Timestamp, UserId};

/// Longer names are answered without a query. No stock column is longer (username 150, e-mail 254), and Django warns of a unique
/// `CharField` above 255 on MySQL (check `mysql.W003`).
const MAX_USERNAME_CHARS: usize = 255;

/// How long a query that has lost its connection waits before it begins again.
const AGAIN: Duration = Duration::from_millis(50);

/// How long what was found out about the tables counts.
const TABLES_COUNT_FOR: Duration = Duration::from_secs(60);

/// Where the users are and how long to wait for them.
#[derive(Clone, Debug)]
pub struct DjangoSettings {
    /// `sqlite:///absolute/path`, `sqlite:relative/path`, `postgres://user:password@host:port/database`, or
    /// `postgres:///database?host=/socket/directory`; `mysql://user:password@host:port/database`, or
    /// `mysql://user:password@localhost/database?socket=/path`; `mariadb` is the same as `mysql`.
    pub url: Secret,
    /// The user table; `None`: found through Django's catalogue of models.
    pub user_table: Option<String>,
    /// The column that users log in with; `username` in `AbstractUser`.
    pub username_column: String,
    /// Connections kept to the database.
    pub max_connections: u32,
    /// The time of one call, connecting included.
    pub timeout: Duration,
}

/// Users of a Django project.
pub struct DjangoDirectory {
    database: Database,
    wanted: Wanted,
    timeout: Duration,
    tables_count_for: Duration,
    /// Found out by the first call that succeeds in it.
    known: RwLock<Option<Known>>,
    meter: Arc<Meter>,
}

/// What is known of the database once it was looked at.
struct Tables {
    schema: Schema,
    queries: Queries,
}

#[derive(Clone)]
struct Known {
    tables: Arc<Tables>,
    since: Instant,
}

impl DjangoDirectory {
    /// Reads the settings; connects to nothing.
    ///
    /// # Errors
    /// [`DirectoryErrorKind::Misconfigured`] for a URL that can't be used. The message repeats nothing of it.
    pub fn new(settings: DjangoSettings) -> Result<Self, DirectoryError> {
        let DjangoSettings { url, user_table, username_column, max_connections, timeout } = settings;
        let database = Database::new(url.expose(), max_connections, timeout)
            .map_err(|error| DirectoryError::new(DirectoryErrorKind::Misconfigured, error))?;
        let tables_hide = database.dialect().hides_tables();
        let wanted = Wanted { user_table, username_column, tables_hide };
        Ok(Self {
            database,
            wanted,
            timeout,
            tables_count_for: TABLES_COUNT_FOR,
            known: RwLock::default(),
            meter: Arc::default(),
        })
    }

    /// How long what it is asked takes.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Runs `work` under the one deadline of a call.
    async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, DirectoryError> {
        let asked =
            async { tokio::time::timeout(self.timeout, work).await.unwrap_or(Err(Failure::Late(self.timeout))) };
        self.meter.time(asked).await.map_err(DirectoryError::from)
    }

    /// The same for what changes nothing: it begins again on another connection when it loses its own, as by a restart of the
    /// server. Connecting waits for a server that is starting.
    async fn read<T, F>(&self, work: impl Fn() -> F + Send) -> Result<T, DirectoryError>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        self.within(async {
            loop {
                match work().await {
                    Err(failure) if failure.is_lost_connection() => {
                        tracing::debug!(error = &failure as &dyn Error, "a query begins again");
                        tokio::time::sleep(AGAIN).await;
                    }
                    answer => return answer,
                }
            }
        })
        .await
    }

    async fn open(&self) -> Result<(Connection, Arc<Tables>), Failure> {
        let mut connection = self.database.connect().await?;
        if let Some(known) = self.known().filter(|known| known.since.elapsed() < self.tables_count_for) {
            return Ok((connection, known.tables));
        }
        let since = Instant::now();
        let tables = Arc::new(self.look_around(&mut connection).await?);
        let known = Known { tables: Arc::clone(&tables), since };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok((connection, tables))
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look_around(&self, connection: &mut Connection) -> Result<Tables, Failure> {
        let dialect = self.database.dialect();
        let mut catalogue = Catalogue::default();
        for row in connection.rows(&dialect.catalogue().into(), &[]).await? {
            if let Ok([Some(table), Some(column), Some(declared)]) = <[_; 3]>::try_from(row) {
                catalogue.insert(table, column, declared);
            }
        }
        let models = match catalogue.has("django_content_type") {
            true => model_tables(connection).await?,
            false => BTreeSet::new(), // `Schema::find` says what is missing
        };
        let schema = Schema::find(&catalogue, &models, &self.wanted)?;
        Ok(Tables { queries: Queries::new(&schema, dialect), schema })
    }

    async fn find_name(&self, username: &str) -> Result<Option<Candidate>, Failure> {
        let (mut connection, tables) = self.open().await?;
        let rows = match connection.rows(&tables.queries.by_name, &[username]).await {
            Err(failure) if failure.is_incomparable() => Vec::new(),
            rows => rows?,
        };
        let mut rows = rows.into_iter();
        match (rows.next(), rows.next()) {
            (Some(_), Some(_)) => Err(Failure::SeveralUsers),
            (row, _) => row.map(|row| rows::read_candidate(row, tables.schema.key)).transpose(),
        }
    }

    async fn find(&self, id: &UserId) -> Result<Option<UserRow>, Failure> {
        let (mut connection, tables) = self.open().await?;
        let Some(key) = tables.schema.key.to_column(id, self.database.dialect()) else { return Ok(None) };
        let Some(row) = connection.rows(&tables.queries.by_key, &[&key]).await?.into_iter().next() else {
            return Ok(None);
        };
        let found = rows::read_user(row, tables.schema.key)?;
        let (groups, permissions) = grants(&key, found.user.is_superuser, &mut connection, &tables.queries).await?;
        Ok(Some(UserRow { user: rows::complete(found.user, groups, permissions)?, ..found }))
    }
}

/// The groups of the user with this key, and the permissions beside theirs.
async fn grants(
    key: &str,
    is_superuser: bool,
    connection: &mut Connection,
    queries: &Queries,
) -> Result<(Vec<TextRow>, Vec<TextRow>), Failure> {
    let groups = connection.rows(&queries.groups, &[key]).await?;
    let permissions = match is_superuser {
        true => connection.rows(&queries.all_permissions, &[]).await?,
        false => connection.rows(&queries.own_permissions, &[key]).await?,
    };
    Ok((groups, permissions))
}

/// The default table names of all models, `<app>_<model>`.
async fn model_tables(connection: &mut Connection) -> Result<BTreeSet<String>, Failure> {
    let rows = connection.rows(&"SELECT app_label, model FROM django_content_type".into(), &[]).await?;
    Ok(rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join("_")).collect())
}

/// A NUL can't stand in a PostgreSQL text, and no form of Django's lets one through.
fn can_be_a_username(text: &str) -> bool {
    !text.contains('\0') && text.chars().nth(MAX_USERNAME_CHARS).is_none()
}

#[async_trait]
impl Directory for DjangoDirectory {
    /// Compares names as they are (`get_by_natural_key`): Django normalises (NFKC) when it creates a user or reads its own login
    /// form, but not when it authenticates.
    async fn candidate(&self, username: &str) -> Result<Option<Candidate>, DirectoryError> {
        if !can_be_a_username(username) {
            return Ok(None);
        }
        self.read(|| self.find_name(username)).await
    }

    async fn account_of(&self, id: &UserId) -> Result<Option<Account>, DirectoryError> {
        let found = self.read(|| self.find(id)).await?;
        Ok(found.map(Account::from))
    }

    async fn state_of(&self, id: &UserId) -> Result<Option<AccountState>, DirectoryError> {
        self.read(|| async {
            let (mut connection, tables) = self.open().await?;
            let Some(key) = tables.schema.key.to_column(id, self.database.dialect()) else { return Ok(None) };
            let row = connection.rows(&tables.queries.state, &[&key]).await?.into_iter().next();
            row.map(rows::read_state).transpose()
        })
        .await
    }

    /// A user who is gone meanwhile has no login to note, and that is no error.
    async fn record_login(&self, id: &UserId, at: Timestamp) -> Result<(), DirectoryError> {
        self.within(async {
            let at = instant::to_column(at).ok_or(Failure::Instant)?;
            let (mut connection, tables) = self.open().await?;
            if let Some(key) = tables.schema.key.to_column(id, self.database.dialect()) {
                connection.execute(&tables.queries.record_login, &[&key, &at]).await?;
            }
            Ok(())
        })
        .await
    }

    async fn replace_password(
        &self,
        id: &UserId,
        old: &EncodedPassword,
        new: &EncodedPassword,
    ) -> Result<bool, DirectoryError> {
        self.within(async {
            let (mut connection, tables) = self.open().await?;
            let Some(key) = tables.schema.key.to_column(id, self.database.dialect()) else { return Ok(false) };
            let parameters = [key.as_str(), old.expose(), new.expose()];
            Ok(connection.execute(&tables.queries.replace_password, &parameters).await? > 0)
        })
        .await
    }
}

#[async_trait]
impl BackendSessions for DjangoDirectory {
    async fn backend_session(&self, cookie: &PlainToken) -> Result<Option<StoredSession>, DirectoryError> {
        self.read(|| async {
            let (mut connection, tables) = self.open().await?;
            let rows = connection.rows(&tables.queries.session, &[cookie.expose()]).await?;
            rows.into_iter().next().map(rows::read_session).transpose()
        })
        .await
    }
}

impl fmt::Debug for DjangoDirectory {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoDirectory")
            .field("database", &self.database.dialect())
            .field("schema", &self.known().map(|known| format!("{:?}", known.tables.schema)))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
