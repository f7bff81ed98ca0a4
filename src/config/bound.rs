//! What of a changed configuration waits for the next start.
//!
//! A reload puts everything into force but what the process is bound to: sockets that it listens on, threads, files and
//! connections that it has opened and can't give up without forgetting what is going on there. Of these the running
//! configuration stays, key by key, and whoever reloads is told which keys wait. What another section takes from such a key,
//! as a stream of audit events its place from `[store]`, it takes from the one that stays.

use super::{Config, Listener, StoreSettings};

impl Config {
    /// This configuration as far as a process can take it that runs by `running`, and the keys that wait for a restart.
    #[must_use]
    pub fn bound_to(mut self, running: &Self) -> (Self, Vec<&'static str>) {
        let mut waiting = Waiting::default();
        waiting.keep("mode", &mut self.mode, &running.mode);
        waiting.keep("state_dir", &mut self.state_dir, &running.state_dir);
        waiting.keep("server.threads", &mut self.server.threads, &running.server.threads);
        waiting.keep("admin.address", &mut self.admin, &running.admin);
        waiting.note(store_key(&self.store, &running.store));
        self.store = running.store.clone();
        let (audit, key) = self.audit.bound_to(&running.audit, &self.store);
        self.audit = audit;
        waiting.note(key);
        waiting.note(listeners_key(&self.listeners, &running.listeners));
        self.listeners = bound_listeners(self.listeners, &running.listeners);
        (self, waiting.0)
    }
}

/// The keys that wait for a restart.
#[derive(Default)]
struct Waiting(Vec<&'static str>);

impl Waiting {
    fn keep<T: PartialEq + Clone>(&mut self, key: &'static str, value: &mut T, running: &T) {
        if value != running {
            *value = running.clone();
            self.0.push(key);
        }
    }

    fn note(&mut self, key: Option<&'static str>) {
        self.0.extend(key);
    }
}

fn store_key(new: &StoreSettings, running: &StoreSettings) -> Option<&'static str> {
    match (new, running) {
        _ if new == running => None,
        (
            StoreSettings::Redis { url, tls, key_prefix, .. },
            StoreSettings::Redis { url: other, tls: others, key_prefix: prefix, .. },
        ) => Some(match (url == other, tls == others, key_prefix == prefix) {
            (false, ..) => "store.url",
            (true, false, _) => "store.tls",
            (true, true, false) => "store.key_prefix",
            (true, true, true) => "store.timeout",
        }),
        _ => Some("store.url"),
    }
}

fn listeners_key(new: &[Listener], running: &[Listener]) -> Option<&'static str> {
    if new.len() != running.len() {
        return Some("listeners");
    }
    let pairs = || new.iter().zip(running);
    if pairs().any(|(new, running)| new.address != running.address) {
        return Some("listeners.address");
    }
    pairs().any(|(new, running)| new.max_connections != running.max_connections).then_some("listeners.max_connections")
}

/// The running ones, each by the rules that the new configuration has for its address, or else by its own.
fn bound_listeners(mut new: Vec<Listener>, running: &[Listener]) -> Vec<Listener> {
    let bound = running.iter().map(|running| match new.iter().position(|new| new.address == running.address) {
        Some(at) => Listener { max_connections: running.max_connections, ..new.remove(at) },
        None => running.clone(),
    });
    bound.collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{AuthPolicy, LogFormat, Mode, StoreSettings, tests::config};

    /// The keys that wait when a process that runs by one text is given the other.
    fn waiting(running: &str, new: &str) -> Vec<&'static str> {
        config(new).bound_to(&config(running)).1
    }

    #[test]
    fn what_is_not_bound_is_taken() {
        let new = "[server]\nbody_limit = '1MiB'\nshutdown_grace = '1s'\n[tokens]\naccess_lifetime = '5m'\n\
                   [log]\nformat = 'json'\naccess = 'off'\n[audit]\nstdout = true\n[telemetry]\notlp = 'http://c'\n";
        assert_eq!(waiting("", new), [""; 0]);
        let (taken, _) = config(new).bound_to(&config(""));
        assert_eq!((taken.server.body_limit, taken.tokens.access_lifetime.as_secs()), (1 << 20, 300));
        assert_eq!((taken.log.format, taken.audit.stdout, taken.otlp.is_some()), (LogFormat::Json, true, true));
    }

    #[test]
    fn each_key_that_waits_is_named_and_keeps_its_value() {
        let running = config("[server]\nthreads = 2\n");
        let mut new = config("[server]\nthreads = 3\n[store]\nurl = 'redis://h'\n");
        new.state_dir = "/elsewhere".into();
        new.mode = Mode::Shadow;
        let (taken, waiting) = new.bound_to(&running);
        assert_eq!(waiting, ["mode", "state_dir", "server.threads", "store.url"]);
        assert_eq!((taken.server.threads, &taken.state_dir), (2, &running.state_dir));
        assert!(matches!(taken.store, StoreSettings::Embedded { .. }));
        let redis = "[store]\nurl = 'redis://h'\n";
        let with = |more: &str| format!("{redis}{more}\n");
        for (new, key) in [("timeout = '5s'", "store.timeout"), ("key_prefix = 'other'", "store.key_prefix")] {
            assert_eq!(super::store_key(&config(&with(new)).store, &config(redis).store), Some(key));
        }
        let [named, unnamed] = ["[store.tls]\nserver_name = 'cache'\n", ""]
            .map(|tls| config(&format!("[store]\nurl = 'rediss://h'\n{tls}")).store);
        assert_eq!(super::store_key(&named, &unnamed), Some("store.tls"));
    }

    #[test]
    fn a_stream_is_where_the_store_is_that_stays_unless_it_has_a_place_of_its_own() {
        const STREAM: &str = "[audit.redis]\nenabled = true\nmax_events = 7\n";
        let store = |url: &str, more: &str| format!("[store]\nurl = '{url}'\n{more}\n");
        let running = store("redis://here", "key_prefix = 'old'");
        let tls = "key_prefix = 'new'\n[store.tls]\nserver_name = 'cache'";
        let new = store("rediss://there", tls);
        let taken = |running: &str, new: &str| {
            let (taken, waiting) = config(new).bound_to(&config(running));
            let stream = taken.audit.redis.map(|stream| {
                assert_eq!((stream.max_events, stream.tls.is_some()), (7, false), "{new}");
                (stream.url.expose().to_owned(), stream.key)
            });
            (stream, waiting)
        };
        let at = |url: &str, key: &str| Some((url.to_owned(), key.to_owned()));
        let (own_url, own_key) = ("url = 'redis://log'\n", "key = 'mine'\n");
        for (own, expected) in [
            (String::new(), at("redis://here", "old:audit")),
            (own_key.to_owned(), at("redis://here", "mine")),
            (own_url.to_owned(), at("redis://log", "old:audit")),
            (format!("{own_url}{own_key}"), at("redis://log", "mine")),
        ] {
            assert_eq!(taken(&running, &format!("{new}{STREAM}{own}")), (expected, vec!["store.url"]), "{own}");
        }
        let nowhere = taken("", &format!("{new}{STREAM}"));
        assert_eq!(nowhere, (None, vec!["store.url", "audit.redis"]), "this process has no Redis");
        let elsewhere = taken(&format!("{STREAM}{own_url}"), &format!("{new}{STREAM}"));
        assert_eq!(elsewhere, (at("redis://log", "railgate:audit"), vec!["store.url", "audit.redis"]));
    }

    #[test]
    fn a_listener_keeps_its_address_and_takes_new_rules() {
        let one = "[[listeners]]\naddress = '127.0.0.1:1'\n";
        let ruled = "[[listeners]]\naddress = '127.0.0.1:1'\nauth = 'required'\n";
        let other = "[[listeners]]\naddress = '127.0.0.1:2'\nauth = 'none'\n";
        assert_eq!(waiting(one, ruled), [""; 0]);
        assert_eq!(
            waiting(one, "[[listeners]]\naddress = '127.0.0.1:1'\nmax_connections = 5\n"),
            ["listeners.max_connections"]
        );
        assert_eq!(waiting(one, other), ["listeners.address"]);
        let (taken, waiting) = config(&format!("{other}{ruled}")).bound_to(&config(one));
        assert_eq!(waiting, ["listeners"]);
        assert_eq!(taken.listeners.len(), 1);
        assert_eq!((taken.listeners[0].address.port(), taken.listeners[0].auth), (1, AuthPolicy::Required));
        let (taken, _) = config(one).bound_to(&config(&format!("{one}{other}")));
        assert_eq!((taken.listeners[1].address.port(), taken.listeners[1].auth), (2, AuthPolicy::None));
    }
}
