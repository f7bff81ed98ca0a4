//! Where audit events are kept, and what becomes of them when that is full or out of reach.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    django,
    gateway::{AUTH, Gateway, LOGIN, STUB_SECRET, Setup},
    redis::{RedisServer, wait_until},
    redis_tls::Certificates,
    stub::Stub,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The events among these lines.
pub(crate) fn kept(lines: &str) -> Vec<Value> {
    let events = lines.lines().filter(|line| line.starts_with("{\"version\":"));
    events.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// A gateway in front of a stub, for John, that keeps its events there.
struct World {
    setup: Setup,
    _stub: Stub,
    _directory: django::Backend,
}

fn world(audit: &str) -> World {
    let (stub, directory) = (Stub::start(), django::Backend::sqlite());
    directory.cheap_password("john", "secret123");
    let setup = Setup::bare(stub.port, directory.url(), STUB_SECRET);
    let setup = setup
        .changed("[audit.redis]\n", "")
        .changed("[audit.redis.tls]\n", "")
        .changed("[audit]\n", &format!("{audit}\n"));
    let setup = setup.changed("#format = \"text\"", "format = \"json\"").unthrottled();
    World { setup, _stub: stub, _directory: directory }
}

impl World {
    fn start(&self) -> Gateway {
        self.setup.start()
    }

    fn stream(redis: &RedisServer, more: &str) -> Self {
        world(&format!("[audit.redis]\nenabled = true\nurl = \"{}\"\nkey = \"events\"\n{more}", redis.url()))
    }
}

/// A login by the wrong password; what it is called.
fn fail(gateway: &Gateway) -> String {
    let answer = gateway.client().graphql(AUTH, LOGIN, json!({ "u": "john", "p": "wrong" }));
    assert_eq!(answer.field()["errorCode"], json!("INVALID_CREDENTIALS"));
    answer.all("x-request-id")[0].to_owned()
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["request_id"].as_str().unwrap().to_owned()).collect()
}

/// What is in a stream.
pub(crate) fn streamed(redis: &RedisServer, key: &str) -> Vec<Value> {
    let entries: Vec<(String, Vec<String>)> =
        redis::cmd("XRANGE").arg(key).arg("-").arg("+").query(&mut redis.connection()).unwrap();
    let events = entries.iter().map(|(_, fields)| {
        assert_eq!((fields.len(), fields[0].as_str()), (2, "event"));
        fields[1].clone()
    });
    kept(&events.map(|event| event + "\n").collect::<String>())
}

pub(crate) fn stop(gateway: &mut Gateway) {
    gateway.process.signal(libc::SIGTERM);
    assert!(gateway.process.wait(PATIENCE).success());
}

#[test]
fn one_event_is_the_same_wherever_it_is_kept() {
    let redis = RedisServer::start();
    let world = world("[audit]\npath = \"./audit.log\"\nstdout = true\n[audit.redis]\nenabled = true");
    let mut gateway = world.setup.clone().store(&redis.url()).start();
    let told: Vec<String> = (0..3).map(|_| fail(&gateway)).collect();
    stop(&mut gateway);
    let path = world.setup.state_dir().join("audit.log");
    let in_file = kept(&read(&path));
    assert_eq!(ids(&in_file), told);
    assert_eq!(in_file, kept(&gateway.process.output()), "standard output, between lines of the access log");
    assert_eq!(in_file, streamed(&redis, "railgate:audit"), "what was queued is written before the end");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let output = gateway.process.output();
    assert!(output.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{output}");
    assert!(output.lines().any(|line| line.contains("\"target\":\"audit\"")), "{output}");
}

#[test]
fn a_stream_may_be_in_a_redis_of_its_own_that_speaks_tls() {
    let certificates = Certificates::new();
    let redis = RedisServer::start_by(&[], || certificates.arguments());
    let world = World::stream(&redis, &format!("[audit.redis.tls]\n{}", certificates.lines()));
    let gateway = world.start();
    let told = fail(&gateway);
    wait_until("the event", || streamed(&redis, "events").len() == 1);
    assert_eq!(ids(&streamed(&redis, "events")), [told]);
}

#[test]
fn a_renamed_file_is_followed_by_a_new_one() {
    let world = world("[audit]\npath = \"./audit.log\"");
    let (path, old) = (world.setup.state_dir().join("audit.log"), world.setup.state_dir().join("audit.log.1"));
    let mut gateway = world.start();
    let first = fail(&gateway);
    wait_until("the first event", || kept(&read(&path)).len() == 1);
    std::fs::rename(&path, &old).unwrap();
    let second = fail(&gateway);
    stop(&mut gateway);
    assert_eq!((ids(&kept(&read(&old))), ids(&kept(&read(&path)))), (vec![first], vec![second]));
}

#[test]
fn a_full_disk_holds_nobody_up_and_what_is_lost_is_told() {
    let world = world("[audit]\npath = \"/dev/full\"");
    let mut gateway = world.start();
    for _ in 0..3 {
        fail(&gateway);
    }
    stop(&mut gateway);
    let output = gateway.process.output();
    let lost = output.lines().filter(|line| line.contains("lines of the audit log are lost"));
    let lost: Vec<Value> = lost.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lost.iter().map(|line| line["lines"].as_u64().unwrap()).sum::<u64>(), 3, "{output}");
    assert!(lost[0]["error"].as_str().unwrap().contains("No space left"), "{lost:?}");
    assert_eq!(output.matches("\"target\":\"audit\"").count(), 3, "the log has them");
}

#[test]
fn what_happens_while_redis_is_gone_is_in_the_stream_when_it_is_back() {
    let mut redis = RedisServer::start();
    let world = World::stream(&redis, "");
    let mut gateway = world.start();
    let mut told = vec![fail(&gateway)];
    wait_until("the first event", || streamed(&redis, "events").len() == 1);
    redis.stop();
    told.extend((0..5).map(|_| fail(&gateway)));
    gateway.process.wait_for_line("the audit stream can't be written to: events wait");
    redis.restart();
    wait_until("all events", || streamed(&redis, "events").len() >= told.len());
    told.push(fail(&gateway));
    stop(&mut gateway);
    // At least once, and in order.
    let mut events = streamed(&redis, "events");
    events.dedup_by_key(|event| event["sequence"].clone());
    assert_eq!(ids(&events), told);
    assert!(!gateway.process.output().contains("are lost"), "{}", gateway.process.output());
}

#[test]
fn what_is_queued_at_the_end_is_written_or_told_of() {
    let redis = RedisServer::start();
    let world = World::stream(&redis, "timeout = \"500ms\"");
    let mut gateway = world.start();
    fail(&gateway);
    wait_until("the first event", || streamed(&redis, "events").len() == 1);
    redis.freeze(true);
    for _ in 0..3 {
        fail(&gateway);
    }
    stop(&mut gateway);
    redis.freeze(false);
    let output = gateway.process.output();
    let lost = output.lines().find(|line| line.contains("lines of the audit stream are lost"));
    let lost: Value = serde_json::from_str(lost.unwrap_or_else(|| panic!("{output}"))).unwrap();
    assert_eq!(lost["lines"], json!(3), "{output}");
}

#[test]
fn two_gateways_share_a_stream_that_keeps_about_so_many() {
    const EACH: usize = 150;
    let redis = RedisServer::start_with(&["--stream-node-max-entries", "10"]);
    let world = World::stream(&redis, "max_events = 200");
    let mut gateways = [world.start(), World::start(&world)];
    std::thread::scope(|scope| {
        for gateway in &gateways {
            let client = gateway.client();
            scope.spawn(move || {
                for _ in 0..EACH {
                    client.graphql(AUTH, "mutation { logout { ok } }", json!({}));
                }
            });
        }
    });
    gateways.iter_mut().for_each(stop);
    let events = streamed(&redis, "events");
    assert!((200..220).contains(&events.len()), "{}", events.len());
    let mut of_each: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in &events {
        let instance = event["instance"].as_str().unwrap().to_owned();
        of_each.entry(instance).or_default().push(event["sequence"].as_u64().unwrap());
    }
    assert_eq!(of_each.len(), 2, "{of_each:?}");
    for numbers in of_each.values() {
        assert_eq!(numbers.last(), Some(&(EACH as u64)), "the newest are there: {of_each:?}");
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{of_each:?}");
    }
}
