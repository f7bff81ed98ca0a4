//! Keys that are changed under running gateways: nobody is logged out, until a key is dropped.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    backend::Backend,
    gateway::{AUTH, Gateway, Setup, Tokens},
    redis::RedisServer,
    template::run,
};

fn keygen(arguments: &[&str]) -> String {
    run(Command::new(env!("CARGO_BIN_EXE_railgate")).arg("keygen").args(arguments))
}

/// What stands in the file at each of the roles that `keygen` tells of.
fn rotate(option: &str, path: &Path) -> Vec<String> {
    let told = keygen(&[option, path.to_str().unwrap()]);
    told.lines().filter(|line| line.contains("k4.lid.")).map(|line| line.trim().to_owned()).collect()
}

fn log_in(gateway: &Gateway) -> Tokens {
    Tokens::of(&gateway.login("john", "secret123"))
}

/// Two gateways on one Redis and one key file.
struct Fleet {
    setup: Setup,
    gateways: [Gateway; 2],
    folder: TempDir,
    _redis: RedisServer,
    _backend: Backend,
}

impl Fleet {
    fn start() -> Self {
        let (backend, redis, folder) = (Backend::on_sqlite(), RedisServer::start(), tempfile::tempdir().unwrap());
        backend.cheap_password("john", "secret123");
        let path = folder.path().join("railgate.key");
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut file, keygen(&[]).as_bytes()).unwrap();
        let keys = format!("keys = {{ file = '{}' }}", path.display());
        let setup = Setup::in_front_of(&backend)
            .store(&redis.url())
            .changed("#example: keys = { file = \"/run/secrets/railgate.key\" }", &keys);
        let gateways = [setup.start(), setup.start()];
        Self { setup, gateways, folder, _redis: redis, _backend: backend }
    }

    fn keys(&self) -> std::path::PathBuf {
        self.folder.path().join("railgate.key")
    }

    fn restart(&mut self, at: usize) {
        self.gateways[at] = self.setup.start();
    }

    /// A session that begins on one gateway is good on both, and its refresh token on the other one.
    fn agree(&self, when: &str) {
        for (here, there) in [(0, 1), (1, 0)] {
            let tokens = log_in(&self.gateways[here]);
            for gateway in &self.gateways {
                assert_eq!(gateway.whoami(&tokens.access), json!("john"), "{when}, by {here}");
            }
            let renewed = Tokens::of(&self.gateways[there].refresh(&tokens.refresh));
            assert_eq!(self.gateways[here].whoami(&renewed.access), json!("john"), "{when}, by {there}");
        }
    }
}

#[test]
fn a_rotation_over_two_gateways_logs_nobody_out_and_a_dropped_key_does() {
    let mut fleet = Fleet::start();
    let [idle, leaving, used] = [(); 3].map(|()| log_in(&fleet.gateways[0]));

    let prepared = rotate("--rotate", &fleet.keys());
    assert_eq!(prepared.len(), 2);
    fleet.restart(0);
    fleet.agree("one knows the next key");
    fleet.restart(1);

    let rotated = rotate("--rotate", &fleet.keys());
    assert_eq!(rotated[0], prepared[1].replace("signs next  ", "signs       "));
    assert_eq!(rotated[2], prepared[0].replace("signs       ", "has signed  "));
    fleet.restart(0);
    fleet.agree("one signs by the next key");
    let started = fleet.gateways[0].process.wait_for_line("signs=");
    assert!(rotated.iter().all(|line| started.contains(line.split_whitespace().last().unwrap())), "{started}");
    fleet.restart(1);
    fleet.agree("both sign by it");
    for gateway in &fleet.gateways {
        assert_eq!(gateway.whoami(&idle.access), json!("john"), "from before the first rotation");
    }
    let used = Tokens::of(&fleet.gateways[1].refresh(&used.refresh));

    let with_the_old_key = fs::read_to_string(fleet.keys()).unwrap();
    assert_eq!(rotate("--drop-old", &fleet.keys()), rotated[..2]);
    fleet.restart(0);
    fleet.restart(1);
    fleet.agree("without the old key");
    let [gateway, _] = &fleet.gateways;
    assert_eq!(gateway.whoami(&used.access), json!("john"), "refreshed since");
    assert_eq!(gateway.whoami(&idle.access), Value::Null);
    assert_eq!(gateway.refresh(&idle.refresh)["errorCode"], json!("REFRESH_TOKEN_INVALID"));
    let cookies = gateway.client().with("Cookie", &format!("refresh_token={}", leaving.refresh));
    let logout = cookies.with("Sec-Fetch-Site", "same-origin").graphql(AUTH, "mutation { logout { ok } }", json!({}));
    assert_eq!(logout.json(), json!({ "data": { "logout": { "ok": true } } }));

    fs::write(fleet.keys(), with_the_old_key).unwrap();
    fleet.restart(0);
    assert_eq!(fleet.gateways[0].refresh(&leaving.refresh)["ok"], json!(false), "it was logged out, not only refused");
    assert_eq!(fleet.gateways[0].refresh(&idle.refresh)["ok"], json!(true));
}

#[test]
fn a_single_gateway_rotates_the_key_that_it_made() {
    let backend = Backend::on_sqlite();
    let setup = Setup::in_front_of(&backend);
    let mut gateway = setup.start();
    let tokens = log_in(&gateway);
    let path = setup.state_dir().join("railgate.key");
    for keys in [2, 3] {
        assert_eq!(rotate("--rotate", &path).len(), keys);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    gateway.process.kill();
    let gateway = setup.start();
    assert_eq!(gateway.whoami(&tokens.access), json!("john"));
    assert_eq!(gateway.refresh(&tokens.refresh)["ok"], json!(true));
}

#[test]
fn a_jwt_secret_is_changed_like_a_key() {
    let (backend, redis) = (Backend::on_sqlite(), RedisServer::start());
    // Each with a key of its own, as by mistake: what another one made by it then says nothing, and ends nothing.
    let setup = |secrets: &str| {
        Setup::in_front_of(&backend)
            .store(&redis.url())
            .changed("#format = \"paseto\"", "format = \"jwt\"")
            .changed("#example: jwt_secret = { env = \"RAILGATE_JWT_SECRET\" }", &format!("jwt_secret = {secrets}"))
    };
    let [old, new] = ["'the old secret, of 32 bytes or more'", "'the new secret, of 32 bytes or more'"];
    let [before, adding, after] =
        [setup(old), setup(&format!("[{old}, {new}]")), setup(&format!("[{new}, {old}]"))].map(|setup| setup.start());
    let [by_old, still_by_old, by_new] = [&before, &adding, &after].map(|gateway| log_in(gateway).access);
    for gateway in [&adding, &after] {
        for token in [&by_old, &still_by_old, &by_new] {
            assert_eq!(gateway.whoami(token), json!("john"));
        }
    }
    assert_eq!(before.whoami(&still_by_old), json!("john"));
    assert_eq!(before.whoami(&by_new), Value::Null, "it does not know the new one");
}

#[test]
fn keygen_says_why_it_leaves_a_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_railgate")).arg("keygen").args(arguments).current_dir(&folder).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let missing = "railgate: key file missing: No such file or directory (os error 2)\n".to_owned();
    assert_eq!(refused(&["--rotate", "missing"]), (Some(1), missing.clone()));
    assert_eq!(refused(&["--drop-old", "missing"]), (Some(1), missing));
    assert_eq!(refused(&["--rotate", "a", "--drop-old", "a"]).0, Some(2));
    assert_eq!(refused(&["--rotate"]).0, Some(2));
}
