//! Shadow mode: the backend answers, and what the gateway would have is counted beside it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::Client,
    gateway::{AUTH, Gateway, Setup, Tokens},
    redis::wait_until,
};

mod differences;
mod passing;
mod traces;

const MODE: &str = "#mode = \"gateway\"";
const ACCEPT: &str =
    "#example: accept_rail_jwt = { secret = { env = \"RAILGATE_RAIL_JWT_SECRET\" }, cut_over = 2026-03-01T00:00:00Z }";

/// The shipped configuration, looking on; the backend's tokens count.
fn looking_on(setup: Setup) -> Setup {
    let accepting = ACCEPT.trim_start_matches("#example: ").replace("2026-03-01", "2100-01-01");
    setup
        .changed(MODE, "mode = \"shadow\"")
        .changed(ACCEPT, &accepting)
        .changed("#deadline = \"5s\"", "deadline = \"60s\"")
        .admin()
}

/// A configuration for a stub, looking on.
fn looking_on_a_stub(setup: Setup) -> Setup {
    setup.changed("state_dir =", "mode = 'shadow'\nadmin = { address = '127.0.0.1:0' }\nstate_dir =")
}

/// A copy of the backend's database as it is now.
fn copy_of(backend: &Backend, folder: &Path) -> PathBuf {
    let copy = folder.join("copy.sqlite3");
    let (_, original) = backend.database_url().split_once("://").expect("a URL");
    std::fs::copy(original, &copy).expect("a copy");
    copy
}

/// In front of this backend, with that copy as the directory: what changes at the backend does not change here.
fn reading(backend: &Backend, copy: &Path) -> Setup {
    Setup::bare(backend.port, &format!("sqlite://{}", copy.display()), &backend.secret)
}

/// The payload of a login, with fields that a stock Rail Django has.
fn log_in(client: &Client, username: &str, password: &str) -> Value {
    let document = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) \
                    { ok token refreshToken mfaRequired ephemeralToken errors user { id username roles { name } } } }";
    client.graphql(AUTH, document, json!({ "u": username, "p": password })).field()
}

fn refresh(client: &Client, token: &str) -> Tokens {
    let document = "mutation($r: String) { refreshToken(refreshToken: $r) { ok token refreshToken errors } }";
    Tokens::of(&client.graphql(AUTH, document, json!({ "r": token })).field())
}

/// What was counted.
struct Counts(Client);

impl Counts {
    fn of(gateway: &mut Gateway) -> Self {
        Self(gateway.admin())
    }

    fn page(&self) -> String {
        self.0.get("/metrics").expect("an answer").body
    }

    /// The labels and counts of this metric that are not 0, in order.
    fn of_metric(&self, name: &str) -> Vec<String> {
        let page = self.page();
        let samples = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        samples.filter(|sample| !sample.ends_with(" 0")).map(|sample| sample.replace('}', "")).collect()
    }

    /// What became of the requests, once there are so many of which something became.
    fn outcomes(&self, requests: u64) -> Vec<String> {
        let outcomes = || self.of_metric("railgate_shadow_requests_total");
        let count = |sample: &String| sample.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
        wait_until("all are counted", || outcomes().iter().filter_map(count).sum::<u64>() >= requests);
        outcomes()
    }

    /// The differences, once there are so many requests.
    fn differences(&self, requests: u64) -> Vec<String> {
        let outcomes = self.outcomes(requests);
        let differences = self.of_metric("railgate_shadow_differences_total");
        assert!(!differences.is_empty() || !outcomes.iter().any(|outcome| outcome.contains("different")));
        differences
    }
}
