//! Logs whose form and place are changed while they are written.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::OpenOptionsExt as _,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::Value;

use super::Kept;
use crate::{
    audit::sinks::{PATIENCE, read, stop},
    support::{gateway::Setup, stub::Stub},
};

/// The ids of requests in lines of the access log in this form.
fn ids(lines: &str, is_json: bool) -> Vec<String> {
    let id = |line: &str| {
        if is_json {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["target"] == "access").then(|| line["request_id"].as_str().unwrap().to_owned())
        } else {
            let is_one = line.contains(" INFO access: request ");
            let id = line.split_whitespace().find_map(|field| field.strip_prefix("request_id="));
            id.filter(|_| is_one).map(str::to_owned)
        }
    };
    lines.lines().filter_map(id).collect()
}

#[test]
fn the_access_log_goes_from_one_place_to_the_next_and_no_line_is_lost_or_written_twice() {
    let stub = Stub::start();
    let settings = [("text", "stdout"), ("json", "stdout"), ("json", "./access.log"), ("text", "./access.log")];
    let [first, rest @ ..] = settings.map(|(format, place)| format!("format = '{format}'\naccess = '{place}'\n"));
    let setup = Setup::before(&stub, &format!("[server]\nthreads = 2\n[log]\n{first}"));
    let mut gateway = setup.start();
    let (goes_on, asked, port) = (AtomicBool::new(true), Mutex::new(Vec::new()), gateway.port);
    thread::scope(|scope| {
        for keeps in [true, true, false] {
            let (goes_on, asked) = (&goes_on, &asked);
            scope.spawn(move || {
                let mut kept = Kept::open(port);
                while goes_on.load(Ordering::SeqCst) {
                    if !keeps {
                        kept = Kept::open(port);
                    }
                    let answer = kept.ask("GET /any", "", "");
                    asked.lock().unwrap().push(answer.all("x-request-id")[0].to_owned());
                }
            });
        }
        // Whatever fails, the threads end.
        let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut former = &first;
            for next in &rest {
                let seen = asked.lock().unwrap().len();
                gateway.process.wait_until(PATIENCE, || asked.lock().unwrap().len() > seen + 200);
                setup.change(former, next);
                gateway.reload();
                former = next;
            }
            let seen = asked.lock().unwrap().len();
            gateway.process.wait_until(PATIENCE, || asked.lock().unwrap().len() > seen + 200);
        }));
        goes_on.store(false, Ordering::SeqCst);
        story.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    stop(&mut gateway);
    let (output, file) = (gateway.process.output(), read(&setup.state_dir().join("access.log")));
    let found = [ids(&output, false), ids(&output, true), ids(&file, true), ids(&file, false)];
    assert!(found.iter().all(|ids| ids.len() > 100), "{:?}", found.each_ref().map(Vec::len));
    let (mut told, mut asked) = (found.concat(), asked.into_inner().unwrap());
    told.sort();
    asked.sort();
    assert_eq!((told.len(), told == asked), (asked.len(), true));
}

#[test]
fn the_log_takes_another_form_and_an_access_log_without_a_place_refuses_it() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "[log]\nformat = 'text'\naccess = 'stdout'\n");
    let mut gateway = setup.start();
    setup.change("format = 'text'\naccess = 'stdout'", "format = 'json'\naccess = './missing/access.log'");
    let said = gateway.refuse();
    assert!(said.contains(" ERROR railgate::app::reload: ") && said.contains("[log] access"), "{said}");
    setup.change("./missing/access.log", "off");
    let said: Value = serde_json::from_str(&gateway.reload()).unwrap();
    assert_eq!(said["level"], "INFO");
    gateway.client().get("/untold").unwrap();
    stop(&mut gateway);
    assert_eq!(gateway.process.output().find("/untold"), None);
}

#[test]
fn a_pipe_that_nobody_reads_refuses_it_and_holds_up_nothing() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "[log]\naccess = 'stdout'\n");
    let mut gateway = setup.start();
    let pipe = setup.state_dir().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    setup.change("'stdout'", "'./pipe'");
    let said = gateway.refuse();
    assert!(said.contains("[log] access"), "{said}");
    gateway.client().get("/before").unwrap();
    let mut reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&pipe).unwrap();
    gateway.reload();
    gateway.client().get("/after").unwrap();
    stop(&mut gateway);
    let mut piped = String::new();
    reader.read_to_string(&mut piped).unwrap();
    assert_eq!(["/before", "/after"].map(|path| piped.contains(path)), [false, true], "{piped}");
}
