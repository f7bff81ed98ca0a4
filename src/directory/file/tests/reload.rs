//! A file that changes while the gateway runs.

use std::fs;

use super::{Draft, FILE, FileDirectory, UserId, directory, file, is_hash, user};
use crate::directory::Directory as _;

async fn is_active(directory: &FileDirectory) -> Option<bool> {
    directory.state_of(&UserId::new("1")).await.unwrap().map(|state| state.is_active)
}

#[tokio::test]
async fn a_change_counts_from_the_next_question_on() {
    let (_folder, path) = file("users.toml", FILE);
    let directory = directory(&path);
    assert_eq!(is_active(&directory).await, Some(true));
    for active in [false, true, false] {
        let mut draft = Draft::open(&path, false, is_hash).unwrap_or_else(|error| panic!("{error}"));
        draft.set_active("eva", active);
        draft.save().unwrap();
        assert_eq!(is_active(&directory).await, Some(active));
    }
    fs::write(&path, "").unwrap();
    assert_eq!(is_active(&directory).await, None, "deleted");
    let mut draft = Draft::open(&path, false, is_hash).unwrap_or_else(|error| panic!("{error}"));
    draft.put_user(&user("max"));
    draft.save().unwrap();
    assert!(directory.account("max").await.unwrap().is_some());
}

/// As an editor does that writes into the file: the same inode, the same length, within one tick of the clock.
#[tokio::test]
async fn a_change_without_a_sign_is_seen() {
    let text = |password: char| FILE.replace("md5$eva", &format!("md5$ev{password}"));
    let (_folder, path) = file("users.toml", &text('a'));
    let directory = directory(&path);
    for letter in "bcdefghijklmnopqrstuvwxyz".chars() {
        fs::write(&path, text(letter)).unwrap();
        let account = directory.account("eva").await.unwrap().unwrap();
        assert_eq!(account.password.expose(), format!("md5$ev{letter}"));
    }
}

#[tokio::test]
async fn a_file_that_becomes_wrong_changes_nothing() {
    let (_folder, path) = file("users.toml", FILE);
    let directory = directory(&path);
    for wrong in ["[[users]]\nid = ", "[[users]]\nid = \"1\"\nusername = \"eva\"\n", "\u{0}"] {
        fs::write(&path, wrong).unwrap();
        assert_eq!(is_active(&directory).await, Some(true), "{wrong}");
    }
    fs::write(&path, b"\xff").unwrap();
    assert_eq!(is_active(&directory).await, Some(true), "no text");
    fs::remove_file(&path).unwrap();
    assert_eq!(is_active(&directory).await, Some(true), "gone");
    fs::write(&path, FILE.replace("username = \"eva\"", "username = \"eva\"\nis_active = false")).unwrap();
    assert_eq!(is_active(&directory).await, Some(false), "it is right again");
}
