//! A configuration that is read again because it has changed, in whichever way its files are replaced.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    backend::Backend,
    gateway::{Gateway, Setup, Tokens},
    stub::Stub,
};

const IN_FORCE: &str = "was read again and is in force";
const REFUSED: &str = "was read again and can't be used";
const RULE: &str = "[[routes]]\npath = '/reports*'\nauth = 'required'\n";

fn status(gateway: &Gateway) -> u16 {
    gateway.client().get("/reports").unwrap().status
}

/// Waits until it has been read again so many times, and not once more.
fn read_times(gateway: &mut Gateway, count: usize) {
    assert_eq!(gateway.process.wait_for_lines(IN_FORCE, count).len(), count);
}

#[test]
fn a_file_that_is_written_or_replaced_is_read_again_and_a_bad_one_is_told_of_once() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "# routes\n");
    let mut gateway = setup.start();
    assert_eq!(status(&gateway), 200);
    setup.change("# routes\n", RULE);
    read_times(&mut gateway, 1);
    assert_eq!(status(&gateway), 401);

    setup.change("auth = 'required'", "auth = 'requird'");
    gateway.process.wait_for_line(REFUSED);
    assert_eq!(status(&gateway), 401);
    // As editors do it.
    let path = setup.state_dir().join("proxy.toml");
    let draft = setup.state_dir().join(".proxy.toml.swp");
    fs::write(&draft, fs::read_to_string(&path).unwrap().replace("auth = 'requird'", "auth = 'optional'")).unwrap();
    fs::rename(&draft, &path).unwrap();
    read_times(&mut gateway, 2);
    assert_eq!(status(&gateway), 200);
    assert_eq!(gateway.process.output().matches(REFUSED).count(), 1);
}

#[test]
fn with_the_watch_switched_off_only_the_signal_counts() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "[server]\nwatch_config = false\n# routes\n");
    let mut gateway = setup.start();
    setup.change("# routes\n", RULE);
    // A gateway that looks has seen it by then.
    let looking = Setup::before(&stub, "# here\n");
    let mut other = looking.start();
    looking.change("# here\n", "# there\n");
    read_times(&mut other, 1);
    assert_eq!(status(&gateway), 200);
    gateway.reload();
    assert_eq!(status(&gateway), 401);
}

/// A folder as Kubernetes mounts a ConfigMap or a Secret: each name is a link by way of `..data`, which is a link to the
/// folder of the moment.
struct Mount(TempDir);

impl Mount {
    fn of(files: &[(&str, &str)]) -> Self {
        let mount = Self(tempfile::tempdir().unwrap());
        mount.swap("..2026_01", files);
        for (name, _) in files {
            symlink(format!("..data/{name}"), mount.path(name)).unwrap();
        }
        mount
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn swap(&self, folder: &str, files: &[(&str, &str)]) {
        let old = fs::read_link(self.path("..data")).ok();
        fs::create_dir(self.path(folder)).unwrap();
        for (name, text) in files {
            fs::write(self.path(folder).join(name), text).unwrap();
        }
        symlink(folder, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        if let Some(old) = old {
            fs::remove_dir_all(self.path(old.to_str().unwrap())).unwrap();
        }
    }
}

#[test]
fn a_config_map_that_is_swapped_is_read_again() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "# routes\n");
    let text = fs::read_to_string(setup.state_dir().join("proxy.toml")).unwrap();
    let mount = Mount::of(&[("proxy.toml", &text)]);
    let mut gateway = setup.file(&mount.path("proxy.toml")).start();
    for (turn, (rule, expected)) in [(RULE, 401), ("# none\n", 200)].into_iter().enumerate() {
        let folder = format!("..2026_1{turn}");
        mount.swap(&folder, &[("proxy.toml", &text.replace("# routes\n", rule))]);
        read_times(&mut gateway, turn + 1);
        assert_eq!(status(&gateway), expected);
    }
}

fn keygen(arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_railgate"));
    crate::support::template::run(command.arg("keygen").args(arguments))
}

#[test]
fn a_secret_that_is_swapped_is_read_again() {
    let backend = Backend::on_sqlite();
    backend.cheap_password("john", "secret123");
    let [old, new] = [(); 2].map(|()| keygen(&[]));
    let mount = Mount::of(&[("keys", &old)]);
    let given = format!("keys = {{ file = '{}' }}", mount.path("keys").display());
    let setup =
        Setup::in_front_of(&backend).changed("#example: keys = { file = \"/run/secrets/railgate.key\" }", &given);
    let mut gateway = setup.start();
    let tokens = Tokens::of(&gateway.login("john", "secret123"));
    mount.swap("..2026_11", &[("keys", &format!("{new}{old}"))]);
    read_times(&mut gateway, 1);
    assert_eq!(gateway.whoami(&tokens.access), json!("john"));
    mount.swap("..2026_12", &[("keys", &new)]);
    read_times(&mut gateway, 2);
    assert_eq!(gateway.whoami(&tokens.access), Value::Null);
}

#[test]
fn a_key_of_the_gateways_own_that_is_rotated_is_read_again() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "");
    let mut gateway = setup.start();
    let path = setup.state_dir().join("railgate.key");
    let rotated = keygen(&["--rotate", path.to_str().unwrap()]);
    let next = rotated.lines().find(|line| line.contains("signs next")).unwrap().split_whitespace().last().unwrap();
    read_times(&mut gateway, 1);
    assert!(gateway.process.wait_for_lines("keys signs=", 2)[1].contains(next));
}

#[test]
fn a_file_that_it_speaks_of_and_that_comes_later_is_waited_for() {
    let stub = Stub::start();
    let setup = Setup::before(&stub, "# keys\n");
    let mut gateway = setup.start();
    let path: &Path = &setup.state_dir().join("later.key");
    setup.change("# keys\n", &format!("keys = {{ file = '{}' }}\n", path.display()));
    let said = gateway.process.wait_for_line("later.key can't be read");
    assert!(said.contains("ERROR"), "{said}");
    fs::write(path, keygen(&[])).unwrap();
    read_times(&mut gateway, 1);
}
