//! What only the store in a file promises.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use railgate::{
    model::{PasswordMark, SystemClock},
    store::{Lifetimes, Rotate, Rotation, SessionStore, StoreErrorKind, embedded::EmbeddedStore},
};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    challenge::challenge,
    fixture::{Embedded, Fixture as _, IDLE, LONG, exchange, key_of, login, repeated, rotated},
};

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let fixture = Embedded::start().await;
    fixture.store().create(login("7", 1, "t1")).await.unwrap();
    let path = fixture.path();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in ["sessions.db", "sessions.db-wal", "sessions.db-shm"] {
        assert_eq!(mode(&path.with_file_name(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_refused_and_left_alone() {
    let mut fixture = Embedded::start().await;
    fixture.store().create(login("7", 1, "t1")).await.unwrap();
    fixture = fixture.reopen().await;
    for newer in ["PRAGMA user_version = 9", "PRAGMA user_version = 2147483647"] {
        behind_the_back(&fixture.path(), newer).await;
        let before = std::fs::read(fixture.path()).unwrap();
        assert_eq!(refusal(&fixture.path()).await, StoreErrorKind::Corrupt);
        assert!(std::fs::read(fixture.path()).unwrap() == before, "{newer}: it was changed");
    }
    behind_the_back(&fixture.path(), "PRAGMA user_version = 8").await;
    let fixture = fixture.reopen().await;
    assert!(fixture.store().find(key_of(&login("7", 1, "t1"))).await.unwrap().is_some());
}

/// What each release's format had that the one before had not, taken away again.
const UNDO: [&str; 7] = [
    "DROP TABLE tokens; DROP TABLE vault; DROP TABLE attempts; DROP TABLE challenge; DROP TABLE spent;
     ALTER TABLE session DROP COLUMN password_mark; PRAGMA user_version = 1",
    "DROP TABLE tokens; DROP TABLE vault; DROP TABLE attempts; DROP TABLE challenge; DROP TABLE spent; PRAGMA user_version = 2",
    "DROP TABLE tokens; DROP TABLE vault; DROP TABLE attempts; DROP TABLE challenge; PRAGMA user_version = 3",
    "DROP TABLE tokens; DROP TABLE vault; DROP TABLE attempts; ALTER TABLE challenge DROP COLUMN proven; PRAGMA user_version = 4",
    "DROP TABLE tokens; DROP TABLE vault; ALTER TABLE attempts DROP COLUMN since; PRAGMA user_version = 5",
    "DROP TABLE tokens; ALTER TABLE attempts DROP COLUMN since; PRAGMA user_version = 6",
    "DROP TABLE tokens; PRAGMA user_version = 7",
];

#[tokio::test]
async fn files_of_earlier_releases_get_what_they_lack_and_keep_their_sessions() {
    let mark = PasswordMark::from_bytes([1; 20]);
    for (undo, mark) in UNDO.into_iter().zip([None].into_iter().chain([Some(mark); 6])) {
        let mut fixture = Embedded::start().await;
        let key = key_of(&login("7", 1, "t1"));
        fixture.store().create(login("7", 1, "t1")).await.unwrap();
        rotated(fixture.store().rotate(exchange(key, "t1", "t2")).await.unwrap());
        behind_the_back(&fixture.path(), undo).await;
        fixture = fixture.reopen().await;
        let store = fixture.store();
        let found = store.find(key).await.unwrap().unwrap();
        assert_eq!((found.password, found.mfa), (mark, true), "{undo}");
        assert_eq!(repeated(store.rotate(exchange(key, "t1", "t9")).await.unwrap()), "sealed t2");
        let new = Some(PasswordMark::from_bytes([9; 20]));
        let step = Rotate { password: new, ..exchange(key, "t2", "t3") };
        assert_eq!(rotated(store.rotate(step).await.unwrap()).password, new);
        store.spend(key, LONG).await.unwrap();
        assert!(store.is_spent(key).await.unwrap());
        // The next start finds it as every other.
        let fixture = fixture.reopen().await;
        assert_eq!(fixture.store().find(key).await.unwrap().unwrap().password, new);
    }
}

#[tokio::test]
async fn challenges_that_ran_out_are_cleared_away() {
    let fixture = Embedded::start().await;
    for number in 0..40 {
        fixture.challenges().begin(challenge(number, IDLE)).await.unwrap();
    }
    fixture.advance(IDLE).await;
    for left in [9, 2] {
        fixture.challenges().begin(challenge(100 + left, LONG)).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM challenge");
        let count: i64 = count.fetch_one(&mut other_program(&fixture.path()).await).await.unwrap();
        assert_eq!(count, i64::from(left));
    }
}

#[tokio::test]
async fn spent_credentials_that_nobody_asks_for_any_more_are_cleared_away() {
    let fixture = Embedded::start().await;
    for number in 0..40 {
        fixture.store().spend(key_of(&login("7", number, "t")), IDLE).await.unwrap();
    }
    fixture.advance(IDLE).await;
    for left in [9, 2] {
        fixture.store().spend(key_of(&login("8", left, "t")), LONG).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM spent");
        let count: i64 = count.fetch_one(&mut other_program(&fixture.path()).await).await.unwrap();
        assert_eq!(count, i64::from(left));
    }
}

#[tokio::test]
async fn files_of_other_programs_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (database, text) = (folder.path().join("other.db"), folder.path().join("notes.txt"));
    behind_the_back(&database, "CREATE TABLE theirs (x)").await;
    std::fs::write(&text, "x".repeat(5000)).unwrap();
    for path in [database, text] {
        let before = std::fs::read(&path).unwrap();
        assert_eq!(refusal(&path).await, StoreErrorKind::Corrupt, "{}", path.display());
        assert!(std::fs::read(&path).unwrap() == before, "{} was changed", path.display());
    }
}

#[tokio::test]
async fn a_damaged_record_is_reported_and_not_misread() {
    let fixture = Embedded::start().await;
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    fixture.store().create(new).await.unwrap();
    behind_the_back(&fixture.path(), "UPDATE session SET current = x'00'").await;
    assert_eq!(fixture.store().find(key).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    let error = fixture.store().rotate(exchange(key, "t1", "t2")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_session_that_ran_out_says_so_once() {
    let fixture = Embedded::start().await;
    let mut new = login("7", 1, "t1");
    let key = key_of(&new);
    new.lifetimes = Lifetimes { idle: IDLE, absolute: LONG };
    fixture.store().create(new).await.unwrap();
    fixture.advance(IDLE).await;
    assert!(matches!(fixture.store().rotate(exchange(key, "t1", "t2")).await.unwrap(), Rotation::Expired));
    assert!(matches!(fixture.store().rotate(exchange(key, "t1", "t2")).await.unwrap(), Rotation::Unknown));
}

#[tokio::test]
async fn logins_clear_away_what_has_run_out() {
    let fixture = Embedded::start().await;
    for id in 0..40 {
        let mut new = login("7", id, "t");
        new.lifetimes = Lifetimes { idle: IDLE, absolute: LONG };
        fixture.store().create(new).await.unwrap();
    }
    fixture.advance(IDLE).await;
    fixture.store().create(login("7", 100, "t")).await.unwrap();
    assert_eq!(rows(&fixture.path()).await, 9, "32 are swept by one login");
    fixture.store().create(login("7", 101, "t")).await.unwrap();
    assert_eq!(rows(&fixture.path()).await, 2, "the rest by the next");
}

#[tokio::test]
async fn a_call_whose_caller_went_away_blocks_nobody() {
    let fixture = Embedded::start().await;
    let new = login("7", 1, "t0");
    let key = key_of(&new);
    fixture.store().create(new).await.unwrap();
    for _ in 0..50 {
        let mut guess = exchange(key, "guess", "t1");
        guess.genuine = false;
        let store = fixture.store();
        let call = tokio::spawn(async move { store.rotate(guess).await });
        tokio::task::yield_now().await;
        call.abort();
    }
    assert!(matches!(fixture.store().rotate(exchange(key, "t0", "t1")).await.unwrap(), Rotation::Rotated(_)));
}

/// One gateway that drains while the next one has started already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_file_wait_for_each_other() {
    let fixture = Embedded::start().await;
    let other = EmbeddedStore::open(&fixture.path(), fixture.clock.clone()).await.unwrap();
    let stores: [Arc<dyn SessionStore>; 2] = [fixture.store(), Arc::new(other)];
    let new = login("7", 1, "t1");
    let key = key_of(&new);
    stores[0].create(new).await.unwrap();
    let uses: Vec<_> = (0..60)
        .map(|number| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move { store.rotate(exchange(key, "t1", &format!("t{}", number + 2))).await.unwrap() })
        })
        .collect();
    let mut firsts = 0;
    for one in uses {
        match one.await.unwrap() {
            Rotation::Rotated(_) => firsts += 1,
            other => assert!(matches!(other, Rotation::Repeated { .. }), "{other:?}"),
        }
    }
    assert_eq!(firsts, 1);
    assert!(stores[1].end(key).await.unwrap());
    assert!(stores[0].find(key).await.unwrap().is_none());
}

#[tokio::test]
async fn a_write_that_failed_does_not_spoil_the_next() {
    let fixture = Embedded::start().await;
    let new = login("7", 1, "t1");
    fixture.store().create(new.clone()).await.unwrap();
    // SQLite rolls back by itself here, as it does when the disk is full.
    let full = "CREATE TRIGGER full BEFORE INSERT ON session BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END";
    behind_the_back(&fixture.path(), full).await;
    let error = fixture.store().create(login("7", 2, "t1")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert!(fixture.store().find(key_of(&new)).await.unwrap().is_some());
    behind_the_back(&fixture.path(), "DROP TRIGGER full").await;
    fixture.store().create(login("7", 2, "t1")).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn other_program(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

pub(super) async fn behind_the_back(path: &Path, sql: &'static str) {
    let mut connection = other_program(path).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn rows(path: &Path) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM session").fetch_one(&mut other_program(path).await).await.unwrap()
}

async fn refusal(path: &Path) -> StoreErrorKind {
    EmbeddedStore::open(path, Arc::new(SystemClock)).await.unwrap_err().kind
}
