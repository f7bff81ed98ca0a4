//! Who may be added, and what an import refuses.

use std::time::Duration;

use tempfile::TempDir;

use super::{Dump, NewUser, UserRecord, UsersFile, draw_id};
use crate::{
    config::{Hashing, PreferredHasher},
    directory::file::RoleRecord,
    model::{EncodedPassword, Secret, SystemClock, SystemEntropy, UserId},
};

fn users_file() -> (TempDir, UsersFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.toml");
    let preferred = PreferredHasher::Argon2 { time_cost: 1, memory_cost: 64, parallelism: 1 };
    let [threads, queue] = [1; 2];
    let deadline = Duration::from_secs(1);
    let hashing =
        Hashing { threads, queue, deadline, preferred, max_memory: 65_536, legacy_md5: false, upgrade: false };
    (folder, UsersFile { path, hashing })
}

fn new(username: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        password: Secret::new("correct horse"),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        roles: Vec::new(),
        is_staff: false,
        is_superuser: false,
    }
}

fn add(file: &UsersFile, new: NewUser) -> Result<UserId, String> {
    file.add(new, &SystemEntropy, &SystemClock).map_err(|error| format!("{error:#}"))
}

fn imported(id: &str, username: &str) -> UserRecord {
    UserRecord::bare(id, username, "!imported")
}

fn import(file: &UsersFile, users: &[UserRecord], roles: &[(&str, &str)], replace: bool) -> Result<usize, String> {
    let role =
        |(name, label): &(&str, &str)| RoleRecord { name: (*name).to_owned(), permissions: vec![(*label).to_owned()] };
    let dump = Dump { users: users.to_vec(), roles: roles.iter().map(role).collect() };
    file.import(&dump, replace).map(|done| done.replaced).map_err(|error| format!("{error:#}"))
}

#[test]
fn ids_are_uuids_of_version_4_and_differ() {
    let [one, other] = [(); 2].map(|()| draw_id(&SystemEntropy).unwrap().to_string());
    assert_ne!(one, other);
    assert!(one.len() == 36 && &one[14..15] == "4" && "89ab".contains(&one[19..20]), "{one}");
}

#[test]
fn a_name_is_taken_in_whatever_case() {
    let (_folder, file) = users_file();
    add(&file, new("Élodie")).unwrap();
    assert_eq!(add(&file, new("elodie")).unwrap_err(), "elodie is too much like Élodie, who is there already");
    let taken = add(&file, new("Élodie")).unwrap_err();
    assert_eq!(taken, "Élodie is there already; `railgate user passwd` sets a password");
    assert_eq!(add(&file, new("ÉLODIE")).unwrap_err(), "ÉLODIE is too much like Élodie, who is there already");
    assert_eq!(file.read().unwrap().all().len(), 1);
}

#[test]
fn what_the_file_could_not_hold_is_refused_before_it_is_touched() {
    let (folder, file) = users_file();
    for (user, why) in [
        (new(" eva"), " eva: `username` must not begin or end with a blank, nor hold a control character"),
        (new(""), ": `username` must have from 1 to 150 characters"),
        (NewUser { roles: vec!["a".into(), "a".into()], ..new("eva") }, "eva: `roles`: \"a\" stands there twice"),
        (NewUser { password: Secret::new("1234567"), ..new("eva") }, "a password has 8 characters or more"),
    ] {
        assert_eq!(add(&file, user).unwrap_err(), why);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_import_tells_of_every_conflict_and_changes_nothing() {
    let (_folder, file) = users_file();
    import(&file, &[imported("1", "eva"), imported("2", "max")], &[("editors", "a.x"), ("guests", "a.x")], false)
        .unwrap();
    let before = std::fs::read(&file.path).unwrap();
    let users = [imported("1", "eva"), imported("2", "kim"), imported("3", "pat"), imported("4", "pat")];
    let told = import(&file, &users, &[("editors", "a.y"), ("guests", "a.x")], false).unwrap_err();
    insta::assert_snapshot!(told, @r"
    nothing was imported:
    eva is there already; --replace puts the one of the dump in their place
    kim has the id 2, which is max's here
    pat stands twice in the dump
    the role editors allows something else here; --replace takes what the dump says
    ");
    let told = import(&file, &users[..2], &[], true).unwrap_err();
    assert_eq!(told, "nothing was imported:\nkim has the id 2, which is max's here");
    assert_eq!(std::fs::read(&file.path).unwrap(), before);
}

#[test]
fn an_import_may_replace_who_has_the_name() {
    let (_folder, file) = users_file();
    import(&file, &[imported("1", "eva"), imported("2", "max")], &[("editors", "a.x")], false).unwrap();
    let eva = UserRecord { email: "eva@example.com".to_owned(), ..imported("1", "eva") };
    let replaced = import(&file, &[eva, imported("3", "kim")], &[("editors", "a.y")], true);
    assert_eq!(replaced, Ok(1));
    let users = file.read().unwrap();
    let ids: Vec<_> = users.all().iter().map(|user| (user.username.as_str(), user.id.as_str())).collect();
    assert_eq!(ids, [("eva", "1"), ("max", "2"), ("kim", "3")]);
    assert_eq!(users.by_name("eva").unwrap().email, "eva@example.com");
    assert_eq!(users.roles(), [RoleRecord { name: "editors".to_owned(), permissions: vec!["a.y".to_owned()] }]);
}

/// Second factors in the store belong to the id: another one would be without, or have a stranger's.
#[test]
fn an_import_gives_nobody_another_id() {
    let (_folder, file) = users_file();
    let id = add(&file, new("eva")).unwrap();
    for replace in [false, true] {
        let told = import(&file, &[imported("1", "eva")], &[], replace).unwrap_err();
        let why = "second factors belong to an id; take one of the two out, or give them one id";
        let told_of = format!("eva is somebody else here, with the id {id} and not 1: {why}");
        assert_eq!(told, format!("nothing was imported:\n{told_of}"));
    }
    assert_eq!(file.read().unwrap().by_name("eva").unwrap().id, id);
}

#[test]
fn an_import_lets_nobody_in_again() {
    let (_folder, file) = users_file();
    let users = ["eva", "max", "kim"].map(|name| imported(&format!("id-of-{name}"), name));
    import(&file, &users, &[], false).unwrap();
    for name in ["eva", "kim"] {
        file.set_active(name, false).unwrap();
    }
    let [eva, max, kim] = users;
    let users = vec![eva, max, UserRecord { is_active: false, ..kim }];
    let done = file.import(&Dump { users, roles: Vec::new() }, true).unwrap();
    assert_eq!(done.still_disabled, ["eva"], "of kim the dump says so, too");
    let users = file.read().unwrap();
    let active: Vec<bool> = users.all().iter().map(|user| user.is_active).collect();
    assert_eq!(active, [false, true, false]);
}

#[test]
fn an_import_takes_no_two_names_that_are_one_to_the_throttle() {
    let (_folder, file) = users_file();
    import(&file, &[imported("1", "eva")], &[], false).unwrap();
    let told = import(&file, &[imported("2", "EVA"), imported("3", "René"), imported("4", "rene")], &[], true);
    insta::assert_snapshot!(told.unwrap_err(), @r"
    nothing was imported:
    EVA is too much like eva: guesses at one would lock both
    rene is too much like René: guesses at one would lock both
    ");
    let text = std::fs::read_to_string(&file.path).unwrap();
    let twin = text.replace("\"eva\"", "\"Eva\"").replace("\"1\"", "\"2\"");
    std::fs::write(&file.path, text + &twin).unwrap();
    let both = [imported("1", "eva"), imported("2", "Eva")];
    assert_eq!(import(&file, &both, &[], true), Ok(2), "the file says so itself");
}

#[test]
fn an_import_tells_whose_hashes_are_not_computed() {
    let (_folder, file) = users_file();
    let password = |text| UserRecord { password: EncodedPassword::new(text), ..imported(text, "eva") };
    let told = |user: UserRecord| {
        let dump = Dump { users: vec![UserRecord { id: UserId::new("1"), ..user }], roles: Vec::new() };
        file.import(&dump, true).unwrap().shut_out
    };
    let md5 = "md5$salt$d41d8cd98f00b204e9800998ecf8427e";
    let why = "eva can't log in by the password of before: it is of MD5, and `[hashing] legacy_md5` is off";
    assert_eq!(told(password(md5)), [why]);
    assert_eq!(told(password("!unusable")), [""; 0]);
}

#[test]
fn who_is_not_there_has_nothing_to_change() {
    let (folder, mut file) = users_file();
    let missing = file.set_active("eva", false).unwrap_err();
    assert!(missing.to_string().ends_with("users.toml is not there; the first `railgate user add` makes it"));
    add(&file, new("eva")).unwrap();
    assert!(file.set_active("eva", false).unwrap());
    assert!(!file.set_active("eva", false).unwrap(), "so it was before");
    let nobody = "no user is called max; `railgate user list` shows them";
    assert_eq!(file.set_active("max", false).unwrap_err().to_string(), nobody);
    let password = Secret::new("correct horse");
    assert_eq!(file.set_password("max", &password, &SystemEntropy).unwrap_err().to_string(), nobody);
    file.path = folder.path().join("no/users.toml");
    assert!(add(&file, new("eva")).unwrap_err().contains("No such file or directory"));
}
