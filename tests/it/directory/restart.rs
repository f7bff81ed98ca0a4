//! The database restarts in the middle of traffic, and no request is lost that could be kept.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::support::{
    client::Client,
    django::Backend,
    gateway::{AUTH, LOGIN, Setup, Tokens},
    stub::Stub,
    world::SECRET,
};

/// How many go on asking of each kind.
const CALLERS: usize = 4;

/// What came of the requests of one kind.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    lost: AtomicUsize,
}

impl Tally {
    fn note(&self, is_answered: bool) {
        let count = if is_answered { &self.answered } else { &self.lost };
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn counts(&self) -> (usize, usize) {
        (self.answered.load(Ordering::SeqCst), self.lost.load(Ordering::SeqCst))
    }
}

/// Waits until so many more were answered: the restart is in the middle, not before or after.
fn wait_for_more(tally: &Tally) {
    let before = tally.counts().0;
    for _ in 0..3_000 {
        if tally.counts().0 >= before + 2 * CALLERS {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("nobody is answered any more: {:?}", tally.counts());
}

fn forwards(client: &Client) -> bool {
    client.get("/articles/").is_ok_and(|answer| answer.status == 200)
}

fn logs_in(client: &Client) -> bool {
    let answer = client.graphql(AUTH, LOGIN, json!({ "u": "john", "p": "secret123" }));
    answer.json()["data"]["login"]["ok"] == json!(true)
}

fn goes_on(mut directory: Backend) {
    directory.cheap_password("john", "secret123");
    directory.cheap_password("admin", "adminpass1");
    let stub = Stub::start();
    // Whoever logs in waits for a server that is starting.
    let gateway = Setup::bare(stub.port, directory.url(), SECRET)
        .changed("\n[directory]\n", "\n[directory]\ntimeout = \"60s\"\n")
        .start();
    // Not john's: his many logins end each other's sessions.
    let access = Tokens::of(&gateway.login("admin", "adminpass1")).access;
    let (stranger, caller) = (gateway.client(), gateway.client().bearer(&access));
    let (forwarded, logins, is_over) = (Tally::default(), Tally::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    forwarded.note(forwards(&caller));
                }
            });
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    logins.note(logs_in(&stranger));
                }
            });
        }
        for _ in 0..3 {
            wait_for_more(&logins);
            directory.server.stop();
            wait_for_more(&forwarded);
            directory.server.resume();
            wait_for_more(&logins);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let lost = (forwarded.counts().1, logins.counts().1);
    assert_eq!(lost, (0, 0), "{}", gateway.process.output());
}

#[test]
fn of_postgresql() {
    goes_on(Backend::postgres());
}

#[test]
fn of_mariadb() {
    goes_on(Backend::mariadb());
}
