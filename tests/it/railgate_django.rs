//! The Django middleware of `deploy/django` behind the real gateway: it takes the gateway's word for who calls, and nobody's
//! else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{hmac, signature::Ed25519KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    client::{Answer, Client},
    gateway::{Gateway, Setup, Tokens},
    ports,
    process::Process,
    template::run,
};

mod readme;

const CONFIG: &str = r#"
state_dir = { env = "RAILGATE_STATE_DIR" }
[[listeners]]
address = { env = "RAILGATE_LISTEN" }
[upstream]
url = { env = "RAILGATE_UPSTREAM" }
[upstream.identity]
assertion = true
audience = "api"
[directory]
url = { env = "RAILGATE_DIRECTORY_URL" }
[mfa]
policy = "off"
"#;

/// What Django runs in.
#[derive(Clone, Copy, Debug)]
enum Server {
    /// WSGI.
    Gunicorn,
    /// ASGI.
    Uvicorn,
}

/// The test project, with its users in a database of its own, and a gateway in front of it.
struct Site {
    gateway: Gateway,
    setup: Setup,
    port: u16,
    _process: Process,
    _folder: TempDir,
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/django")
}

/// The interpreter that has what the middleware needs.
fn python() -> PathBuf {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo/venv");
    Path::new(run(Command::new(venv).arg(package().join("requirements.txt"))).trim()).join("bin/python")
}

impl Site {
    fn start(server: Server, more: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("db.sqlite3");
        let mut command = Command::new(python());
        command.current_dir(package()).env("DATABASE", &database).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("DJANGO_SETTINGS_MODULE", "tests.project.settings");
        django(&command, &["migrate", "-v0"]);
        let users = "from django.contrib.auth.models import User\n\
             for name in ('john', 'eva'): User.objects.create_user(name, password='secret123')";
        django(&command, &["shell", "-c", users]);

        let port = ports::free();
        let url = format!("sqlite://{}", database.display());
        let setup = Setup::bare(port, &url, "").config(CONFIG);
        let gateway = setup.start();
        let mut settings = json!({
            "JWKS_URL": format!("http://127.0.0.1:{}/.well-known/jwks.json", gateway.port),
            "AUDIENCE": "api",
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        command.env("RAILGATE", settings.to_string());
        match server {
            Server::Gunicorn => command.args(["-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "--bind"]),
            Server::Uvicorn => command.args([
                "-m",
                "uvicorn",
                "--factory",
                "django.core.asgi:get_asgi_application",
                "--lifespan",
                "off",
            ]),
        };
        match server {
            Server::Gunicorn => command.arg(format!("127.0.0.1:{port}")),
            Server::Uvicorn => command.args(["--port", &port.to_string()]),
        };
        let mut process = Process::spawn(command, "Django");
        process.wait_until(Duration::from_secs(120), || Client::new(port).get("/sync/").is_ok());
        Self { gateway, setup, port, _process: process, _folder: folder }
    }

    /// A client that goes around the gateway.
    fn around(&self) -> Client {
        Client::new(self.port)
    }

    fn with(&self, assertion: &str) -> Client {
        self.around().with("X-Auth-Assertion", assertion)
    }

    /// An assertion of the gateway's own key over these claims, with this header.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let key = fs::read_to_string(self.setup.state_dir().join("assertion.key")).unwrap();
        let key = URL_SAFE_NO_PAD.decode(key.trim().strip_prefix("k4.secret.").unwrap()).unwrap();
        let pair = Ed25519KeyPair::from_seed_and_public_key(&key[..32], &key[32..]).unwrap();
        let signed = unsigned(header, claims);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())))
    }
}

/// One of Django's commands, as the server will be run.
fn django(like: &Command, arguments: &[&str]) {
    let mut command = Command::new(like.get_program());
    command.current_dir(like.get_current_dir().unwrap()).args(["-m", "django"]).args(arguments);
    run(command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?)))));
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Whom Django takes the caller for; null for nobody.
fn user(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["headers"], json!([]), "the assertion alone speaks");
    answer.json()["user"].clone()
}

fn changed(value: &Value, key: &str, to: Value) -> Value {
    let mut value = value.clone();
    value[key] = to;
    value
}

#[test]
fn django_sees_whom_the_gateway_knows() {
    for server in [Server::Gunicorn, Server::Uvicorn] {
        let site = Site::start(server, &json!({}));
        for name in ["john", "eva"] {
            let tokens = Tokens::of(&site.gateway.login(name, "secret123"));
            for client in [
                site.gateway.client().bearer(&tokens.access),
                site.gateway.client().with("Cookie", &format!("jwt={}", tokens.access)),
            ] {
                for path in ["/sync/", "/async/", "/sync/caf%C3%A9/%7Ea%2Fb?q=%20a&b", "/sync/?"] {
                    assert_eq!(user(&client.get(path).unwrap()), json!(name), "{server:?} {path}");
                }
            }
            let post = site.gateway.client().bearer(&tokens.access).graphql("/graphql/", "{ a }", json!({}));
            assert_eq!(user(&post), json!(name), "{server:?}");
        }
        let forged = site.gateway.client().with("X-Auth-User-Id", "1").with("X_Auth_Username", "john");
        let answer = forged.get("/sync/").unwrap();
        assert_eq!(user(&answer), Value::Null);
        assert_eq!(answer.json()["claims"]["aud"], json!("api"), "of nobody there is an assertion, too");
    }
}

#[test]
fn around_the_gateway_nobody_is_anybody() {
    for server in [Server::Gunicorn, Server::Uvicorn] {
        let site = Site::start(server, &json!({}));
        let tokens = Tokens::of(&site.gateway.login("john", "secret123"));
        let answer = site.gateway.client().bearer(&tokens.access).get("/sync/").unwrap();
        let stolen = answer.json()["assertion"].as_str().unwrap().to_owned();
        let forged =
            site.around().with("X-Auth-User-Id", "1").with("X-Auth-Username", "john").with("X.Auth.User.Id", "1");
        assert_eq!(user(&forged.get("/sync/").unwrap()), Value::Null, "{server:?}");
        assert_eq!(user(&site.around().bearer(&tokens.access).get("/sync/").unwrap()), Value::Null);
        for (method, path) in [("GET", "/async/"), ("GET", "/sync/?a"), ("GET", "/sync/a"), ("POST", "/sync/")] {
            let replayed = site.with(&stolen).send(method, path, "").unwrap();
            assert_eq!(user(&replayed), Value::Null, "{server:?} {method} {path}");
        }

        let part = |at: usize| {
            let part = URL_SAFE_NO_PAD.decode(stolen.split('.').nth(at).unwrap()).unwrap();
            serde_json::from_slice::<Value>(&part).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        let asked = |token: &str| user(&site.with(token).get("/sync/").unwrap());
        assert_eq!(asked(&site.sign(&header, &claims)), json!("john"), "the forger's tools are good");
        let expired = claims["iat"].as_u64().unwrap() - 60;
        for (claim, value) in [
            ("exp", json!(expired)),
            ("exp", Value::Null),
            ("aud", json!("other")),
            ("iss", json!("other")),
            ("htm", json!("POST")),
            ("target", json!("/async/")),
        ] {
            assert_eq!(asked(&site.sign(&header, &changed(&claims, claim, value))), Value::Null, "{server:?} {claim}");
        }
        for (member, value) in [("typ", json!("JWT")), ("alg", json!("none"))] {
            assert_eq!(asked(&site.sign(&changed(&header, member, value), &claims)), Value::Null, "{member}");
        }
        // So soon after the last question the gateway isn't asked for it again, and nobody can tell.
        let unknown = site.with(&site.sign(&changed(&header, "kid", json!("other")), &claims)).get("/sync/").unwrap();
        assert!(unknown.status == 503 || user(&unknown) == Value::Null, "{server:?} {unknown:?}");
        let none = unsigned(&changed(&header, "alg", json!("none")), &claims);
        assert_eq!(asked(&format!("{none}.")), Value::Null);
        let set = site.gateway.client().get("/.well-known/jwks.json").unwrap().json();
        let public = set["keys"][0]["x"].as_str().unwrap();
        let hs256 = unsigned(&changed(&header, "alg", json!("HS256")), &claims);
        for secret in [public.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(public).unwrap()] {
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), hs256.as_bytes());
            assert_eq!(asked(&format!("{hs256}.{}", URL_SAFE_NO_PAD.encode(mac))), Value::Null);
        }
    }
}

#[test]
fn a_site_may_refuse_whoever_comes_around_the_gateway() {
    let site = Site::start(Server::Uvicorn, &json!({ "REQUIRED": true }));
    assert_eq!(site.around().get("/sync/").unwrap().status, 401);
    assert_eq!(site.with("garbage").get("/sync/").unwrap().status, 401);
    assert_eq!(user(&site.gateway.client().get("/sync/").unwrap()), Value::Null);
    let tokens = Tokens::of(&site.gateway.login("john", "secret123"));
    assert_eq!(user(&site.gateway.client().bearer(&tokens.access).get("/async/").unwrap()), json!("john"));
}
