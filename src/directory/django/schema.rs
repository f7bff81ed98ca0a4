//! Which tables and columns hold the users: worked out from the database's catalogue, or said in the configuration.
//!
//! A project's user model can have any name (`AUTH_USER_MODEL`), and nothing in the database says which of its models that is.
//! But a user model made from `AbstractUser` has its columns and a table of its own for its groups, and seldom a second model
//! has both. Where one has, `[directory] user_table` decides.

use std::collections::{BTreeMap, BTreeSet};

use super::key::KeyKind;

/// Columns of `AbstractUser` besides the name to log in with (Django 5.2, `contrib/auth/models.py` and `base_user.py`).
const USER_COLUMNS: [&str; 10] = [
    "id",
    "password",
    "last_login",
    "is_superuser",
    "first_name",
    "last_name",
    "email",
    "is_staff",
    "is_active",
    "date_joined",
];

/// Tables that every project with `django.contrib.auth` has.
const DJANGO_TABLES: [&str; 4] = ["django_content_type", "auth_permission", "auth_group", "auth_group_permissions"];

/// Rail Django's enrolled second factors.
const FACTOR_TABLE: &str = "rail_django_mfadevice";

/// The backup codes that came with them.
const BACKUP_CODE_TABLE: &str = "rail_django_mfabackupcode";

/// The devices that need no second factor for a while.
const TRUSTED_DEVICE_TABLE: &str = "rail_django_trusteddevice";

/// Why no table could be settled on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SchemaError {
    /// Another database, or one that waits for `migrate`.
    #[error("the database lacks Django's tables {}; is it the backend's, and migrated?", .0.join(", "))]
    NotDjango(Vec<&'static str>),
    /// Nothing fits.
    #[error(
        "no model of this database has the columns of a user ({}) and a table for its groups; set `[directory] user_table`, \
         and `username_column` if users don't log in with `username`", .0.join(", ")
    )]
    NoCandidate(Vec<String>),
    /// More than one fits.
    #[error("several tables look like users: {}; set `[directory] user_table` to the one of AUTH_USER_MODEL", .0.join(", "))]
    SeveralCandidates(Vec<String>),
    /// MariaDB and MySQL show a role only the tables that it has some right on. Without this one, nobody would be asked for
    /// a second factor.
    #[error(
        "the backend has second factors (`{FACTOR_TABLE}`), but the database role sees no such table: grant it the rights \
         that the README names, or remove stale content types if the backend has them no more"
    )]
    HiddenFactors,
    /// The configured one doesn't exist.
    #[error("`[directory] user_table`: the database has no table `{0}`")]
    NoTable(String),
    /// The configured one isn't made from `AbstractUser`.
    #[error("the user table `{table}` lacks the columns {}", .columns.join(", "))]
    NoColumns {
        /// Its name.
        table: String,
        /// What is missing.
        columns: Vec<String>,
    },
    /// Not made from `PermissionsMixin`, or renamed.
    #[error("the table `{0}`, which links users, is missing or not a link table of Django")]
    NoLink(String),
    /// A key that is neither an integer nor a UUID.
    #[error("the key of `{table}` is declared as `{declared}`; integers and UUIDs are supported")]
    Key {
        /// The user table.
        table: String,
        /// Its type in the catalogue.
        declared: String,
    },
}

/// What a database consists of: table, column, declared type.
#[derive(Debug, Default)]
pub(super) struct Catalogue(BTreeMap<String, BTreeMap<String, String>>);

/// A many-to-many table of the user model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// `users_user_groups`.
    pub(super) table: String,
    /// `user_id`: named after the model, which the table's name doesn't reliably tell.
    pub(super) user_column: String,
}

/// Where the users are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Schema {
    /// `users_user`.
    pub(super) users: String,
    /// The column to log in with.
    pub(super) username: String,
    /// What its key is.
    pub(super) key: KeyKind,
    /// To `auth_group`.
    pub(super) groups: Link,
    /// To `auth_permission`.
    pub(super) permissions: Link,
    /// The table of second factors, where the backend has one.
    pub(super) factors: Option<&'static str>,
    /// The table of their backup codes, where the backend has one.
    pub(super) backup_codes: Option<&'static str>,
    /// The table of trusted devices, where the backend has one.
    pub(super) trusted_devices: Option<&'static str>,
}

impl Catalogue {
    pub(super) fn insert(&mut self, table: String, column: String, declared: String) {
        self.0.entry(table).or_default().insert(column, declared);
    }

    /// The columns of a user that `table` doesn't have; all of them when there is no such table.
    fn missing(&self, table: &str, username: &str) -> Vec<String> {
        let present = self.0.get(table);
        let is_missing = |column: &&str| present.is_none_or(|present| !present.contains_key(*column));
        USER_COLUMNS.into_iter().chain([username]).filter(is_missing).map(str::to_owned).collect()
    }

    /// Whether there is such a table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    /// A link table is `id`, one key to the other side (`target`), and one to the user.
    fn link(&self, table: String, target: &str) -> Result<Link, SchemaError> {
        let columns = self.0.get(&table).filter(|columns| columns.contains_key(target));
        let mut others =
            columns.into_iter().flatten().map(|(name, _)| name).filter(|name| *name != "id" && *name != target);
        match (others.next(), others.next()) {
            (Some(column), None) => Ok(Link { user_column: column.clone(), table }),
            (Some(_), Some(_)) | (None, _) => Err(SchemaError::NoLink(table)),
        }
    }
}

/// What the configuration says about the user table.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its name; `None`: to be found.
    pub(super) user_table: Option<String>,
    /// The column that users log in with.
    pub(super) username_column: String,
    /// The catalogue leaves out what the role has no right on.
    pub(super) tables_hide: bool,
}

impl Schema {
    /// Settles on the tables. `models` are the default table names (`<app>_<model>`) of all rows of `django_content_type`.
    pub(super) fn find(catalogue: &Catalogue, models: &BTreeSet<String>, wanted: &Wanted) -> Result<Self, SchemaError> {
        if wanted.tables_hide && models.contains(FACTOR_TABLE) && !catalogue.has(FACTOR_TABLE) {
            return Err(SchemaError::HiddenFactors);
        }
        let absent: Vec<_> = DJANGO_TABLES.into_iter().filter(|table| !catalogue.has(table)).collect();
        if !absent.is_empty() {
            return Err(SchemaError::NotDjango(absent));
        }
        let users = user_table(catalogue, models, wanted)?;
        Ok(Self {
            key: key_kind(catalogue, &users)?,
            groups: catalogue.link(format!("{users}_groups"), "group_id")?,
            permissions: catalogue.link(format!("{users}_user_permissions"), "permission_id")?,
            factors: catalogue.has(FACTOR_TABLE).then_some(FACTOR_TABLE),
            backup_codes: catalogue.has(BACKUP_CODE_TABLE).then_some(BACKUP_CODE_TABLE),
            trusted_devices: catalogue.has(TRUSTED_DEVICE_TABLE).then_some(TRUSTED_DEVICE_TABLE),
            username: wanted.username_column.clone(),
            users,
        })
    }
}

fn user_table(catalogue: &Catalogue, models: &BTreeSet<String>, wanted: &Wanted) -> Result<String, SchemaError> {
    let username = wanted.username_column.as_str();
    if let Some(table) = &wanted.user_table {
        let columns = catalogue.missing(table, username);
        return match (catalogue.has(table), columns.is_empty()) {
            (false, _) => Err(SchemaError::NoTable(table.clone())),
            (true, false) => Err(SchemaError::NoColumns { table: table.clone(), columns }),
            (true, true) => Ok(table.clone()),
        };
    }
    let is_candidate =
        |table: &&String| catalogue.missing(table, username).is_empty() && catalogue.has(&format!("{table}_groups"));
    let candidates: Vec<_> = models.iter().filter(is_candidate).cloned().collect();
    match <[String; 1]>::try_from(candidates) {
        Ok([table]) => Ok(table),
        Err(none) if none.is_empty() => {
            let columns = USER_COLUMNS.into_iter().chain([username]).map(str::to_owned).collect();
            Err(SchemaError::NoCandidate(columns))
        }
        Err(several) => Err(SchemaError::SeveralCandidates(several)),
    }
}

fn key_kind(catalogue: &Catalogue, users: &str) -> Result<KeyKind, SchemaError> {
    let declared = catalogue.0.get(users).and_then(|columns| columns.get("id")).map_or("", String::as_str);
    KeyKind::of_column(declared)
        .ok_or_else(|| SchemaError::Key { table: users.to_owned(), declared: declared.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Catalogue, DJANGO_TABLES, KeyKind, Schema, SchemaError, USER_COLUMNS, Wanted};

    /// A migrated database with these user models.
    fn catalogue(users: &[&str]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        let mut table = |name: &str, columns: &[&str]| {
            for column in columns {
                catalogue.insert(name.to_owned(), (*column).to_owned(), "bigint".to_owned());
            }
        };
        for name in DJANGO_TABLES {
            table(name, &["id"]);
        }
        for user in users {
            table(user, &USER_COLUMNS);
            table(user, &["username"]);
            table(&format!("{user}_groups"), &["id", "user_id", "group_id"]);
            table(&format!("{user}_user_permissions"), &["id", "user_id", "permission_id"]);
        }
        catalogue
    }

    fn models(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn wanted(user_table: Option<&str>) -> Wanted {
        Wanted { user_table: user_table.map(str::to_owned), username_column: "username".to_owned(), tables_hide: false }
    }

    #[test]
    fn a_single_user_model_is_found_whatever_its_name() {
        for name in ["auth_user", "users_user", "crm_client"] {
            let models = models(&["auth_group", "auth_permission", "articles_article", name]);
            let schema = Schema::find(&catalogue(&[name]), &models, &wanted(None)).unwrap();
            assert_eq!(schema.users, name);
            assert_eq!(schema.key, KeyKind::Integer);
            assert_eq!(schema.groups.table, format!("{name}_groups"));
            assert_eq!(schema.permissions.user_column, "user_id");
            assert_eq!(schema.factors, None);
        }
    }

    #[test]
    fn two_user_models_need_a_word_from_the_configuration() {
        let (catalogue, models) = (catalogue(&["auth_user", "users_user"]), models(&["auth_user", "users_user"]));
        let error = Schema::find(&catalogue, &models, &wanted(None)).unwrap_err().to_string();
        assert!(error.contains("auth_user, users_user") && error.contains("user_table"), "{error}");
        let schema = Schema::find(&catalogue, &models, &wanted(Some("users_user"))).unwrap();
        assert_eq!(schema.users, "users_user");
    }

    #[test]
    fn a_model_whose_table_is_gone_is_no_candidate() {
        let models = models(&["auth_user", "users_user"]);
        assert_eq!(Schema::find(&catalogue(&["users_user"]), &models, &wanted(None)).unwrap().users, "users_user");
    }

    #[test]
    fn a_table_of_factors_that_is_hidden_is_not_taken_for_none() {
        let (users, models) = (catalogue(&["users_user"]), models(&["users_user", "rail_django_mfadevice"]));
        let hiding = Wanted { tables_hide: true, ..wanted(None) };
        assert_eq!(Schema::find(&users, &models, &hiding).unwrap_err(), SchemaError::HiddenFactors);
        assert_eq!(Schema::find(&users, &models, &wanted(None)).unwrap().factors, None, "it was dropped");
    }

    #[test]
    fn what_is_missing_is_named() {
        let models = models(&["users_user"]);
        let mut wanted = wanted(Some("users_person"));
        let find = |catalogue: &Catalogue, wanted: &Wanted| Schema::find(catalogue, &models, wanted).unwrap_err();

        assert!(matches!(find(&Catalogue::default(), &wanted), SchemaError::NotDjango(tables) if tables.len() == 4));
        let users = catalogue(&["users_user"]);
        assert_eq!(find(&users, &wanted), SchemaError::NoTable("users_person".to_owned()));
        wanted.user_table = Some("users_user_groups".to_owned());
        assert!(matches!(find(&users, &wanted), SchemaError::NoColumns { columns, .. } if columns.len() == 10));
        wanted = Wanted { user_table: None, username_column: "badge".to_owned(), tables_hide: false };
        assert!(
            matches!(find(&users, &wanted), SchemaError::NoCandidate(columns) if columns.contains(&"badge".to_owned()))
        );
    }
}
