//! What a configuration had to itself ends with it.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    backend::Backend,
    gateway::{Gateway, Setup, Tokens},
};

/// Enough for one that stays to be seen among what comes and goes.
const RELOADS: usize = 30;

/// Reloads a gateway over and over, and uses it in between.
fn many(gateway: &mut Gateway, mut change: impl FnMut(usize)) {
    for turn in 0..RELOADS {
        change(turn);
        gateway.reload();
        let tokens = Tokens::of(&gateway.login("john", "secret123"));
        assert_eq!(gateway.whoami(&tokens.access), json!("john"));
    }
}

#[test]
fn threads_connections_and_memory_are_given_back() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("john", "secret123");
    // A session for each login, of which the store keeps no more than before.
    let setup = Setup::in_front_of(&backend)
        .unthrottled()
        .changed("#timeout = \"5s\"", "timeout = \"5s\"")
        .changed("#example: threads = 2", "threads = 2");
    let mut gateway = setup.start();
    // Directory, hashing threads and everything else are made anew each time.
    let change = |turn: usize| {
        let [(one, two), (five, six)] =
            [("\nthreads = 2", "\nthreads = 1"), ("\ntimeout = \"5s\"", "\ntimeout = \"6s\"")];
        let [threads, timeout] =
            if turn.is_multiple_of(2) { [(one, two), (five, six)] } else { [(two, one), (six, five)] };
        setup.change(threads.0, threads.1);
        setup.change(timeout.0, timeout.1);
    };
    many(&mut gateway, change);
    let (before, memory) = (gateway.process.threads_and_files(), gateway.process.memory());
    many(&mut gateway, change);
    // Connections and tasks end a moment after those who held them.
    let process = &mut gateway.process;
    let mut now = [0; 2];
    let counts = |now: &[usize; 2]| now.iter().zip(before).all(|(now, before)| *now <= before + 4);
    let begun = std::time::Instant::now();
    while !counts(&now) || now == [0; 2] {
        now = process.threads_and_files();
        assert!(begun.elapsed() < Duration::from_secs(60), "threads and files: {before:?}, then {now:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let grown = process.memory().saturating_sub(memory);
    assert!(grown < 8 << 20, "{memory} bytes, then {grown} more");
}
