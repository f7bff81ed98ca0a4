//! What a rotation does to a file, and what it leaves alone.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    thread,
};

use tempfile::TempDir;

use super::{drop_old, rotate};
use crate::{
    auth::{assertion::AssertionKey, tokens::Key},
    model::{Entropy, NoEntropy, SystemEntropy},
};

fn file(keys: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("railgate.key");
    let text: String = (0..keys).map(|_| format!("{}\n", Key::generate(&SystemEntropy).unwrap().expose())).collect();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    (folder, path)
}

fn keys(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_key_stands_in_the_file_for_a_whole_rotation_before_it_signs() {
    let (_folder, path) = file(1);
    let first = keys(&path);
    rotate(&path, &SystemEntropy).unwrap();
    let second = keys(&path);
    assert_eq!((second.len(), &second[0]), (2, &first[0]), "the only key goes on signing");
    let ids = rotate(&path, &SystemEntropy).unwrap();
    let third = keys(&path);
    assert_eq!([&third[0], &third[2]], [&second[1], &first[0]], "the next signs, the first verifies");
    assert!(!second.contains(&third[1]));
    let read: Vec<String> = third.iter().map(|key| Key::parse(key).unwrap().id().to_owned()).collect();
    assert_eq!(ids, read);
    rotate(&path, &SystemEntropy).unwrap();
    let fourth = keys(&path);
    assert_eq!([&fourth[0], &fourth[2], &fourth[3]], [&third[1], &third[0], &first[0]], "none is dropped unasked");
    drop_old(&path).unwrap();
    assert_eq!(keys(&path), fourth[..2]);
    drop_old(&path).unwrap();
    assert_eq!(keys(&path), fourth[..2], "what signs and what signs next stay");
}

#[test]
fn keys_of_assertions_are_rotated_alike() {
    let (_folder, path) = file(1);
    fs::write(&path, format!("{}\n", AssertionKey::generate(&SystemEntropy).unwrap().expose())).unwrap();
    let first = keys(&path);
    rotate(&path, &SystemEntropy).unwrap();
    let ids = rotate(&path, &SystemEntropy).unwrap();
    let read: Vec<String> = keys(&path).iter().map(|key| AssertionKey::parse(key).unwrap().id().to_owned()).collect();
    assert_eq!((ids, keys(&path).last()), (read, first.last()));
    fs::write(&path, format!("{}\n{}\n", first[0], Key::generate(&SystemEntropy).unwrap().expose())).unwrap();
    assert!(rotate(&path, &SystemEntropy).is_err(), "a file holds keys of one kind");
}

#[test]
fn owner_mode_and_link_stay_as_they_were() {
    for mode in [0o600, 0o400, 0o640] {
        let (folder, path) = file(1);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        // Only root can give a file away; for anybody else this asserts that nothing changes.
        let _ = std::os::unix::fs::chown(&path, Some(12_345), Some(12_345));
        let before = fs::metadata(&path).unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        rotate(&link, &SystemEntropy).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let after = fs::metadata(&path).unwrap();
        assert_eq!(
            (after.mode() & 0o777, after.uid(), after.gid()),
            (mode, before.uid(), before.gid()),
            "for mode {mode:o}"
        );
        assert_eq!(keys(&path).len(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left behind");
    }
}

#[test]
fn what_is_no_key_file_is_left_alone() {
    let (folder, path) = file(1);
    let good = fs::read_to_string(&path).unwrap();
    let refused = |text: &str, mode: u32, expected: &str| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        for error in [rotate(&path, &SystemEntropy).unwrap_err(), drop_old(&path).unwrap_err()] {
            let error = format!("{error:#}");
            assert!(error.contains(expected) && error.contains("railgate.key"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    };
    refused("k4.local.short\n", 0o600, "not a key");
    refused(&format!("{good}{good}"), 0o600, "twice");
    refused("", 0o600, "no key is given");
    refused(&good, 0o644, "chmod 640");
    let missing = rotate(&folder.path().join("missing"), &SystemEntropy).unwrap_err();
    assert!(format!("{missing:#}").contains("No such file"), "{missing:#}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a misspelt name makes no file");
}

#[test]
fn a_rotation_that_fails_changes_nothing() {
    #[derive(Debug)]
    struct Dry;
    impl Entropy for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }
    }
    let (_folder, path) = file(2);
    let before = keys(&path);
    assert!(rotate(&path, &Dry).is_err());
    assert_eq!(keys(&path), before);
}

#[test]
fn rotations_at_once_lose_no_key() {
    let (_folder, path) = file(1);
    let first = keys(&path);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| rotate(&path, &SystemEntropy).unwrap());
        }
    });
    assert_eq!(keys(&path).len(), 9);
    assert_eq!(keys(&path).last(), first.last());
}
