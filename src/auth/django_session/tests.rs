//! What Django wrote is read; what it would not write, or take back, is nobody's.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use miniz_oxide::deflate::compress_to_vec_zlib;
use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::{DjangoSessions, Engine, Opened, Trust};
use crate::{
    directory::{BackendSessions, DirectoryError, DirectoryErrorKind, StoredSession},
    model::{EncodedPassword, PlainToken, Secret, Timestamp},
};

const SECRET: &str = "the project's secret, 32 bytes or more";
const MODEL: &str = "django.contrib.auth.backends.ModelBackend";
/// When Django 5.2 wrote what follows, with that secret.
const WRITTEN: Timestamp = Timestamp::from_secs(1_800_000_000);
const PASSWORD: &str = "pbkdf2_sha256$10$seasalt$PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=";
const HASH: &str = "6b4295abbaf87e83b67b153c72652e77ea9099cca965cccf9093375aad3ea0e6";
const ROW: &str = ".eJxVjMEOwiAQRP-FsyEtCFs8evcbyO6ylaqBpLQn47_bJj3ocea9mbeKuC45rk3mOCV1Ub06_XaE_JSyg_TAcq-aa1nmifSu6IM2fatJXtfD_TvI2PK29nQ2wSERjgPIYMkD9c4yGO-MAAiGLgRmDN4x87gla8EhJivYiVefL-qhOEM:1xocE4:zuSAGb_eP8ajNdqHrJAg_CUxnxWuNezSQw1NtIz6tiY";
const COOKIE: &str = ".eJxVjMEOwiAQRP-FsyEtCFs8evcbyO6ylaqBpLQn47_bJj3ocea9mbeKuC45rk3mOCV1Ub06_XaE_JSyg_TAcq-aa1nmifSu6IM2fatJXtfD_TvI2PK29nQ2wSERjgPIYMkD9c4yGO-MAAiGLgRmDN4x87gla8EhJivYiVefL-qhOEM:1xocE4:URkdBTMHczh0EQDg8sci-YcnwSM4b0MQXIVIx-FzQzw";
/// A visitor's, with a cart in it.
const VISITOR: &str = "eyJjYXJ0IjpbMSwyXX0:1xocE4:znlqWdy2Neb-XLzjx2jZt76xnwyRc3wuS5guALZsNnI";
/// The same login as [`ROW`], signed for something else.
const ELSEWHERE: &str = ".eJxVjMEOwiAQRP-FsyEtCFs8evcbyO6ylaqBpLQn47_bJj3ocea9mbeKuC45rk3mOCV1Ub06_XaE_JSyg_TAcq-aa1nmifSu6IM2fatJXtfD_TvI2PK29nQ2wSERjgPIYMkD9c4yGO-MAAiGLgRmDN4x87gla8EhJivYiVefL-qhOEM:1xocE4:jZXB8Mv0Ina_mHW_50XZC6xsOGvjGnDT3gtuq4y1mMo";
const AGE: Duration = Duration::from_secs(14 * 86_400);

fn trust(secrets: &[&str], backends: &[&str]) -> Trust {
    Trust {
        secrets: secrets.iter().map(|secret| Secret::new(*secret)).collect(),
        backends: backends.iter().map(|backend| (*backend).to_owned()).collect(),
    }
}

fn by_cookie(trust: Trust) -> DjangoSessions {
    DjangoSessions::new(Engine::SignedCookies { lifetime: AGE }, trust)
}

/// One row.
#[derive(Debug)]
struct Table {
    data: String,
    asked: Mutex<Vec<String>>,
    is_down: bool,
}

#[async_trait]
impl BackendSessions for Table {
    async fn backend_session(&self, cookie: &PlainToken) -> Result<Option<StoredSession>, DirectoryError> {
        if self.is_down {
            return Err(DirectoryError::new(DirectoryErrorKind::Unavailable, "down"));
        }
        self.asked.lock().unwrap().push(cookie.expose().to_owned());
        Ok(Some(StoredSession { data: Secret::new(self.data.clone()), expires: WRITTEN.after(AGE) }))
    }
}

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";

async fn by_row(data: &str, trust: Trust) -> Option<Opened> {
    let table = Arc::new(Table { data: data.to_owned(), asked: Mutex::default(), is_down: false });
    DjangoSessions::new(Engine::Database(table), trust).open(&PlainToken::new(KEY), WRITTEN).await.unwrap()
}

async fn opens(cookie: &str, now: Timestamp) -> bool {
    by_cookie(trust(&[SECRET], &[MODEL])).open(&PlainToken::new(cookie), now).await.unwrap().is_some()
}

/// Signs as Django does, whatever the data.
fn sign(data: &str, written: &str) -> String {
    let derived = Sha256::digest(format!("django.contrib.sessions.backends.signed_cookiessigner{SECRET}"));
    let signed = format!("{data}:{written}");
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &derived), signed.as_bytes());
    format!("{signed}:{}", URL_SAFE_NO_PAD.encode(mac))
}

fn saying(json: &str) -> String {
    sign(&URL_SAFE_NO_PAD.encode(json), "1xocE4")
}

#[tokio::test]
async fn a_login_in_a_row_or_in_a_cookie_is_read() {
    let in_row = by_row(ROW, trust(&[SECRET], &[MODEL])).await.unwrap();
    let sessions = by_cookie(trust(&[SECRET], &[MODEL]));
    let in_cookie = sessions.open(&PlainToken::new(COOKIE), WRITTEN).await.unwrap().unwrap();
    for opened in [in_row, in_cookie] {
        assert_eq!((opened.login.user.as_str(), opened.expires), ("1", WRITTEN.after(AGE)));
        assert!(sessions.fits(&opened.login, &EncodedPassword::new(PASSWORD)));
        assert!(!sessions.fits(&opened.login, &EncodedPassword::new("!")));
        assert!(!sessions.fits(&opened.login, &EncodedPassword::default()));
        let stranger = by_cookie(trust(&["another project's secret, 32 bytes or so"], &[MODEL]));
        assert!(!stranger.fits(&opened.login, &EncodedPassword::new(PASSWORD)));
    }
}

#[tokio::test]
async fn fallbacks_count_for_signature_and_password() {
    let sessions = by_cookie(trust(&["the next secret of it, 32 bytes or more", SECRET], &[MODEL]));
    let opened = sessions.open(&PlainToken::new(COOKIE), WRITTEN).await.unwrap().unwrap();
    assert!(sessions.fits(&opened.login, &EncodedPassword::new(PASSWORD)));
    assert!(by_row(ROW, trust(&["the next secret of it, 32 bytes or more"], &[MODEL])).await.is_none());
}

#[tokio::test]
async fn a_byte_that_is_not_djangos_makes_it_nobodys() {
    assert!(opens(COOKIE, WRITTEN).await);
    for at in 0..COOKIE.len() {
        for other in [b'A', b'_', b':', b'.'] {
            let mut bytes = COOKIE.as_bytes().to_vec();
            if std::mem::replace(&mut bytes[at], other) == other {
                continue;
            }
            assert!(!opens(&String::from_utf8(bytes).unwrap(), WRITTEN).await, "{at} {other}");
        }
        assert!(!opens(&COOKIE[..at], WRITTEN).await, "{at}");
    }
    for end in ["=", "A", ":", " ", "\n"] {
        assert!(!opens(&format!("{COOKIE}{end}"), WRITTEN).await, "{end:?}");
    }
}

#[tokio::test]
async fn what_was_signed_for_something_else_is_no_session() {
    for data in [COOKIE, ELSEWHERE, VISITOR] {
        assert!(by_row(data, trust(&[SECRET], &[MODEL])).await.is_none(), "{data}");
    }
    for cookie in [ROW, ELSEWHERE, VISITOR, "", "::", "a:b:c", KEY] {
        assert!(!opens(cookie, WRITTEN).await, "{cookie}");
    }
}

#[tokio::test]
async fn a_cookie_counts_from_when_it_was_written_until_it_is_too_old() {
    let second = Duration::from_secs(1);
    for (now, counts) in [
        (WRITTEN.before(Duration::from_secs(61)), false),
        (WRITTEN.before(Duration::from_secs(60)), true),
        (WRITTEN.after(AGE).before(second), true),
        (WRITTEN.after(AGE), false),
    ] {
        assert_eq!(opens(COOKIE, now).await, counts, "{now}");
    }
    let login = format!(r#"{{"_auth_user_id":"1","_auth_user_backend":"{MODEL}","_auth_user_hash":"{HASH}"}}"#);
    assert!(opens(&saying(&login), WRITTEN).await);
    for odd in ["", "-1xocE4", "1xocE!", "zzzzzzzzzzzzzzzz", "1 xocE4", "0"] {
        assert!(!opens(&sign(&URL_SAFE_NO_PAD.encode(&login), odd), WRITTEN).await, "{odd}");
    }
}

#[tokio::test]
async fn every_part_of_a_login_has_to_be_there_and_of_its_type() {
    let says = async |user: &str, backend: &str, hash: &str| {
        let json = format!(
            r#"{{"cart":[1,2],"_auth_user_id":{user},"_auth_user_backend":{backend},"_auth_user_hash":{hash}}}"#
        );
        opens(&saying(&json), WRITTEN).await
    };
    let (backend, hash) = (format!("{MODEL:?}"), format!("{HASH:?}"));
    assert!(says(r#""1""#, &backend, &hash).await);
    for user in ["1", "null", "[]", "true", r#""1","_auth_user_id":"2""#] {
        assert!(!says(user, &backend, &hash).await, "{user}");
    }
    for other in ["null", r#""""#, r#""project.Ldap""#, "[]"] {
        assert!(!says(r#""1""#, other, &hash).await, "{other}");
    }
    for other in ["null", r#""""#, &hash.to_uppercase(), &format!("{:?}", &HASH[2..]), &format!("\"{HASH}00\""), "7"] {
        assert!(!says(r#""1""#, &backend, other).await, "{other}");
    }
    for odd in ["", "null", "[]", "{}", "{", &format!(r#"{{"_auth_user_id":"1","_auth_user_backend":{backend}}}"#)] {
        assert!(!opens(&saying(odd), WRITTEN).await, "{odd}");
    }
    // A pickle, as older projects write.
    assert!(!opens(&sign(&URL_SAFE_NO_PAD.encode(b"\x80\x04\x95\x0f\x00."), "1xocE4"), WRITTEN).await);
}

#[tokio::test]
async fn backends_that_are_not_listed_let_nobody_in() {
    assert!(by_row(ROW, trust(&[SECRET], &["project.Ldap", MODEL])).await.is_some());
    assert!(by_row(ROW, trust(&[SECRET], &["project.Ldap"])).await.is_none());
}

#[tokio::test]
async fn what_is_unpacked_is_bounded() {
    let packed = |size: usize| {
        let login = format!(r#""_auth_user_id":"1","_auth_user_backend":"{MODEL}","_auth_user_hash":"{HASH}""#);
        let json = format!(r#"{{"padding":"{}",{login}}}"#, " ".repeat(size));
        sign(&format!(".{}", URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(json.as_bytes(), 9))), "1xocE4")
    };
    assert!(opens(&packed(1_000_000), WRITTEN).await);
    assert!(!opens(&packed(100_000_000), WRITTEN).await);
    assert!(!opens(&sign(".AAAA", "1xocE4"), WRITTEN).await);
}

#[tokio::test]
async fn only_what_can_be_a_key_is_asked_for_and_a_row_that_has_run_out_is_none() {
    let table = Arc::new(Table { data: ROW.to_owned(), asked: Mutex::default(), is_down: false });
    let sessions = DjangoSessions::new(Engine::Database(table.clone()), trust(&[SECRET], &[MODEL]));
    let open = async |key: &str, now| sessions.open(&PlainToken::new(key), now).await.unwrap();
    for odd in ["", &KEY[1..], &format!("{KEY}a"), &KEY.to_uppercase(), &KEY.replace('0', "'"), COOKIE] {
        assert!(open(odd, WRITTEN).await.is_none(), "{odd}");
        assert!(!sessions.could_be_one(&PlainToken::new(odd)), "{odd}");
    }
    assert!(table.asked.lock().unwrap().is_empty());
    assert!(open(KEY, WRITTEN.after(AGE).before(Duration::from_secs(1))).await.is_some());
    assert!(open(KEY, WRITTEN.after(AGE)).await.is_none());
    assert_eq!(*table.asked.lock().unwrap(), [KEY, KEY]);

    let table = Arc::new(Table { data: ROW.to_owned(), asked: Mutex::default(), is_down: true });
    let sessions = DjangoSessions::new(Engine::Database(table), trust(&[SECRET], &[MODEL]));
    assert!(sessions.open(&PlainToken::new(KEY), WRITTEN).await.is_err(), "an outage is not nobody");
}

#[test]
fn neither_secrets_nor_sessions_are_shown() {
    let shown = format!("{:?}", by_cookie(trust(&[SECRET], &[MODEL])));
    assert!(!shown.contains("project's secret") && shown.contains(MODEL), "{shown}");
    let stored = StoredSession { data: Secret::new(ROW), expires: WRITTEN };
    assert!(!format!("{stored:?}").contains("eJx"));
}
