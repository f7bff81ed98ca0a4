//! A gateway that is reloaded under load: nobody notices, and no request sees half of a configuration.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use super::Kept;
use crate::support::{
    gateway::{STUB_SECRET, Setup},
    jwt,
    stub::{Stub, answer},
};

/// Three facts, of as many places, tell which configuration a request had.
const ONE: &str = "[upstream.identity]\nheaders = true\n[telemetry]\ntrace_context = 'anyone'\n";
const OTHER: &str = "[upstream.identity]\nheaders = false\n[telemetry]\ntrace_context = 'off'\n";
/// Times that the configuration is replaced.
const RELOADS: usize = 30;

#[test]
fn no_request_fails_and_none_is_served_by_two_configurations() {
    // The backend says what it was told.
    let stub = Stub::with(|received, stream| {
        let told = ["X-Auth-User-Id", "Tracestate"].map(|name| !received.all(name).is_empty());
        let facts =
            [told[0], told[1], received.all("Traceparent") == ["none"]].map(|fact| if fact { '1' } else { '0' });
        stream.write_all(answer("", &String::from_iter(facts)).as_bytes())
    });
    let setup = Setup::before(&stub, &format!("[server]\nthreads = 2\n{ONE}"));
    let mut gateway = setup.start();
    let token = jwt::sign(STUB_SECRET, &jwt::johns_claims());
    // Nobody's trace: it is passed on where traces are none of the gateway's business, and dropped where they are.
    let headers = format!("Authorization: Bearer {token}\r\nTraceparent: none\r\nTracestate: a=b\r\n");
    let (stop, port) = (AtomicBool::new(false), gateway.port);
    let seen = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        for keeps in [true, true, true, false] {
            let (stop, seen, headers) = (&stop, &seen, &headers);
            scope.spawn(move || {
                let mut kept = Kept::open(port);
                while !stop.load(Ordering::SeqCst) {
                    if !keeps {
                        kept = Kept::open(port);
                    }
                    let answer = kept.ask("GET /any", headers, "");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let which = ["100", "011"].iter().position(|whole| answer.body == *whole);
                    let which = which.unwrap_or_else(|| panic!("half of each: {answer:?}"));
                    seen[which].fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // Whatever fails, the threads end.
        let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for turn in 0..RELOADS {
                let (from, to) = if turn % 2 == 0 { (ONE, OTHER) } else { (OTHER, ONE) };
                let before = [0, 1].map(|which| seen[which].load(Ordering::SeqCst));
                setup.change(from, to);
                gateway.reload();
                // Both are seen at work.
                let which = usize::from(turn % 2 == 0);
                gateway.process.wait_until(std::time::Duration::from_secs(60), || {
                    seen[which].load(Ordering::SeqCst) > before[which]
                });
            }
        }));
        stop.store(true, Ordering::SeqCst);
        story.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}
