//! What a reload does not do: take a bad file, or change what the process is bound to.

use super::Kept;
use crate::support::{gateway::Setup, stub::Stub};

const RULE: &str = "[[routes]]\npath = '/reports*'\nauth = 'required'\n";

#[test]
fn a_bad_file_changes_nothing_and_all_of_it_is_told() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, &format!("# here\n{RULE}[throttle]\n"));
    let mut gateway = setup.start();
    let mut kept = Kept::open(gateway.port);
    for (bad, told) in [
        ("rools = 1\n[cookies]\nsame_site = 'loose'\n", ["`tokens.rools` is not a key", "`cookies.same_site`"]),
        ("[[routes\n", ["not TOML", "not TOML"]),
    ] {
        setup.change("# here\n", &format!("# here\n{bad}"));
        setup.change("auth = 'required'", "auth = 'optional'");
        let said = gateway.refuse();
        assert!(said.contains("ERROR"), "{said}");
        for told in told {
            let line = gateway.process.wait_for_line(told);
            assert!(line.contains("ERROR") && line.contains("proxy.toml:"), "{line}");
        }
        assert_eq!(kept.ask("GET /reports", "", "").status, 401);
        assert_eq!(Kept::open(gateway.port).ask("GET /reports", "", "").status, 401);
        setup.change("auth = 'optional'", "auth = 'required'");
        setup.change(&format!("# here\n{bad}"), "# here\n");
    }
    setup.change("auth = 'required'", "auth = 'optional'");
    let said = gateway.reload();
    assert!(said.contains("applied=1 refused=2"), "{said}");
    assert_eq!(kept.ask("GET /reports", "", "").status, 200);
}

#[test]
fn what_the_file_speaks_of_is_read_before_anything_is_changed() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, RULE);
    let mut gateway = setup.start();
    let mut kept = Kept::open(gateway.port);
    // Made by the gateway at its start, and spoilt since; the configuration says nothing of it.
    std::fs::write(setup.state_dir().join("railgate.key"), "no key\n").unwrap();
    setup.change("auth = 'required'", "auth = 'optional'");
    let said = gateway.refuse();
    assert!(said.contains("railgate.key"), "{said}");
    assert_eq!(kept.ask("GET /reports", "", "").status, 401);
}

#[test]
fn what_waits_for_a_restart_is_named_and_the_rest_is_in_force() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, &format!("{RULE}[server]\nthreads = 2\n"));
    let mut gateway = setup.start();
    let before = gateway.process.threads_and_files()[0];
    setup.change("threads = 2", "threads = 3");
    setup.change("address = { env = \"RAILGATE_LISTEN\" }", "address = '127.0.0.2:0'");
    setup.change("auth = 'required'", "auth = 'optional'");
    gateway.reload();
    for key in ["server.threads", "listeners.address"] {
        let line = gateway.process.wait_for_line(&format!("key=\"{key}\""));
        assert!(line.contains("WARN") && line.contains("waits for a restart"), "{line}");
    }
    assert_eq!(gateway.client().get("/reports").unwrap().status, 200);
    assert_eq!(gateway.process.threads_and_files()[0], before);
}
