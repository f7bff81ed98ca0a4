//! What the line of a request in the access log costs, which every request pays: `cargo bench --bench access`.
//!
//! - `line`: put into the buffer of a core, and handed over where that is full; with what is allocated for it, which is the
//!   next buffer now and then
//! - `line_with_a_long_path`: the same where a path has to be looked at part by part

use std::time::Duration;

use railgate::{
    model::{Clock as _, RequestId, SessionId, SystemClock, TraceContext},
    telemetry::{
        Format,
        access::{CoreLog, Event, Facts, Log, Outcome},
        lines::{Destination, Ledger, Writers},
    },
};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

const FORMATS: [Format; 2] = [Format::Text, Format::Json];

static ID: RequestId = RequestId::from_bytes([0x5f; 16]);

fn facts(path: &str) -> Facts<'_> {
    Facts {
        time: SystemClock.now(),
        event: Event::Request,
        outcome: Outcome::Ok,
        status: Some(200),
        method: Some("POST"),
        path: Some(path),
        protocol: "HTTP/1.1",
        client: "192.0.2.123",
        duration: Some(Duration::from_micros(12_345)),
        upstream: Some(Duration::from_micros(12_300)),
        received: 300,
        sent: 12_345,
        auth: "bearer",
        user: Some("12345"),
        session: Some(SessionId::from_bytes([7; 16])),
        operations: &[],
        code: None,
        request: Some(&ID),
        trace: TraceContext::begun([0x5f; 16], [0x3c; 8], true),
    }
}

fn written(bencher: divan::Bencher<'_, '_>, format: Format, path: &str) {
    let (nowhere, mut writers) = (Destination::File { path: "/dev/null".into(), mode: 0o600 }, Writers::default());
    let log = Log::start(&mut writers, &nowhere, format, &Ledger::of_lines("access log"))
        .unwrap_or_else(|error| panic!("{error}"));
    let core = log.on_this_core();
    drop(log);
    bencher.bench_local(|| CoreLog::write(&core, &facts(divan::black_box(path))));
    drop((core, writers));
}

#[divan::bench(args = FORMATS)]
fn line(bencher: divan::Bencher<'_, '_>, format: Format) {
    written(bencher, format, "/graphql/gql/");
}

#[divan::bench(args = FORMATS)]
fn line_with_a_long_path(bencher: divan::Bencher<'_, '_>, format: Format) {
    written(
        bencher,
        format,
        "/api/v1/organisations/123e4567-e89b-12d3-a456-426614174000/reset/0123456789abcdef0123456789abcdef/",
    );
}
