//! Hashes that Django makes during the test, with every hasher that it ships: on each kind of directory, each of them opens
//! its account by its password and by no other.

use railgate::{
    auth::passwords::{Argon2Cost, Bounds, Checked, HashingPool, Passwords, Policy, PoolLimits, Preferred, ScryptCost},
    model::{EncodedPassword, Secret},
};
use serde::Deserialize;

use super::*;
use crate::{
    support::{self, django},
    upstream, users,
};

/// What Django made of a password, and what it says of it.
#[derive(Deserialize)]
struct Made {
    username: String,
    password: String,
    encoded: String,
    /// Whether Django takes the password with its last letter missing, as bcrypt does far behind its 72 bytes.
    shorter: bool,
    /// Whether Django would make the hash anew, by what it prefers.
    outdated: Vec<bool>,
}

/// Makes users with each hasher and each password, and prints them.
const MAKE: &str = r#"
import json
import argon2
from django.contrib.auth import hashers as h

def like(base, **cost):
    return type(base.__name__, (base,), cost)()

class Argon2d(h.Argon2PasswordHasher):
    def params(self):
        params = super().params()
        params.type = argon2.Type.D
        return params

class Argon2i(h.Argon2PasswordHasher):
    def params(self):
        params = super().params()
        params.type = argon2.Type.I
        return params

class OldArgon2(h.Argon2PasswordHasher):
    """As version 1.2 wrote it: no version."""
    def encode(self, password, salt):
        data = argon2.low_level.hash_secret(password.encode(), salt.encode(), time_cost=self.time_cost,
            memory_cost=self.memory_cost, parallelism=self.parallelism, hash_len=16, type=argon2.Type.I, version=16)
        return self.algorithm + data.decode().replace('$v=16', '')

class Unsalted(h.MD5PasswordHasher):
    def encode(self, password, salt):
        import hashlib
        return hashlib.md5(password.encode()).hexdigest()
    def verify(self, password, encoded):
        return self.encode(password, '') == encoded

class EmptySalt(Unsalted):
    def encode(self, password, salt):
        return 'md5$$' + super().encode(password, salt)

SMALL = dict(time_cost=1, memory_cost=64, parallelism=2)
preferred = [
    like(h.PBKDF2PasswordHasher, iterations=1000), like(h.Argon2PasswordHasher, **SMALL),
    like(h.BCryptSHA256PasswordHasher, rounds=4), like(h.ScryptPasswordHasher, work_factor=16, parallelism=1),
]
makers = preferred + [
    like(h.PBKDF2PasswordHasher, iterations=1001), like(h.PBKDF2SHA1PasswordHasher, iterations=1000),
    like(Argon2d, **SMALL), like(Argon2i, **SMALL), like(OldArgon2, **SMALL), like(h.Argon2PasswordHasher, **SMALL | {'time_cost': 2}),
    like(h.BCryptSHA256PasswordHasher, rounds=5), like(h.BCryptPasswordHasher, rounds=4),
    like(h.ScryptPasswordHasher, work_factor=32, parallelism=1), h.MD5PasswordHasher(), Unsalted(), EmptySalt(),
]
at_djangos_cost = [h.PBKDF2PasswordHasher(), h.PBKDF2SHA1PasswordHasher(), h.Argon2PasswordHasher(),
    h.BCryptSHA256PasswordHasher(), h.BCryptPasswordHasher(), h.ScryptPasswordHasher()]
passwords = ['secret123', '', 'motdepasse-é7-長い🔑', 'long ' * 200]
# Up to what bcrypt sees, and beyond it, also in the middle of a letter.
round_72_bytes = ['x' * 71, 'x' * 72, 'x' * 73, 'é' * 40, 'x' * 71 + 'é', 'a\0b']

def outdated(hasher, encoded):
    def by(wanted):
        if isinstance(hasher, Unsalted) or hasher.algorithm != wanted.algorithm:
            return True
        return wanted.must_update(encoded)
    return [by(wanted) for wanted in preferred]

def make(hasher, password, salt=None):
    encoded = hasher.encode(password, salt or hasher.salt())
    assert hasher.verify(password, encoded), (hasher, password)
    username = f'u{len(made)}'
    made.append(dict(username=username, password=password, encoded=encoded,
        shorter=bool(password) and hasher.verify(password[:-1], encoded), outdated=outdated(hasher, encoded)))
    users.append(User(username=username, password=encoded, email=''))

made, users = [], []
for hasher in makers:
    for password in passwords + (round_72_bytes if 'bcrypt' in hasher.algorithm else []):
        make(hasher, password)
for hasher in at_djangos_cost:
    make(hasher, 'secret123')
for hasher in preferred[:2] + preferred[3:]:
    make(hasher, 'secret123', 'shortsalt')
User.objects.bulk_create(users)
print(json.dumps(made))
"#;

/// Makes them on this database.
fn make(project: &django::Backend) -> Vec<Made> {
    let made: Vec<Made> = serde_json::from_str(&project.python_with_hashers(MAKE)).unwrap();
    assert!(made.len() > 80, "{}", made.len());
    made
}

/// By a gateway that looks into this database.
fn open_in_the_database(backend: &Backend) -> Vec<Made> {
    let (made, stub) = (make(backend), Stub::start());
    let gateway = setup(backend, &stub, "legacy_md5 = true\niterations = 1").start();
    made.iter().for_each(|made| opens_its_account(&gateway, made));
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn what_django_hashed_opens_its_account_on_sqlite_and_is_old_where_django_says_so() {
    let made = open_in_the_database(&Backend::sqlite());
    is_old_where_django_says_so(&made).await;
}

#[test]
fn what_django_hashed_opens_its_account_on_postgresql() {
    open_in_the_database(&Backend::postgres());
}

#[test]
fn what_django_hashed_opens_its_account_on_mariadb() {
    open_in_the_database(&Backend::mariadb());
}

#[test]
fn what_django_hashed_opens_its_account_in_a_file() {
    let django = Backend::sqlite();
    let made = make(&django);
    let hashing = "[hashing]\nlegacy_md5 = true\npreferred = \"pbkdf2_sha256\"\niterations = 1\n[throttle]\n";
    let place = users::Place::configured(hashing, Setup::unthrottled);
    place.done(&["import", "-"], &users::dump(&django, &[]));
    let gateway = place.setup.start();
    made.iter().for_each(|made| opens_its_account(&gateway, made));
}

/// The backend checks what it has a hasher for: Django's own without further packages.
#[test]
fn what_django_hashed_opens_its_account_at_the_backends_own_login() {
    let backend = support::backend::Backend::on_sqlite();
    let made = make(backend.project());
    let by_itself = |made: &&Made| {
        let algorithm = made.encoded.split('$').next().unwrap();
        ["pbkdf2_sha256", "pbkdf2_sha1", "scrypt"].contains(&algorithm)
    };
    let gateway = upstream::setup(backend.port, "max_failures = 0\n[throttle]\n").unthrottled().start();
    let opened = made.iter().filter(by_itself).inspect(|made| opens_its_account(&gateway, made)).count();
    assert!(opened > 20, "{opened}");
}

/// By its password and, of a shorter one, where Django says so.
fn opens_its_account(gateway: &Gateway, Made { username, password, encoded, shorter, .. }: &Made) {
    let opens = |password: &str| {
        let payload = gateway.login(username, password);
        assert!(payload["ok"] == json!(true) || payload["errorCode"] == json!("INVALID_CREDENTIALS"), "{payload}");
        payload["user"]["username"] == json!(username)
    };
    assert!(opens(password), "{password:?} {encoded}");
    assert!(!opens(&format!("y{password}")), "{password:?} {encoded}");
    let mut cut = password.clone();
    if cut.pop().is_some() {
        assert_eq!(opens(&cut), *shorter, "{password:?} {encoded}");
    }
}

async fn is_old_where_django_says_so(made: &[Made]) {
    let preferred = [
        Preferred::Pbkdf2Sha256 { iterations: 1000 },
        Preferred::Argon2(Argon2Cost { memory: 64, passes: 1, lanes: 2 }),
        Preferred::BcryptSha256 { rounds: 4 },
        Preferred::Scrypt(ScryptCost { work: 16, block: 8, lanes: 1 }),
    ];
    for (index, preferred) in preferred.into_iter().enumerate() {
        let limits = PoolLimits { threads: 1, queue: 1, deadline: Duration::from_secs(60) };
        let bounds = Bounds { legacy_md5: true, ..Bounds::default() };
        let passwords = Passwords::new(HashingPool::start(limits).unwrap());
        let passwords = passwords.with_policy(Policy { preferred, bounds, upgrade: true });
        for Made { password, encoded, outdated, .. } in made {
            let column = EncodedPassword::new(encoded);
            let checked = passwords.check(Secret::new(password), Some(&column)).await.unwrap();
            // Django would make a hash of what was typed, of which bcrypt has seen a part.
            let is_cut = encoded.starts_with("bcrypt$") && (password.len() >= 72 || password.contains('\0'));
            let expected = if outdated[index] && !is_cut { Checked::Outdated } else { Checked::Right };
            assert_eq!(checked, expected, "{preferred:?} {encoded}");
        }
    }
}
