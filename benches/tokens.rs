//! What verifying an access token costs, which every authenticated request pays, and what signing an assertion does, where
//! they are on: `cargo bench --bench tokens`.
//!
//! - `verify`: as the gateway does it, of a token with e-mail address and two roles
//! - `verify_by_the_last_of`: where the token was made by the last of several keys
//! - `verify_again`: of a token that was verified before, and is remembered
//! - `assert`: the assertion of such a caller

use std::{sync::Arc, time::Duration};

use railgate::{
    auth::{
        assertion::{AssertionKey, AssertionKeys, Assertions, Terms},
        tokens::{AccessFormat, AccessTokens, Authenticator, Key, KeyRing, Occasion, OptionalClaims, Remembered},
    },
    model::{
        AuthMethod, Clock, PlainToken, Principal, Role, Secret, SessionId, SystemClock, SystemEntropy, User, UserId,
    },
};

fn main() {
    divan::main();
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Paseto,
    Jwt,
}

const FORMATS: [Format; 2] = [Format::Paseto, Format::Jwt];

fn user() -> User {
    let now = SystemClock.now();
    User {
        id: UserId::new("42"),
        username: "john".into(),
        email: "john@example.com".into(),
        first_name: String::new(),
        last_name: String::new(),
        is_staff: false,
        is_superuser: false,
        is_active: true,
        date_joined: now,
        last_login: None,
        permissions: Vec::new(),
        roles: ["editors", "reviewers"]
            .map(|name| Role { id: name.into(), name: name.into(), permissions: Vec::new() })
            .into(),
    }
}

fn keys(count: usize) -> Vec<Secret> {
    (0..count).map(|_| Key::generate(&SystemEntropy).unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn tokens(format: Format, keys: &[Secret]) -> AccessTokens {
    let ring = KeyRing::parse(keys).unwrap_or_else(|error| panic!("{error}"));
    let format = match format {
        Format::Paseto => AccessFormat::Paseto,
        Format::Jwt => AccessFormat::Jwt { secret: keys[0].clone(), others: keys[1..].to_vec() },
    };
    AccessTokens::new(format, &ring, None, OptionalClaims { email: true, roles: true, permissions: false })
}

fn issue(tokens: &AccessTokens) -> PlainToken {
    let now = SystemClock.now();
    let occasion = Occasion {
        session: SessionId::from_bytes([3; 16]),
        issued: now,
        expires: now.after(Duration::from_secs(3_600)),
        auth_time: now,
        mfa: false,
    };
    tokens.issue(&user(), occasion, &SystemEntropy).unwrap_or_else(|error| panic!("{error}")).token
}

fn authenticator(tokens: AccessTokens) -> Authenticator {
    Authenticator::new(Arc::new(tokens), Arc::default(), Arc::new(SystemClock))
}

fn caller(authenticator: &Authenticator, token: &PlainToken) -> Principal {
    authenticator.authenticate(token.expose(), AuthMethod::Bearer).unwrap_or_else(|error| panic!("{error}"))
}

#[divan::bench(args = FORMATS)]
fn verify(bencher: divan::Bencher<'_, '_>, format: Format) {
    let tokens = tokens(format, &keys(1));
    let token = issue(&tokens);
    let authenticator = authenticator(tokens);
    bencher.bench(|| caller(&authenticator, divan::black_box(&token)));
}

#[divan::bench(args = FORMATS, consts = [2, 4])]
fn verify_by_the_last_of<const KEYS: usize>(bencher: divan::Bencher<'_, '_>, format: Format) {
    let keys = keys(KEYS);
    let token = issue(&tokens(format, &keys[KEYS - 1..]));
    let authenticator = authenticator(tokens(format, &keys));
    bencher.bench(|| caller(&authenticator, divan::black_box(&token)));
}

#[divan::bench(args = FORMATS)]
fn verify_again(bencher: divan::Bencher<'_, '_>, format: Format) {
    let tokens = tokens(format, &keys(1));
    let token = issue(&tokens);
    let remembered = Remembered::new(Arc::new(authenticator(tokens)));
    bencher.bench_local(|| {
        let token = divan::black_box(&token).expose();
        remembered.authenticate(token, AuthMethod::Bearer).unwrap_or_else(|error| panic!("{error}"))
    });
}

#[divan::bench]
fn assert(bencher: divan::Bencher<'_, '_>) {
    let tokens = tokens(Format::Paseto, &keys(1));
    let token = issue(&tokens);
    let caller = caller(&authenticator(tokens), &token);
    let key = AssertionKey::generate(&SystemEntropy).unwrap_or_else(|error| panic!("{error}"));
    let keys = AssertionKeys::parse([&key]).unwrap_or_else(|error| panic!("{error}"));
    let (issuer, audience, lifetime) = ("railgate".to_owned(), "api".to_owned(), Duration::from_secs(30));
    let assertions = Assertions::new(keys, Terms { issuer, audience, lifetime, permissions: false });
    let now = SystemClock.now();
    bencher.bench(|| assertions.sign(Some(divan::black_box(&caller)), "POST", "/graphql/", now));
}
