//! `sessions.accept_django = true`: a session that Django itself opened lets its user in.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    django,
    gateway::{AUTH, Gateway, Setup, Tokens},
    stub::{Received, Stub},
    world::{SECRET, user_of},
};

const ACCEPT: (&str, &str) = ("#accept_django = false", "accept_django = true");
const KEY: (&str, &str) = (
    "#example: secret_key = { env = \"RAILGATE_DJANGO_SECRET_KEY\" }",
    "secret_key = [\"a key that comes next, for 32 bytes or more\", { env = \"RAILGATE_RAIL_JWT_SECRET\" }]",
);
const RECHECK: (&str, &str) = ("#recheck = \"60s\"", "recheck = \"1s\"");
const SIGNED_COOKIES: (&str, &str) = ("#engine = \"database\"", "engine = \"signed_cookies\"");
const REQUIRED: (&str, &str) = ("#auth = \"optional\"", "auth = \"required\"");

/// A gateway between a Django project's database and a stub that notes what arrives.
struct Site {
    stub: Stub,
    gateway: Gateway,
    project: django::Backend,
}

impl Site {
    fn new(lines: &[(&str, &str)]) -> Self {
        Self::on(django::Backend::sqlite(), lines)
    }

    /// With these lines of the shipped configuration replaced, beside those that accept sessions.
    fn on(project: django::Backend, lines: &[(&str, &str)]) -> Self {
        let stub = Stub::start();
        let setup = Setup::bare(stub.port, project.url(), SECRET);
        let gateway =
            [ACCEPT, KEY].iter().chain(lines).fold(setup, |setup, (from, to)| setup.changed(from, to)).start();
        Self { stub, gateway, project }
    }

    /// What Django's own login leaves in a browser, after this was done to the session `s` of the user `u`.
    fn log_in(&self, username: &str, and_then: &str) -> String {
        self.log_in_each(&[(username, and_then)]).remove(0)
    }

    fn log_in_each(&self, logins: &[(&str, &str)]) -> Vec<String> {
        let script = |(username, and_then): &(&str, &str)| {
            format!(
                "u, c = User.objects.get(username='{username}'), Client()\n\
                 c.force_login(u)\n\
                 s = c.session\n\
                 {and_then}\n\
                 print(c.cookies['sessionid'].value)\n"
            )
        };
        let imports = "from datetime import timedelta\n\
                       from django.contrib.sessions.models import Session\n\
                       from django.test import Client\n\
                       from django.utils import timezone\n";
        let script = format!("{imports}{}", logins.iter().map(script).collect::<String>());
        self.project.python(&script).lines().map(str::to_owned).collect()
    }

    /// A page's client that has this cookie.
    fn page(&self, cookies: &str) -> Client {
        self.bare(cookies).with("Sec-Fetch-Site", "same-origin")
    }

    fn bare(&self, cookies: &str) -> Client {
        self.gateway.client().with("Cookie", cookies)
    }

    /// What arrives of a GraphQL request of this client's.
    fn arrives(&self, client: &Client) -> Received {
        assert_eq!(widgets(client).status, 200);
        self.stub.take_one()
    }

    /// Whom the backend sees behind this session.
    fn seen(&self, session: &str) -> Value {
        user_of(&self.arrives(&self.page(&format!("sessionid={session}"))))
    }

    fn is_out_soon(&self, session: &str) {
        let start = Instant::now();
        while self.seen(session) != Value::Null {
            assert!(start.elapsed() < Duration::from_secs(20), "still in");
            sleep(Duration::from_millis(50));
        }
    }
}

fn widgets(client: &Client) -> Answer {
    client.graphql(AUTH, "{ widgets { id } }", json!({}))
}

#[test]
fn a_session_of_djangos_makes_the_same_caller_as_a_token() {
    let site = Site::new(&[]);
    site.project.cheap_password("john", "secret123");
    let session = site.log_in("john", "");
    let received = site.arrives(&site.page(&format!("theme=dark; sessionid={session}")));
    assert_eq!(received.all("Cookie"), ["theme=dark"], "on a GraphQL path the session stays here");
    let tokens = Tokens::of(&site.gateway.login("john", "secret123"));
    let by_token = site.arrives(&site.gateway.client().bearer(&tokens.access));
    for header in ["X-Auth-User-Id", "X-Auth-Username", "X-Auth-Email", "X-Auth-Roles", "X-Auth-Mfa"] {
        assert_eq!(received.all(header), by_token.all(header), "{header}");
        assert_eq!(received.all(header).len(), 1, "{header}");
    }
    assert_eq!((received.all("X-Auth-Method"), received.all("X-Auth-Time")), (vec!["django-session"], vec!["0"]));
    assert!(received.all("X-Auth-Session-Id").is_empty());
    assert_eq!((user_of(&received), user_of(&by_token)), (json!("john"), json!("john")));
}

#[test]
fn without_a_word_in_the_configuration_it_is_nobodys() {
    let (stub, project) = (Stub::start(), django::Backend::sqlite());
    let named = ("#cookie_name = \"sessionid\"", "cookie_name = \"newsroom\"");
    let gateway = Setup::bare(stub.port, project.url(), SECRET).changed(named.0, named.1).start();
    let site = Site { stub, gateway, project };
    let session = site.log_in("john", "");
    let received = site.arrives(&site.bare(&format!("newsroom={session}; a=b")));
    assert_eq!((user_of(&received), received.all("Cookie")), (Value::Null, vec!["a=b"]));
    assert!(received.all("X-Auth-User-Id").is_empty());
}

#[test]
fn what_django_would_not_take_is_nobodys() {
    let site = Site::new(&[]);
    let row = "Session.objects.filter(pk=s.session_key)";
    let (over, gone, torn) = (
        format!("{row}.update(expire_date=timezone.now() - timedelta(seconds=1))"),
        format!("{row}.delete()"),
        format!("{row}.update(session_data='x' + {row}.get().session_data)"),
    );
    let cases = [
        ("amina", over.as_str()),
        ("amina", &gone),
        ("amina", "s.flush()"),
        ("amina", &torn),
        // Whose hash is of her own password.
        ("amina", "s['_auth_user_id'] = '2'; s.save()"),
        ("amina", "del s['_auth_user_hash']; s.save()"),
        ("amina", "s['_auth_user_backend'] = 'project.Ldap'; s.save()"),
        // A visitor's.
        ("amina", "del s['_auth_user_id']; s.save()"),
        ("disabled", ""),
        // Who has a second factor met none here.
        ("mfa_a", "from rail_django.models import MFADevice; MFADevice.objects.create(user=u, is_active=True)"),
    ];
    for (session, case) in site.log_in_each(&cases).iter().zip(cases) {
        assert_eq!(site.seen(session), Value::Null, "{case:?}");
    }

    let good = site.log_in("amina", "s['cart'] = list(range(500)); s.save()");
    assert_eq!(site.seen(&good), json!("amina"), "large enough to be compressed");
    let two = site.page(&format!("sessionid={good}; sessionid={good}"));
    assert_eq!(user_of(&site.arrives(&two)), Value::Null);
    for other in ["", "garbage", &good[1..], &good.to_uppercase(), "00000000000000000000000000000000"] {
        assert_eq!(site.seen(other), Value::Null, "{other}");
    }
}

#[test]
fn bearer_tokens_and_the_gateways_own_cookies_come_first() {
    let site = Site::new(&[]);
    site.project.cheap_password("john", "secret123");
    let session = site.log_in("admin", "");
    let tokens = Tokens::of(&site.gateway.login("john", "secret123"));
    let beside = |more: &str| site.page(&format!("sessionid={session}; {more}"));
    let sees = |client: &Client| user_of(&site.arrives(client));
    assert_eq!(sees(&beside("theme=dark")), json!("admin"));
    assert_eq!(sees(&beside("theme=dark").bearer(&tokens.access)), json!("john"));
    assert_eq!(sees(&beside("theme=dark").bearer("garbage")), Value::Null);
    assert_eq!(sees(&beside(&format!("jwt={}", tokens.access))), json!("john"));
    assert_eq!(sees(&beside("jwt=garbage")), Value::Null);
    let refresh = format!("refresh_token={}", tokens.refresh);
    assert_eq!(sees(&beside(&refresh)), Value::Null, "whose token has run out doesn't become somebody else");
    assert_eq!(sees(&beside("theme=dark").with("Authorization", "Basic YTpi")), json!("admin"));
}

#[test]
fn on_graphql_paths_it_needs_a_proof_and_elsewhere_it_is_djangos_to_ask_for_one() {
    let site = Site::new(&[]);
    let session = site.log_in("admin", "");
    let cookie = format!("sessionid={session}; csrftoken=abcdefghijklmnopqrstuvwxyzABCDEF");
    let bare = site.bare(&cookie);
    for client in [bare.clone(), bare.with("Origin", "https://evil.com"), bare.with("Sec-Fetch-Site", "cross-site")] {
        let refused = widgets(&client);
        assert_eq!((refused.status, refused.json()["errors"][0]["code"].clone()), (403, json!("CSRF_FAILED")));
        assert!(site.stub.requests().is_empty());

        client.send("POST", "/admin/x/", "a=b").expect("an answer");
        let received = site.stub.take_one();
        assert_eq!(received.all("Cookie"), [cookie.as_str()], "as it came");
        assert_eq!(user_of(&received), Value::Null);
        assert!(received.all("X-Auth-User-Id").is_empty(), "the gateway vouches for nobody");
        client.get("/admin/x/").expect("an answer");
        assert_eq!(user_of(&site.stub.take_one()), json!("admin"), "a safe method needs none");
    }
    let double = bare.with("X-CSRFToken", "abcdefghijklmnopqrstuvwxyzABCDEF");
    for client in [double, site.page(&cookie)] {
        assert_eq!(user_of(&site.arrives(&client)), json!("admin"));
        client.send("POST", "/admin/x/", "a=b").expect("an answer");
        let received = site.stub.take_one();
        assert_eq!((user_of(&received), received.all("Cookie")), (json!("admin"), vec![cookie.as_str()]));
    }
}

#[test]
fn a_listener_that_requires_a_caller_takes_it_for_one() {
    let site = Site::new(&[REQUIRED]);
    let cookie = format!("sessionid={}", site.log_in("admin", ""));
    assert_eq!(site.bare(&cookie).get("/admin/").expect("an answer").status, 200);
    assert_eq!(site.page(&cookie).send("POST", "/admin/", "a=b").expect("an answer").status, 200);
    let arrived = site.stub.requests().len();
    assert_eq!(site.bare(&cookie).send("POST", "/admin/", "a=b").expect("an answer").status, 403);
    for nobodys in ["sessionid=garbage", "a=b"] {
        assert_eq!(site.bare(nobodys).get("/admin/").expect("an answer").status, 401);
    }
    assert_eq!(site.stub.requests().len(), arrived);
}

#[test]
fn a_logout_or_another_password_is_noticed_within_recheck() {
    let site = Site::new(&[RECHECK]);
    let (ended, changed) = (site.log_in("john", ""), site.log_in("amina", ""));
    assert_eq!((site.seen(&ended), site.seen(&changed)), (json!("john"), json!("amina")));
    site.project.python(&format!(
        "from django.contrib.sessions.backends.db import SessionStore; SessionStore('{ended}').flush()"
    ));
    site.is_out_soon(&ended);
    assert_eq!(site.seen(&changed), json!("amina"));
    site.project.cheap_password("amina", "another one");
    site.is_out_soon(&changed);
}

#[test]
fn such_a_caller_ends_the_gateways_sessions_but_not_djangos() {
    let site = Site::new(&[]);
    site.project.cheap_password("john", "secret123");
    let tokens = Tokens::of(&site.gateway.login("john", "secret123"));
    let session = site.log_in("john", "");
    let page = site.page(&format!("sessionid={session}"));
    let ask = |document: &str| {
        let answer = page.graphql(AUTH, document, json!({}));
        assert!(answer.all("set-cookie").is_empty(), "{answer:?}");
        answer.json()["data"].clone()
    };
    assert_eq!(ask("{ authSessions { current } }"), json!({ "authSessions": [{ "current": false }] }));
    let refused = "You are logged in by a session of the site itself. Log out on its own page.";
    let said = json!({ "ok": false, "errors": [refused] });
    assert_eq!(ask("mutation { logout { ok errors } }"), json!({ "logout": said }), "not falsely ok");
    assert_eq!(ask("mutation { revokeAllSessions { ok errors } }"), json!({ "revokeAllSessions": said }));
    assert_eq!(ask("{ authSessions { current } }"), json!({ "authSessions": [] }));
    assert_eq!(user_of(&site.arrives(&site.gateway.client().bearer(&tokens.access))), Value::Null);
    assert_eq!(site.seen(&session), json!("john"));
}

#[test]
fn a_session_in_a_signed_cookie_counts_as_one_in_the_database_does() {
    let site = Site::new(&[SIGNED_COOKIES, ("#cookie_age = \"14d\"", "cookie_age = \"1h\"")]);
    let engine = "from django.conf import settings\n\
                  settings.SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'\n\
                  import time\n";
    let log_in = |then: &str, written: &str| {
        site.project.python(&format!(
            "{engine}\
             from django.test import Client\n\
             from unittest import mock\n\
             c, now = Client(), time.time()\n\
             with mock.patch('time.time', lambda: now - {written}):\n    \
                 c.force_login(User.objects.get(username='john'))\n    \
                 s = c.session\n    {then}\n    s.save()\n\
             print(s.session_key)"
        ))
    };
    let good = log_in("s['a'] = 1", "0");
    assert_eq!(site.seen(&good), json!("john"));
    let (data, rest) = good.split_at(1);
    for bad in [format!("x{rest}"), format!("{data}x{rest}"), good[..good.len() - 1].to_owned(), log_in("", "3601")] {
        assert_eq!(site.seen(&bad), Value::Null, "{bad}");
    }
    assert_eq!(site.seen(&log_in("", "3500")), json!("john"));
    assert_eq!(
        site.seen(&log_in("s['_auth_user_id'] = '2'", "0")),
        Value::Null,
        "the hash is of another user's password"
    );
}

#[test]
fn servers_are_asked_alike_and_an_outage_is_not_nobody() {
    for project in [django::Backend::postgres(), django::Backend::mariadb()] {
        let mut site = Site::on(project, &[("#timeout = \"5s\"", "timeout = \"2s\"")]);
        let [seen, unseen] = [(); 2].map(|()| site.log_in("john", ""));
        let over = site.log_in(
            "john",
            "Session.objects.filter(pk=s.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))",
        );
        assert_eq!((site.seen(&seen), site.seen(&over)), (json!("john"), Value::Null));
        site.project.server.stop();
        assert_eq!(site.seen(&seen), json!("john"), "known for a while");
        let refused = widgets(&site.page(&format!("sessionid={unseen}")));
        assert_eq!((refused.status, refused.code().as_str()), (503, "SERVICE_UNAVAILABLE"), "{refused:?}");
        assert!(refused.all("set-cookie").is_empty() && site.stub.requests().is_empty());
        let logout = site.page(&format!("sessionid={unseen}")).graphql(AUTH, "mutation { logout { ok } }", json!({}));
        assert_eq!(
            (logout.status, logout.json()["data"]["logout"].clone()),
            (503, json!({ "ok": false })),
            "not falsely ok"
        );
        site.project.server.resume();
        let start = Instant::now();
        while widgets(&site.page(&format!("sessionid={unseen}"))).status != 200 {
            assert!(start.elapsed() < Duration::from_secs(20), "it is back");
            sleep(Duration::from_millis(50));
        }
        assert_eq!(user_of(&site.stub.take_one()), json!("john"));
    }
}

/// The value of this cookie among those that an answer sets.
fn cookie(answer: &Answer, name: &str) -> String {
    let lines = answer.all("set-cookie");
    let value = lines.iter().find_map(|line| line.strip_prefix(&format!("{name}="))?.split(';').next());
    value.unwrap_or_else(|| panic!("no {name}: {lines:?}")).to_owned()
}

#[test]
fn who_logs_in_at_djangos_own_page_is_in_until_the_logout_there() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("admin", "adminpass1");
    let setup =
        [ACCEPT, KEY, RECHECK].iter().fold(Setup::in_front_of(&backend), |setup, (from, to)| setup.changed(from, to));
    let gateway = setup.start();
    let csrf = cookie(&gateway.client().get("/admin/login/").expect("a page"), "csrftoken");
    let form = |path: &str, cookies: &str, fields: &str| {
        let client = gateway.client().with("Cookie", &format!("csrftoken={csrf}; {cookies}"));
        let client = client.with("Content-Type", "application/x-www-form-urlencoded");
        client.send("POST", path, &format!("csrfmiddlewaretoken={csrf}&{fields}")).expect("an answer")
    };
    // No browser, and so nothing that says where a request comes from: only Django sees the proof in the form.
    let answer = form("/admin/login/", "", "username=admin&password=adminpass1&next=/admin/");
    assert_eq!((answer.status, answer.all("location")), (302, vec!["/admin/"]), "{answer:?}");
    let (session, csrf) = (cookie(&answer, "sessionid"), cookie(&answer, "csrftoken"));
    let cookies = format!("sessionid={session}; csrftoken={csrf}");
    let page = gateway.client().with("Cookie", &cookies).with("Sec-Fetch-Site", "same-origin");
    assert_eq!(page.get("/admin/").expect("a page").status, 200);
    let me = || page.graphql(AUTH, "{ me { username } }", json!({})).json()["data"]["me"].clone();
    assert_eq!(me(), json!({ "username": "admin" }));

    let client = gateway.client().with("Cookie", &cookies).with("Content-Type", "application/x-www-form-urlencoded");
    let out = client.send("POST", "/admin/logout/", &format!("csrfmiddlewaretoken={csrf}")).expect("an answer");
    assert_eq!(out.status, 200, "{out:?}");
    let start = Instant::now();
    while me() != Value::Null {
        assert!(start.elapsed() < Duration::from_secs(20), "still in");
        sleep(Duration::from_millis(50));
    }
}
