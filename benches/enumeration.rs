//! Whether a refused login tells by its time which accounts exist: `cargo bench --bench enumeration`.
//!
//! Logins of five kinds are refused, in random order and on one kept connection: by a wrong password, by a name that nobody
//! has, of a disabled account with its right password, by a wrong password of a superuser, and of an account that has no usable
//! password. Hashes are cheap on purpose,
//! for stored passwords and for those that are made up: a difference beside the hash would be lost in the noise of a full
//! one. The answers have to be the same to the byte, but for the request's id and the date.
//!
//! For each kind the times are told as the median, and as Welch's t against the wrong password's, without the slowest tenth,
//! which the machine makes. dudect (Reparaz, Balasch, Verbauwhede 2017) takes |t| above 4.5 for a difference. Needs what the
//! tests need (`tests/run`).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark whose world does not stand has failed")]

use std::{
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::json;

use support::{
    client::{Answer, read_answer},
    django::Backend,
    gateway::{AUTH, Gateway, LOGIN, Setup},
    stub::Stub,
};

#[expect(dead_code, reason = "written for the tests, which need more of it")]
#[path = "../tests/it/support"]
mod support {
    pub(crate) mod backend;
    pub(crate) mod certificates;
    pub(crate) mod client;
    pub(crate) mod django;
    pub(crate) mod document;
    pub(crate) mod gateway;
    pub(crate) mod mariadb;
    pub(crate) mod ports;
    pub(crate) mod postgres;
    pub(crate) mod process;
    pub(crate) mod redis;
    pub(crate) mod shell;
    pub(crate) mod stub;
    pub(crate) mod template;
}

/// Of each kind.
const LOGINS: usize = 1_000;
/// Of the hash, in PBKDF2's iterations.
const COST: u32 = 2_000;

const KINDS: [Kind; 5] = [
    Kind { what: "wrong password", name: "john", password: "wrong" },
    Kind { what: "unknown name", name: "nobody", password: "wrong" },
    Kind { what: "disabled account", name: "disabled", password: "disabledpass1" },
    Kind { what: "superuser", name: "admin", password: "wrong" },
    Kind { what: "unusable password", name: "amina", password: "wrong" },
];

struct Kind {
    what: &'static str,
    name: &'static str,
    password: &'static str,
}

fn main() {
    for (database, directory) in
        [("SQLite", Backend::sqlite()), ("PostgreSQL", Backend::postgres()), ("MariaDB", Backend::mariadb())]
    {
        println!("{database}, {LOGINS} logins of each kind:");
        measure(&directory);
    }
}

fn measure(directory: &Backend) {
    directory.python(&format!(
        "from django.contrib.auth.hashers import PBKDF2PasswordHasher as Hasher, make_password\n\
         for name, password in [('john', 'secret123'), ('disabled', 'disabledpass1'), ('admin', 'adminpass1')]:\n\
         \x20   User.objects.filter(username=name).update(password=Hasher().encode(password, 'salt', {COST}))\n\
         User.objects.filter(username='amina').update(password=make_password(None))"
    ));
    let stub = Stub::start();
    let gateway = Setup::bare(stub.port, directory.url(), "a secret of the benchmark, 32 bytes and more")
        .changed("#iterations = 1000000", &format!("iterations = {COST}"))
        .unthrottled()
        .start();
    let mut connection = connect(&gateway);
    let mut times: [Vec<Duration>; KINDS.len()] = Default::default();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut expected = None;
    while times.iter().any(|of_kind| of_kind.len() < LOGINS) {
        let kind = dice.below(KINDS.len());
        let Kind { name, password, .. } = KINDS[kind];
        let begun = Instant::now();
        let answer = log_in(&mut connection, name, password);
        times[kind].push(begun.elapsed());
        let seen = what_a_client_sees(&answer);
        assert_eq!(*expected.get_or_insert_with(|| seen.clone()), seen, "{name}");
    }
    let known = Sample::of(&times[0]);
    for (Kind { what, .. }, of_kind) in KINDS.iter().zip(&times) {
        let sample = Sample::of(of_kind);
        println!("  {what:<18} {:>8.1} us   t = {:>6.2}", sample.median, sample.against(&known));
    }
}

/// All of an answer but what differs from one request to the next whoever asks.
fn what_a_client_sees(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    assert_eq!(answer.json()["data"]["login"]["errorCode"], json!("INVALID_CREDENTIALS"), "{answer:?}");
    let differs = |name: &str| name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("x-request-id");
    let headers = answer.headers.iter().filter(|(name, _)| !differs(name)).cloned().collect();
    (answer.status, headers, answer.body.clone())
}

fn log_in(connection: &mut TcpStream, name: &str, password: &str) -> Answer {
    let body = json!({ "query": LOGIN, "variables": { "u": name, "p": password } }).to_string();
    let length = body.len();
    let request = format!(
        "POST {AUTH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).unwrap();
    read_answer(connection).unwrap().expect("an answer")
}

fn connect(gateway: &Gateway) -> TcpStream {
    let connection = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    connection
}

/// Times in microseconds, without the slowest tenth.
struct Sample {
    median: f64,
    mean: f64,
    variance: f64,
    count: f64,
}

impl Sample {
    fn of(times: &[Duration]) -> Self {
        let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        times.sort_by(f64::total_cmp);
        times.truncate(times.len() - times.len() / 10);
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { median: times[times.len() / 2], mean, variance, count }
    }

    /// Welch's t.
    fn against(&self, other: &Self) -> f64 {
        let spread = self.variance / self.count + other.variance / other.count;
        (self.mean - other.mean) / spread.sqrt()
    }
}

/// xorshift64*: the order has to be unlike any other rhythm of the machine, no more.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % bound
    }
}
