//! What a change leaves alone, and what two of them at once make of the file.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    thread,
};

use super::{Draft, EncodedPassword, FILE, FileError, LINES, RoleRecord, file, is_hash, read, user};

fn change(path: &Path, change: impl FnOnce(&mut Draft)) -> String {
    let mut draft = Draft::open(path, false, is_hash).unwrap_or_else(|error| panic!("{error}"));
    change(&mut draft);
    draft.save().unwrap_or_else(|error| panic!("{error}"));
    fs::read_to_string(path).unwrap()
}

#[test]
fn one_value_changes_and_nothing_else() {
    let (_folder, path) = file("users.toml", FILE);
    let text = change(&path, |draft| draft.set_password("Eva", &EncodedPassword::new("md5$x")));
    assert_eq!(text, FILE.replace("password = \"!\"  # none", "password = \"md5$x\"  # none"));
    let text = change(&path, |draft| {
        draft.set_password("Eva", &EncodedPassword::new("!"));
        draft.set_active("Eva", true);
    });
    assert_eq!(text, FILE.replace("is_active = false", "is_active = true"));
    let text = change(&path, |draft| {
        draft.set_active("Eva", false);
        draft.set_active("eva", false);
    });
    let added = "permissions = [\"shop.view_order\", \"articles.view_article\"]\n";
    assert_eq!(text, FILE.replace(added, &format!("{added}is_active = false\n")));

    let (_folder, path) = file("users.jsonl", LINES);
    let text = change(&path, |draft| draft.set_active("Eva", true));
    assert_eq!(text, LINES.replace("\"is_active\":false", "\"is_active\":true"));
}

#[test]
fn who_is_added_stands_behind_the_others() {
    let (_folder, path) = file("users.toml", FILE);
    let text = change(&path, |draft| draft.put_user(&user("max")));
    let max = "\n[[users]]\nid = \"id-of-max\"\nusername = \"max\"\npassword = \"md5$new\"\nis_active = true\n\
               date_joined = 2026-11-22T09:42:22+00:00\n";
    assert_eq!(text, FILE.replace("\n[[roles]]", &format!("{max}\n[[roles]]")));
    let role = RoleRecord { name: "guests".to_owned(), permissions: vec!["shop.view_order".to_owned()] };
    let more = change(&path, |draft| draft.put_role(&role));
    assert_eq!(more, text + "\n[[roles]]\nname = \"guests\"\npermissions = [\"shop.view_order\"]\n");

    let (_folder, path) = file("users.jsonl", LINES);
    let text = change(&path, |draft| draft.put_user(&user("max")));
    let max = r#"{"id":"id-of-max","username":"max","password":"md5$new","is_active":true,"date_joined":"2026-11-22T09:42:22+00:00"}"#;
    assert_eq!(text, format!("{LINES}{max}\n"));
}

#[test]
fn who_is_put_in_the_place_of_another_keeps_the_comments() {
    let (_folder, path) = file("users.toml", FILE);
    let text = change(&path, |draft| draft.put_user(&user("Eva")));
    let [before, after] = [
        "id = \"b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab\"\nusername = \"Eva\"\npassword = \"!\"  # none\n\
         is_active = false\nis_staff = true\npermissions = [\"shop.pay\"]\n",
        "id = \"id-of-Eva\"\nusername = \"Eva\"\npassword = \"md5$new\"  # none\nis_active = true\n\
         date_joined = 2026-11-22T09:42:22+00:00\n",
    ];
    assert_eq!(text, FILE.replace(before, after));
    let (_folder, path) = file("users.jsonl", LINES);
    change(&path, |draft| draft.put_user(&user("Eva")));
    let users = read(&path, is_hash).unwrap();
    assert_eq!((users.all().len(), users.by_name("Eva").unwrap().id.as_str()), (2, "id-of-Eva"));
}

#[test]
fn a_new_file_is_its_owners_alone_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["users.toml", "users.jsonl"] {
        let path = folder.path().join(name);
        assert!(matches!(Draft::open(&path, false, is_hash), Err(FileError::Missing(_))));
        let mut draft = Draft::open(&path, true, is_hash).unwrap_or_else(|error| panic!("{error}"));
        draft.put_user(&user("eva"));
        draft.put_user(&user("max"));
        draft.save().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read(&path, is_hash).unwrap().all().len(), 2);
    }
    let text = fs::read_to_string(folder.path().join("users.toml")).unwrap();
    assert!(text.starts_with("# Users of railgate, ") && text.contains("included. Whoever"), "{text}");
    assert!(text.find("# Users of") < text.find("[[users]]"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left behind");
}

#[test]
fn mode_and_link_stay_as_they_were() {
    for mode in [0o600, 0o640, 0o400] {
        let (folder, path) = file("users.toml", FILE);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let link = folder.path().join("link.toml");
        symlink(&path, &link).unwrap();
        change(&link, |draft| draft.set_active("eva", false));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(!read(&path, is_hash).unwrap().by_name("eva").unwrap().is_active);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode);
    }
}

#[test]
fn a_file_that_is_wrong_is_not_changed() {
    let wrong = FILE.replace("is_staff", "is_stuff");
    let (folder, path) = file("users.toml", &wrong);
    assert!(matches!(Draft::open(&path, true, is_hash), Err(FileError::Bad(_))));
    fs::write(&path, FILE).unwrap();
    let mut draft = Draft::open(&path, true, is_hash).unwrap_or_else(|error| panic!("{error}"));
    draft.set_password("eva", &EncodedPassword::new("no hash"));
    assert!(matches!(draft.save(), Err(FileError::Bad(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), FILE);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn of_many_changes_at_once_none_is_lost() {
    let (_folder, path) = file("users.toml", FILE);
    thread::scope(|scope| {
        for number in 0..24 {
            let path = &path;
            scope.spawn(move || change(path, |draft| draft.put_user(&user(&format!("user-{number}")))));
        }
    });
    assert_eq!(read(&path, is_hash).unwrap().all().len(), 26);
}
