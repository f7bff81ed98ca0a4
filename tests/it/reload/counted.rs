//! Routes that are counted by themselves, as the configuration has them at the time.

use std::collections::BTreeMap;

use crate::support::{
    client::Client,
    gateway::{Gateway, Setup},
    stub::Stub,
};

fn routes(paths: &[&str]) -> String {
    paths.iter().map(|path| format!("[[routes]]\npath = '{path}'\nauth = 'optional'\n")).collect()
}

/// Requests that have ended well, by their routes.
fn counted(admin: &Client) -> BTreeMap<String, u64> {
    let page = admin.get("/metrics").unwrap().body;
    let samples = page.lines().filter_map(|line| line.strip_prefix("railgate_requests_total{route=\""));
    let counts = samples.filter_map(|sample| {
        let (route, rest) = sample.split_once('"')?;
        let count = rest.strip_prefix(",code=\"2xx\",outcome=\"ok\"} ")?;
        Some((route.to_owned(), count.parse().unwrap()))
    });
    counts.filter(|(_, count)| *count > 0).collect()
}

fn ask(gateway: &Gateway, paths: &[&str]) {
    for path in paths {
        assert_eq!(gateway.client().get(path).unwrap().status, 200, "{path}");
    }
}

#[test]
fn a_route_that_comes_is_counted_by_itself_and_one_that_goes_keeps_what_it_has() {
    let stub = Stub::start();
    let [first, second] = [routes(&["/reports*"]), routes(&["/added*", "/later"])];
    let setup =
        Setup::before(&stub, &format!("[admin]\naddress = '127.0.0.1:0'\n[server]\nthreads = 2\n{first}# end\n"));
    let mut gateway = setup.start();
    let admin = gateway.admin();
    let of = |counts: &[(&str, u64)]| counts.iter().map(|(route, count)| ((*route).to_owned(), *count)).collect();
    ask(&gateway, &["/reports", "/added", "/reports"]);
    assert_eq!(counted(&admin), of(&[("/reports*", 2), ("other", 1)]));
    setup.change(&format!("{first}# end"), &format!("{second}# end"));
    gateway.reload();
    ask(&gateway, &["/added", "/added/more", "/later", "/reports", "/added"]);
    assert_eq!(counted(&admin), of(&[("/added*", 3), ("/later", 1), ("/reports*", 2), ("other", 2)]));
    setup.change(&format!("{second}# end"), &format!("{first}# end"));
    gateway.reload();
    ask(&gateway, &["/reports", "/added"]);
    assert_eq!(counted(&admin), of(&[("/added*", 3), ("/later", 1), ("/reports*", 3), ("other", 3)]));
}
