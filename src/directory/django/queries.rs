//! All SQL that reads and writes users, and reads sessions, built once when the tables are known.
//!
//! A name takes one query, whether anybody has it or not. An account takes three, whatever its groups: the row, the groups with
//! their permissions, and the permissions held directly (for a superuser: all there are). They see what other transactions commit
//! in between, as Django's own do.

use super::{
    dialect::{Dialect, quoted},
    factor_queries::{FactorQueries, TrustQueries},
    schema::{Link, Schema},
    statement::Statement,
};

/// The statements, for one schema on one kind of database. Parameters stand in the order of the comments.
#[derive(Debug)]
pub(super) struct Queries {
    /// `$1` username. The key, `is_active` and the password.
    pub(super) by_name: Statement,
    /// `$1` key. Columns: see [`user_columns`].
    pub(super) by_key: Statement,
    /// `$1` key. `is_active` and the password.
    pub(super) state: Statement,
    /// `$1` key. Group id and name, then id, name, codename and application of one permission, or NULLs for a group without any.
    pub(super) groups: Statement,
    /// `$1` key. Application and codename.
    pub(super) own_permissions: Statement,
    /// No parameter. Application and codename.
    pub(super) all_permissions: Statement,
    /// `$1` key of a session. Its data, and when it runs out.
    pub(super) session: Statement,
    /// `$1` key, `$2` instant.
    pub(super) record_login: Statement,
    /// `$1` key, `$2` the password column as it was, `$3` what it is to be.
    pub(super) replace_password: Statement,
    /// `$1` key. The key, and the row is held until the transaction ends.
    pub(super) hold: Statement,
    /// On second factors, where the backend has them.
    pub(super) factors: Option<FactorQueries>,
    /// On trusted devices, where the backend has them.
    pub(super) trusted: Option<TrustQueries>,
}

impl Queries {
    pub(super) fn new(schema: &Schema, dialect: Dialect) -> Self {
        let key = dialect.bound_key(schema.key, "$1");
        let users = quoted(&schema.users);
        let (columns, active) = (user_columns(schema, dialect), dialect.text("u.is_active"));
        Self {
            by_name: format!(
                "SELECT {}, {active}, u.password FROM {users} AS u WHERE u.{} = $1",
                dialect.text("u.id"),
                quoted(&schema.username)
            )
            .into(),
            by_key: format!("SELECT {columns} FROM {users} AS u WHERE u.id = {key}").into(),
            state: format!("SELECT {active}, u.password FROM {users} AS u WHERE u.id = {key}").into(),
            groups: groups(&schema.groups, &key, dialect).into(),
            own_permissions: own_permissions(&schema.permissions, &key).into(),
            all_permissions: ALL_PERMISSIONS.into(),
            session: format!(
                "SELECT s.session_data, {} FROM django_session AS s WHERE {}",
                dialect.instant("s.expire_date"),
                dialect.same("s.session_key", "$1")
            )
            .into(),
            record_login: format!("UPDATE {users} SET last_login = {} WHERE id = {key}", dialect.bound_instant("$2"))
                .into(),
            replace_password: format!(
                "UPDATE {users} SET password = $3 WHERE id = {key} AND {}",
                dialect.same("password", "$2")
            )
            .into(),
            hold: format!("SELECT {} FROM {users} WHERE id = {key}{}", dialect.text("id"), dialect.for_update()).into(),
            factors: FactorQueries::new(schema, dialect),
            trusted: TrustQueries::new(schema, dialect),
        }
    }
}

/// The order in which [`read_user`](super::rows::read_user) takes them.
fn user_columns(schema: &Schema, dialect: Dialect) -> String {
    let username = quoted(&schema.username);
    [
        dialect.text("u.id"),
        dialect.text(&format!("u.{username}")),
        dialect.text("u.email"),
        dialect.text("u.first_name"),
        dialect.text("u.last_name"),
        dialect.text("u.is_staff"),
        dialect.text("u.is_superuser"),
        dialect.text("u.is_active"),
        dialect.instant("u.date_joined"),
        dialect.instant("u.last_login"),
        dialect.text("u.password"),
    ]
    .join(", ")
}

/// Groups by id, their permissions in the order of Django's `Permission.Meta.ordering`.
fn groups(link: &Link, key: &str, dialect: Dialect) -> String {
    let (table, user) = (quoted(&link.table), quoted(&link.user_column));
    let (group_id, permission_id) = (dialect.text("g.id"), dialect.text("p.id"));
    format!(
        "SELECT {group_id}, g.name, {permission_id}, p.name, p.codename, c.app_label FROM {table} AS l \
         JOIN auth_group AS g ON g.id = l.group_id \
         LEFT JOIN auth_group_permissions AS gp ON gp.group_id = g.id \
         LEFT JOIN auth_permission AS p ON p.id = gp.permission_id \
         LEFT JOIN django_content_type AS c ON c.id = p.content_type_id \
         WHERE l.{user} = {key} ORDER BY g.id, c.app_label, c.model, p.codename"
    )
}

fn own_permissions(link: &Link, key: &str) -> String {
    let (table, user) = (quoted(&link.table), quoted(&link.user_column));
    format!("{ALL_PERMISSIONS} JOIN {table} AS l ON l.permission_id = p.id WHERE l.{user} = {key}")
}

const ALL_PERMISSIONS: &str = "SELECT c.app_label, p.codename FROM auth_permission AS p \
     JOIN django_content_type AS c ON c.id = p.content_type_id";
