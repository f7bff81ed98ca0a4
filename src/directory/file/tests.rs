//! What a users file says, what is wrong with one, and what becomes of one that changes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use super::{Directory as _, Draft, FileDirectory, FileError, RoleRecord, UserRecord, Users, read};
use crate::model::{Account, EncodedPassword, SystemClock, Timestamp, UserId};

mod changes;
mod reload;

/// Stands for whoever knows hashes.
fn is_hash(password: &EncodedPassword) -> bool {
    let text = password.expose();
    text.starts_with('!') || text.starts_with("md5$")
}

/// Two users and a role.
const FILE: &str = r#"# Our own.
[[users]]
id = "1"
username = "eva"
password = "md5$eva"
email = "eva@example.com"
first_name = "Eva"
last_name = "Ek"
date_joined = 2026-11-22T09:42:22.000120+00:00
roles = ["editors", "guests"]
permissions = ["shop.view_order", "articles.view_article"]

# Away until May.
[[users]]
id = "b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab"
username = "Eva"
password = "!"  # none
is_active = false
is_staff = true
permissions = ["shop.pay"]

[[roles]]
name = "editors"
permissions = ["articles.change_article", "articles.view_article"]
"#;

/// The same in the other form.
const LINES: &str = r#"{"id":"1","username":"eva","password":"md5$eva","email":"eva@example.com","first_name":"Eva","last_name":"Ek","date_joined":"2026-11-22T10:42:22.000120+01:00","roles":["editors","guests"],"permissions":["shop.view_order","articles.view_article"]}

{"id":"b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab","username":"Eva","password":"!","is_active":false,"is_staff":true,"permissions":["shop.pay"]}
{"name":"editors","permissions":["articles.change_article","articles.view_article"]}
"#;

fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn users(text: &str) -> Users {
    Users::read(text, Path::new("users.toml"), is_hash).unwrap_or_else(|error| panic!("{error}"))
}

fn complaints(name: &str, text: &str) -> String {
    Users::read(text, Path::new(name), is_hash).unwrap_err().to_string()
}

fn directory(path: &Path) -> FileDirectory {
    FileDirectory::open(path.to_owned(), is_hash, Arc::new(SystemClock)).unwrap_or_else(|error| panic!("{error}"))
}

async fn account(directory: &FileDirectory, username: &str) -> Account {
    let found = directory.candidate(username).await.unwrap().unwrap();
    directory.account_of(&found.id).await.unwrap().unwrap()
}

fn user(username: &str) -> UserRecord {
    let date_joined = Timestamp::from_secs(1_795_340_542);
    UserRecord { date_joined, ..UserRecord::bare(&format!("id-of-{username}"), username, "md5$new") }
}

#[tokio::test]
async fn both_forms_say_the_same() {
    let mut told = Vec::new();
    for (name, text) in [("users.toml", FILE), ("users.jsonl", LINES), ("users.ndjson", LINES), ("users", FILE)] {
        let (_folder, path) = file(name, text);
        let directory = directory(&path);
        let eva = account(&directory, "eva").await;
        assert_eq!(eva.password.expose(), "md5$eva");
        let other = account(&directory, "Eva").await;
        assert_eq!(other.user.id.as_str(), "b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab");
        assert!(directory.candidate("EVA").await.unwrap().is_none(), "names are compared as they are");
        told.push(format!("{:?} {:?}", eva.user, other.user));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test]
async fn a_user_has_what_the_roles_have() {
    let (_folder, path) = file("users.toml", FILE);
    let directory = directory(&path);
    let eva = directory.account_of(&UserId::new("1")).await.unwrap().unwrap().user;
    assert_eq!(eva.permissions, ["articles.change_article", "articles.view_article", "shop.view_order"]);
    assert_eq!((eva.full_name().as_str(), eva.email.as_str()), ("Eva Ek", "eva@example.com"));
    assert_eq!(eva.date_joined.to_string(), "2026-11-22T09:42:22.000120+00:00");
    let [editors, guests] = &eva.roles[..] else { panic!("{:?}", eva.roles) };
    assert_eq!((editors.id.as_str(), editors.name.as_str()), ("group:editors", "editors"));
    let codenames: Vec<_> = editors.permissions.iter().map(|permission| permission.codename.as_str()).collect();
    assert_eq!(codenames, ["change_article", "view_article"]);
    assert!(guests.name == "guests" && guests.permissions.is_empty(), "nothing describes it");

    let other = account(&directory, "Eva").await.user;
    assert!(other.permissions.is_empty(), "an inactive user has none");
    assert_eq!(other.roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["admin"]);
    assert_eq!(other.date_joined, Timestamp::default());
    assert!(directory.account_of(&UserId::new("2")).await.unwrap().is_none());
}

#[test]
fn a_superuser_has_every_permission_that_the_file_names() {
    let text = FILE.replace("is_active = false\nis_staff = true", "is_superuser = true");
    let users = users(&text);
    let account = users.account(users.by_name("Eva").unwrap(), None);
    assert_eq!(
        account.user.permissions,
        ["articles.change_article", "articles.view_article", "shop.pay", "shop.view_order"]
    );
    assert_eq!(account.user.roles.last().unwrap().name, "superadmin");
}

#[tokio::test]
async fn the_last_login_is_known_until_the_next_start() {
    let (_folder, path) = file("users.toml", FILE);
    let (id, at) = (UserId::new("1"), Timestamp::from_secs(1_795_340_542));
    let directory = directory(&path);
    assert_eq!(account(&directory, "eva").await.user.last_login, None);
    directory.record_login(&id, at).await.unwrap();
    assert_eq!(account(&directory, "eva").await.user.last_login, Some(at));
    assert_eq!(directory.account_of(&id).await.unwrap().unwrap().user.last_login, Some(at));
    assert_eq!(fs::read_to_string(path).unwrap(), FILE, "nothing is written");
}

#[test]
fn everything_that_is_wrong_is_told_with_its_line() {
    let text = r#"
[[users]]
id = "a b"
username = "eva"
pasword = "hunter2"
email = 7

[[users]]
id = "1"
username = " eva"
password = "hunter2"
is_active = "yes"
date_joined = 2026-11-22
roles = ["editors", "editors"]
permissions = ["change_article"]

[[roles]]
permissions = "none"
"#;
    let complaints = complaints("users.toml", text);
    insta::assert_snapshot!(complaints, @r#"
    users.toml:2: `password` is missing
    users.toml:3: `id` must have from 1 to 64 characters, all of them letters, digits, `-`, `_` or `.`
    users.toml:5: `pasword` is not a key; valid here: id, username, password, email, first_name, last_name, is_staff, is_superuser, is_active, date_joined, roles, permissions
    users.toml:6: `email`: write a text in quotes
    users.toml:10: `username` must not begin or end with a blank, nor hold a control character
    users.toml:11: `password` is no hash as Django would store it: `railgate user passwd NAME` writes one
    users.toml:12: `is_active`: write true or false
    users.toml:13: `date_joined`: write an instant with its offset, such as 2026-03-01T00:00:00Z
    users.toml:14: `roles`: "editors" stands there twice
    users.toml:15: `permissions`: "change_article" is no permission such as "articles.change_article"
    users.toml:17: `name` is missing
    users.toml:18: `permissions`: write a list of texts, ["one", "another"]
    "#);
}

#[test]
fn names_and_ids_stand_there_once() {
    let text = FILE.replace("username = \"Eva\"", "username = \"eva\"");
    assert_eq!(complaints("users.toml", &text), "users.toml:16: `username` \"eva\" is another's above");
    let text = FILE.replace("b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab", "1");
    assert_eq!(complaints("users.toml", &text), "users.toml:15: `id` \"1\" is another's above");
    let text = format!("{FILE}[[roles]]\nname = \"editors\"\n");
    assert_eq!(complaints("users.toml", &text), "users.toml:26: `name` \"editors\" is another's above");
    let text = LINES.replace("\"Eva\"", "\"eva\"");
    assert_eq!(complaints("u.jsonl", &text), "u.jsonl:3: `username` \"eva\" is another's above");
}

#[test]
fn what_is_no_list_of_users_is_told_without_repeating_it() {
    for (text, complaint) in [
        ("[[users]]\nid = hunter2", "users.toml:2: not TOML: "),
        ("[user]\nid = \"1\"", "users.toml:1: `user` has no place here: write [[users]] or [[roles]]"),
        ("\nusers = [{ id = \"hunter2\" }]", "users.toml:2: write each of them as a table of its own: [[users]]"),
        ("[users]\neva = \"hunter2\"", "users.toml:1: write each of them as a table of its own: [[users]]"),
        ("[[users]]\nid = \"1\"\nid = \"2\"", "users.toml:3: not TOML: duplicate key"),
    ] {
        let said = complaints("users.toml", text);
        assert!(said.starts_with(complaint) && !said.contains("hunter2"), "{text}: {said}");
    }
    for (text, complaint) in [
        ("{\"id\": hunter2}", "u.jsonl:1: no JSON object, from column 8 on"),
        ("\n[\"hunter2\"]", "u.jsonl:2: no JSON object, from column 0 on"),
        ("{\"hunter2\": \"\"}", "u.jsonl:1: has neither `username`, as a user has, nor `name`, as a role"),
        (r#"{"id":"1","username":"a","password":"!","id":"2"}"#, "u.jsonl:1: `id` stands there twice"),
    ] {
        let said = complaints("u.jsonl", text);
        assert!(said.starts_with(complaint) && !said.contains("hunter2"), "{text}: {said}");
    }
}

#[test]
fn an_empty_file_is_one_without_users() {
    assert!(users("").all().is_empty());
    assert!(Users::read("\n", Path::new("u.jsonl"), is_hash).unwrap().all().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let error = read(&folder.path().join("users.toml"), is_hash).unwrap_err();
    assert!(matches!(error, FileError::Missing(_)), "{error}");
    assert!(error.to_string().ends_with("users.toml is not there; the first `railgate user add` makes it"), "{error}");
}
