//! Places of audit events that are changed while events come.

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    audit::sinks::{PATIENCE, kept, read, stop, streamed},
    support::{
        client::Client,
        gateway::{AUTH, Gateway, Setup},
        redis::{RedisServer, wait_until},
        stub::Stub,
    },
};

const RULE: &str = "[[routes]]\npath = '/reports*'\nauth = 'required'\n";

fn path(setup: &Setup, name: &str) -> PathBuf {
    setup.state_dir().join(name)
}

/// An operation without a caller, which is told of all the same; what it is called.
fn operate(client: &Client) -> String {
    let answer = client.graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.all("x-request-id")[0].to_owned()
}

fn texts(events: &[Value], key: &str) -> Vec<String> {
    events.iter().map(|event| event[key].as_str().unwrap().to_owned()).collect()
}

fn numbers(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
}

/// Puts this in the place of that, which stands before `# audit`.
fn keep_in(setup: &Setup, gateway: &mut Gateway, from: &str, to: &str) {
    setup.change(&format!("{from}# audit\n"), &format!("{to}# audit\n"));
    gateway.reload();
}

/// What has been written, by the place.
fn written(admin: &Client) -> [u64; 3] {
    let page = admin.get("/metrics").unwrap().body;
    ["file", "stdout", "redis"].map(|sink| {
        let sample = format!("railgate_audit_events_total{{sink=\"{sink}\",outcome=\"written\"}} ");
        let count = page.lines().find_map(|line| line.strip_prefix(&sample));
        count.map_or(0, |count| count.parse().unwrap())
    })
}

#[test]
fn events_go_from_one_place_to_the_next_and_none_is_lost_or_kept_twice() {
    let (stub, redis) = (Stub::start(), RedisServer::start());
    let of_redis = format!("[audit.redis]\nenabled = true\nurl = '{}'\nkey = 'events'\n", redis.url());
    let [one, two, stdout] =
        ["path = './one.log'", "path = './two.log'", "stdout = true"].map(|key| format!("[audit]\n{key}\n"));
    let setup =
        Setup::before(&stub, &format!("[admin]\naddress = '127.0.0.1:0'\n[server]\nthreads = 2\n{one}# audit\n"));
    let mut gateway = setup.start();
    let (admin, client) = (gateway.admin(), gateway.client());
    let (goes_on, asked) = (AtomicBool::new(true), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while goes_on.load(Ordering::SeqCst) {
                    let id = operate(&client);
                    asked.lock().unwrap().push(id);
                }
            });
        }
        // Whatever fails, the threads end.
        let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut before = [0; 3];
            let places = [&one, &of_redis, &stdout, &two, &one, &of_redis, &two];
            for (turn, (from, to)) in places.iter().zip(&places[1..]).enumerate() {
                let seen = asked.lock().unwrap().len();
                gateway.process.wait_until(PATIENCE, || asked.lock().unwrap().len() > seen + 20);
                keep_in(&setup, &mut gateway, from, to);
                let after = written(&admin);
                assert!(
                    before.iter().zip(&after).all(|(before, after)| before <= after),
                    "{turn}: {before:?} {after:?}"
                );
                before = after;
            }
            let seen = asked.lock().unwrap().len();
            gateway.process.wait_until(PATIENCE, || asked.lock().unwrap().len() > seen + 20);
        }));
        goes_on.store(false, Ordering::SeqCst);
        story.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    stop(&mut gateway);
    let output = gateway.process.output();
    for untold in ["are lost", "not written in time"] {
        assert!(!output.contains(untold), "{output}");
    }
    let places = [
        ("one", kept(&read(&path(&setup, "one.log")))),
        ("two", kept(&read(&path(&setup, "two.log")))),
        ("stdout", kept(&output)),
        ("redis", streamed(&redis, "events")),
    ];
    let mut all: Vec<(u64, &str)> =
        places.iter().flat_map(|(name, events)| numbers(events).into_iter().map(|number| (number, *name))).collect();
    all.sort();
    let count = all.len() as u64;
    assert!(all.iter().map(|(number, _)| *number).eq(1..=count), "each number is there, and once: {all:?}");
    all.dedup_by_key(|(_, place)| *place);
    let turns = all.iter().map(|(_, place)| *place).collect::<Vec<_>>();
    assert_eq!(
        turns,
        ["one", "redis", "stdout", "two", "one", "redis", "two"],
        "up to one number here, from the next there"
    );
    let told = places.iter().flat_map(|(_, events)| texts(events, "request_id"));
    let (mut told, mut asked) = (told.collect::<Vec<_>>(), asked.into_inner().unwrap());
    told.sort();
    asked.sort();
    assert_eq!(told, asked);
}

#[test]
fn a_place_that_can_not_be_opened_refuses_all_of_it() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "[audit]\npath = './one.log'\nstdout = false\n# routes\n");
    let mut gateway = setup.start();
    let mut told = vec![operate(&gateway.client())];
    setup.change("./one.log", "./missing/two.log");
    setup.change("stdout = false", "stdout = true");
    setup.change("# routes\n", RULE);
    let said = gateway.refuse();
    assert!(said.contains("[audit] path") && said.contains("No such file"), "{said}");
    assert_eq!(gateway.client().get("/reports").unwrap().status, 200);
    told.push(operate(&gateway.client()));
    std::fs::create_dir(path(&setup, "missing")).unwrap();
    gateway.reload();
    assert_eq!(gateway.client().get("/reports").unwrap().status, 401);
    let last = operate(&gateway.client());
    stop(&mut gateway);
    assert_eq!(texts(&kept(&read(&path(&setup, "one.log"))), "request_id"), told);
    for place in [kept(&read(&path(&setup, "missing/two.log"))), kept(&gateway.process.output())] {
        assert_eq!(texts(&place, "request_id"), [last.as_str()]);
    }
}

#[test]
fn what_is_refused_for_another_reason_has_made_no_file() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "[log]\naccess = 'stdout'\n# audit\n");
    let mut gateway = setup.start();
    let key = path(&setup, "assertion.key");
    std::fs::write(&key, "no key\n").unwrap();
    setup.change(
        "# audit\n",
        "[audit]\npath = './audit.log'\n[upstream.identity]\nassertion = true\naudience = 'api'\n",
    );
    setup.change("'stdout'", "'./access.log'");
    let said = gateway.refuse();
    assert!(said.contains("assertion.key"), "{said}");
    let files = ["audit.log", "access.log"].map(|name| path(&setup, name));
    assert_eq!(files.each_ref().map(|file| file.exists()), [false; 2]);
    std::fs::remove_file(key).unwrap();
    gateway.reload();
    assert_eq!(files.each_ref().map(|file| file.exists()), [true; 2]);
}

#[test]
fn a_stream_that_is_opened_anew_gets_first_what_waits_for_it() {
    let (stub, mut redis) = (Stub::start(), RedisServer::start());
    let of_redis = format!("[audit.redis]\nenabled = true\nurl = '{}'\nkey = 'events'\n", redis.url());
    let setup = Setup::before(&stub, &format!("{of_redis}max_events = 1000\n"));
    let mut gateway = setup.start();
    redis.stop();
    let mut told = Vec::new();
    for most in 1000..1005 {
        told.extend((0..5).map(|_| operate(&gateway.client())));
        setup.change(&format!("max_events = {most}\n"), &format!("max_events = {}\n", most + 1));
        gateway.reload();
    }
    told.push(operate(&gateway.client()));
    redis.restart();
    wait_until("all events", || streamed(&redis, "events").len() >= told.len());
    let events = streamed(&redis, "events");
    assert_eq!((texts(&events, "request_id"), numbers(&events)), (told, (1..=26).collect()));
    stop(&mut gateway);
}

#[test]
fn a_place_that_stays_is_opened_once_and_one_that_goes_is_closed() {
    let (stub, redis) = (Stub::start(), RedisServer::start());
    let of_redis = format!("[audit.redis]\nenabled = true\nurl = '{}'\nkey = 'events'\n", redis.url());
    let setup = Setup::before(&stub, &format!("[audit]\npath = './one.log'\nstdout = false\n{of_redis}"));
    let mut gateway = setup.start();
    let opened = |gateway: &Gateway| {
        let file = path(&setup, "one.log").canonicalize().unwrap();
        gateway.process.files().iter().filter(|opened| **opened == file).count()
    };
    let mut control = redis.connection();
    let mut connected = || {
        let stats: String = redis::cmd("INFO").arg("stats").query(&mut control).unwrap();
        stats.lines().find(|line| line.starts_with("total_connections_received")).map(str::to_owned)
    };
    let mut told = vec![operate(&gateway.client())];
    wait_until("the first event", || streamed(&redis, "events").len() == 1);
    let before = connected();
    setup.change("stdout = false", "stdout = true");
    gateway.reload();
    told.push(operate(&gateway.client()));
    wait_until("the second event", || kept(&gateway.process.output()).len() == 1);
    assert_eq!((opened(&gateway), connected()), (1, before));
    setup.change("path = './one.log'\nstdout = true", "stdout = false");
    setup.change("enabled = true", "enabled = false");
    gateway.reload();
    operate(&gateway.client());
    wait_until("the end of the file", || opened(&gateway) == 0);
    setup.change("stdout = false", "path = './one.log'");
    gateway.reload();
    told.push(operate(&gateway.client()));
    stop(&mut gateway);
    let in_file = kept(&read(&path(&setup, "one.log")));
    assert_eq!((texts(&in_file, "request_id"), numbers(&in_file)), (told, vec![1, 2, 3]), "nowhere, it has no number");
}
