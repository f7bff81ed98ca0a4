//! What needs no real database, and how the tables are looked at again.

use std::time::Duration;

use super::{DjangoDirectory, DjangoSettings, can_be_a_username};
use crate::{
    directory::{DirectoryErrorKind, Factors as _},
    model::{Secret, UserId},
};

/// As little as passes for the database of a Django project, with one user and no second factors.
const PROJECT: &str = "
    CREATE TABLE django_content_type (id integer, app_label text, model text);
    CREATE TABLE auth_permission (id integer, name text, codename text, content_type_id integer);
    CREATE TABLE auth_group (id integer, name text);
    CREATE TABLE auth_group_permissions (id integer, group_id integer, permission_id integer);
    CREATE TABLE auth_user (id integer, username text, password text, last_login text, is_superuser bool,
        first_name text, last_name text, email text, is_staff bool, is_active bool, date_joined text);
    CREATE TABLE auth_user_groups (id integer, user_id integer, group_id integer);
    CREATE TABLE auth_user_user_permissions (id integer, user_id integer, permission_id integer);
    INSERT INTO django_content_type VALUES (1, 'auth', 'user');
    INSERT INTO auth_user VALUES (1, 'eva', '!', NULL, 0, '', '', '', 0, 1, '2026-11-22 00:00:00');";

const FACTOR: &str = "
    CREATE TABLE rail_django_mfadevice (id integer, user_id integer, device_name text, device_type text,
        secret_key text, is_active bool, created_at text, last_used text);
    INSERT INTO rail_django_mfadevice VALUES (1, 1, 'phone', 'totp', 'ABC', 1, '2026-11-22 00:00:00', NULL);";

fn directory(url: &str) -> Result<DjangoDirectory, crate::directory::DirectoryError> {
    DjangoDirectory::new(DjangoSettings {
        url: Secret::new(url),
        user_table: None,
        username_column: "username".to_owned(),
        max_connections: 1,
        timeout: Duration::from_secs(1),
    })
}

#[tokio::test]
async fn second_factors_that_a_migration_adds_are_seen_once_the_tables_are_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/db.sqlite3", folder.path().display());
    let project = sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
    sqlx::raw_sql(PROJECT).execute(&project).await.unwrap();
    let mut directory = directory(&url).unwrap();
    let has_factor = async |directory: &DjangoDirectory| !directory.active(&UserId::new("1")).await.unwrap().is_empty();
    assert!(!has_factor(&directory).await);
    sqlx::raw_sql(FACTOR).execute(&project).await.unwrap();
    assert!(!has_factor(&directory).await, "not looked at for every login");
    directory.tables_count_for = Duration::ZERO;
    assert!(has_factor(&directory).await);
}

#[test]
fn a_directory_is_made_without_a_database_or_a_runtime() {
    for url in [
        "sqlite:///nowhere/db.sqlite3",
        "sqlite:db.sqlite3",
        "postgres://u:p@127.0.0.1:1/db",
        "mariadb://u:p@127.0.0.1:1/db",
    ] {
        assert!(directory(url).is_ok(), "{url}");
    }
}

#[test]
fn neither_errors_nor_debug_show_the_password() {
    for url in [
        "oracle://u:canary@h/db",
        "canary",
        "postgres://u:canary@h:99999/db",
        "postgres://u:canary@[/db",
        "mysql://u:canary@h:99999/db",
        "mysql://u:canary@h/db?ssl-mode=canary",
    ] {
        let error = directory(url).unwrap_err();
        assert_eq!(error.kind, DirectoryErrorKind::Misconfigured);
        assert!(!format!("{error:?} {error} {}", error.source).contains("canary"), "{error:?}");
    }
    for url in ["postgres://u:canary@h/db", "mysql://u:canary@h/db"] {
        assert!(!format!("{:?}", directory(url).unwrap()).contains("canary"));
    }
}

#[test]
fn names_that_no_user_can_have_are_not_asked_for() {
    assert!(can_be_a_username(&"é".repeat(255)));
    assert!(!can_be_a_username(&"é".repeat(256)));
    assert!(!can_be_a_username("john\0"));
}
