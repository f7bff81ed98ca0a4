//! What looking into a request costs: `cargo bench --bench graphql`.
//!
//! - `scan`: a clean request, which is what nearly every request is, pays this and nothing more
//! - `read`: envelope, parse, validation and coercion of a login, which happens only when the scan finds one
//! - `plan`: the same without the envelope: of a document that was seen before, of one that was not, and of one that is
//!   the backend's

use std::sync::Arc;

use railgate::{
    graphql::{Admits, Carries, Encoding, Limits, Plan, Planner, Request, Scanner, decode, schema::Schema},
    model::Asker,
};

fn main() {
    divan::main();
}

/// 300 bytes of a query with variables, as Apollo Client writes one.
fn clean() -> String {
    let document = "query Articles($first: Int!, $after: String) {\\n  articles(first: $first, after: $after) {\\n    id\\n    \
                    title\\n    author {\\n      id\\n      username\\n      __typename\\n    }\\n    __typename\\n  }\\n}";
    let body = format!(
        r#"{{"operationName":"Articles","variables":{{"first":20,"after":"YXJ0aWNsZTo0Mg"}},"query":"{document}"}}"#
    );
    assert!((280..=320).contains(&body.len()), "{}", body.len());
    body
}

const LOGIN: &str = r#"{"query":"mutation Login($u: String!, $p: String!) { login(username: $u, password: $p) { ok token refreshToken expiresAt mfaRequired errors user { id username email } } }","variables":{"u":"john","p":"secret123"}}"#;

fn schema() -> Arc<Schema> {
    Arc::new(Schema::embedded().unwrap_or_else(|error| panic!("auth.graphql: {error}")))
}

#[divan::bench]
fn scan_clean_300_bytes(bencher: divan::Bencher<'_, '_>) {
    let scanner = Scanner::new(&schema());
    let body = clean();
    assert!(scanner.is_clean(Some(Encoding::Json), b"", body.as_bytes()));
    bencher.bench(|| scanner.is_clean(Some(Encoding::Json), divan::black_box(b""), divan::black_box(body.as_bytes())));
}

#[divan::bench(args = [10 * 1024, 100 * 1024])]
fn scan_clean_variables(bencher: divan::Bencher<'_, '_>, size: usize) {
    let scanner = Scanner::new(&schema());
    let body = clean().replace("YXJ0aWNsZTo0Mg", &"Lorem ipsum dolor sit amet, ".repeat(size / 28));
    assert!(scanner.is_clean(Some(Encoding::Json), b"", body.as_bytes()));
    bencher
        .counter(divan::counter::BytesCount::new(body.len()))
        .bench(|| scanner.is_clean(Some(Encoding::Json), divan::black_box(b""), divan::black_box(body.as_bytes())));
}

/// As a gateway with the shipped configuration has it, but for the size of its cache.
fn planner(cache: usize) -> Planner {
    let limits = Limits { bytes: 64 * 1024, tokens: 8_000, depth: 64, operations: 5, fields: 1_000, batch: 1 };
    Planner::new(schema(), limits).with_cache(cache)
}

fn request(body: &str) -> Request {
    decode(Some(Encoding::Json), b"", body.as_bytes()).unwrap_or_else(|refused| panic!("{refused:?}"))
}

#[divan::bench]
fn read_login(bencher: divan::Bencher<'_, '_>) {
    let planner = planner(0);
    bencher.bench(|| {
        let request = decode(Some(Encoding::Json), b"", divan::black_box(LOGIN.as_bytes()));
        request.map(|request| planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody))
    });
}

#[divan::bench(args = [0, 4 << 20])]
fn plan_login(bencher: divan::Bencher<'_, '_>, cache: usize) {
    let (planner, request) = (planner(cache), request(LOGIN));
    assert!(matches!(planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody), Plan::Run(_)));
    bencher.bench(|| planner.plan(divan::black_box(&request), Carries::All, Admits::Everything, Asker::Nobody));
}

/// A document that names an owned field and runs none.
#[divan::bench(args = [0, 4 << 20])]
fn plan_forward(bencher: divan::Bencher<'_, '_>, cache: usize) {
    let body =
        r#"{"query":"query Articles($first: Int!) { articles(first: $first) { id title author { login id } } }"}"#;
    let (planner, request) = (planner(cache), request(body));
    assert!(matches!(planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody), Plan::Forward));
    bencher.bench(|| planner.plan(divan::black_box(&request), Carries::All, Admits::Everything, Asker::Nobody));
}
