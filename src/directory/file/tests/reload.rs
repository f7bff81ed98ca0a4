//! A file that changes while the gateway runs.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use super::{Draft, FILE, FileDirectory, UserId, account, directory, file, is_hash, user};
use crate::{
    directory::{Directory as _, file::watched::WHOLE_AFTER},
    model::{Clock, SystemClock, Timestamp},
};

/// A clock that stands until it is moved; it begins now, since files have the machine's times.
#[derive(Debug)]
struct HandClock(AtomicI64);

impl HandClock {
    fn start() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now().as_micros())))
    }

    fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }

    fn set_back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

fn by_hand(path: &Path) -> (FileDirectory, Arc<HandClock>) {
    let clock = HandClock::start();
    let directory = FileDirectory::open(path.to_owned(), is_hash, clock.clone());
    (directory.unwrap_or_else(|error| panic!("{error}")), clock)
}

/// Puts a text in the place of the file, in one step.
fn rename_over(path: &Path, text: &str) {
    let beside = path.with_extension("beside");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

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
    rename_over(&path, "");
    assert_eq!(is_active(&directory).await, None, "deleted");
    let mut draft = Draft::open(&path, false, is_hash).unwrap_or_else(|error| panic!("{error}"));
    draft.put_user(&user("max"));
    draft.save().unwrap();
    assert!(directory.candidate("max").await.unwrap().is_some());
}

/// The second file may have the number of the one that the first took the place of.
#[tokio::test]
async fn of_two_renames_at_once_the_second_counts() {
    let (_folder, path) = file("users.toml", FILE);
    let (directory, _clock) = by_hand(&path);
    // Files are told apart by when they were made, which has the machine's ticks.
    std::thread::sleep(Duration::from_millis(50));
    rename_over(&path, FILE);
    rename_over(&path, "");
    assert_eq!(is_active(&directory).await, None);
}

/// Both halves are files that could be meant.
#[tokio::test]
async fn half_of_a_text_counts_for_nothing() {
    let disabled = FILE.replace("password = \"md5$eva\"", "password = \"md5$eva\"\nis_active = false");
    let (_folder, path) = file("users.toml", &disabled);
    let (directory, clock) = by_hand(&path);
    let (before_the_key, _) = disabled.split_once("is_active").unwrap();
    for half in ["", before_the_key, "# "] {
        fs::write(&path, half).unwrap();
        assert_eq!(is_active(&directory).await, Some(false), "{half:?}");
        clock.advance(WHOLE_AFTER - Duration::from_micros(1));
        assert_eq!(is_active(&directory).await, Some(false), "{half:?}, not long enough");
    }
    fs::write(&path, &disabled).unwrap();
    clock.advance(WHOLE_AFTER * 100);
    assert_eq!(is_active(&directory).await, Some(false), "as it was before");
    fs::write(&path, "# ").unwrap();
    assert_eq!(is_active(&directory).await, Some(false), "seen for the first time, whatever was seen before");
    clock.set_back(WHOLE_AFTER * 1000);
    assert_eq!(is_active(&directory).await, Some(false), "the clock was set back, and the wait begins anew");
    clock.advance(WHOLE_AFTER);
    assert_eq!(is_active(&directory).await, None, "two looks have seen the same");
}

/// Its stamp tells no change any more, and still the second look comes.
#[tokio::test]
async fn a_text_that_is_old_when_it_is_seen_is_looked_at_twice() {
    let (_folder, path) = file("users.toml", FILE);
    let (directory, clock) = by_hand(&path);
    fs::write(&path, "").unwrap();
    clock.advance(Duration::from_secs(3600));
    assert_eq!(is_active(&directory).await, Some(true));
    clock.advance(WHOLE_AFTER);
    assert_eq!(is_active(&directory).await, None);
}

#[tokio::test]
async fn a_file_that_was_away_may_be_half_written() {
    let (_folder, path) = file("users.toml", FILE);
    let (directory, clock) = by_hand(&path);
    fs::rename(&path, path.with_extension("away")).unwrap();
    assert_eq!(is_active(&directory).await, Some(true));
    fs::write(&path, "").unwrap();
    assert_eq!(is_active(&directory).await, Some(true));
    clock.advance(WHOLE_AFTER);
    assert_eq!(is_active(&directory).await, None);
}

/// As an editor does that writes into the file: the same inode, the same length, within one tick of the clock.
/// All of them are made before the first one has settled.
#[tokio::test]
async fn a_change_without_a_sign_is_seen() {
    let text = |password: char| FILE.replace("md5$eva", &format!("md5$ev{password}"));
    let (_folder, path) = file("users.toml", &text('a'));
    let (directory, clock) = by_hand(&path);
    for letter in "bcdefghijklm".chars() {
        fs::write(&path, text(letter)).unwrap();
        directory.candidate("eva").await.unwrap();
        clock.advance(WHOLE_AFTER);
        let account = account(&directory, "eva").await;
        assert_eq!(account.password.expose(), format!("md5$ev{letter}"));
    }
}

#[tokio::test]
async fn a_file_that_becomes_wrong_changes_nothing() {
    let (_folder, path) = file("users.toml", FILE);
    let (directory, clock) = by_hand(&path);
    for wrong in ["[[users]]\nid = ", "[[users]]\nid = \"1\"\nusername = \"eva\"\n", "\u{0}"] {
        fs::write(&path, wrong).unwrap();
        for _ in 0..2 {
            assert_eq!(is_active(&directory).await, Some(true), "{wrong}");
            clock.advance(WHOLE_AFTER);
        }
    }
    fs::write(&path, b"\xff").unwrap();
    assert_eq!(is_active(&directory).await, Some(true), "no text");
    fs::remove_file(&path).unwrap();
    assert_eq!(is_active(&directory).await, Some(true), "gone");
    fs::write(&path, FILE.replace("username = \"eva\"", "username = \"eva\"\nis_active = false")).unwrap();
    is_active(&directory).await;
    clock.advance(WHOLE_AFTER);
    assert_eq!(is_active(&directory).await, Some(false), "it is right again");
}
