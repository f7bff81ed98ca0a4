//! A backend that fails while its tokens are renewed: nobody's session ends for that, and no token is shown twice at once.

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use railgate::{
    auth::{
        backend::SealedTokens,
        tokens::{Key, KeyRing},
    },
    directory::{
        BackendEntry, BackendLogin as _, BackendTokens as _, Credentials, Directory as _, DirectoryError,
        DirectoryErrorKind, KeptText, TokenVault,
        upstream::{UpstreamDirectory, UpstreamSettings, Wording},
    },
    model::{Clock as _, Secret, SystemEntropy, UserId},
};
use zeroize::Zeroizing;

use super::renewal::{Later, wording};
use crate::{
    store::fixture::{Embedded, Fixture as _},
    support::stub::{self, Stub},
};

const USER: &str = r#"{"id":"7","username":"ada"}"#;

/// A backend that says what it is told to, by what it is asked: `login(`, `refreshToken(` or `me`.
#[derive(Clone, Default)]
struct Says(Arc<Mutex<HashMap<&'static str, String>>>);

impl Says {
    /// A whole payload, or an answer that begins so.
    fn to(&self, asked: &'static str, payload: &str) {
        let whole = if payload.starts_with("HTTP/") {
            payload.to_owned()
        } else if payload.starts_with(r#"{"errors""#) {
            stub::answer("", payload)
        } else {
            stub::answer("", &format!(r#"{{"data":{{"railgate":{payload}}}}}"#))
        };
        self.0.lock().unwrap().insert(asked, whole);
    }

    fn serve(&self) -> Stub {
        let says = self.clone();
        Stub::with(move |received, stream| {
            let asked = of(&received.document());
            let whole = says.0.lock().unwrap()[asked].clone();
            stream.write_all(whole.as_bytes())
        })
    }
}

fn of(document: &str) -> &'static str {
    ["login(", "refreshToken("].into_iter().find(|name| document.contains(&format!(": {name}"))).unwrap_or("me")
}

/// Fails so many times to write.
#[derive(Debug)]
struct Failing {
    vault: SealedTokens,
    /// Writes until one fails, and how many do.
    after: AtomicU32,
    times: AtomicU32,
}

#[async_trait]
impl TokenVault for Failing {
    async fn get(&self, user: &UserId) -> Result<Option<KeptText>, DirectoryError> {
        self.vault.get(user).await
    }

    async fn put(&self, user: &UserId, over: u64, text: Zeroizing<Vec<u8>>) -> Result<bool, DirectoryError> {
        let less = |count: u32| count.checked_sub(1);
        if self.times.load(Ordering::SeqCst) > 0
            && self.after.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err()
        {
            self.times.fetch_sub(1, Ordering::SeqCst);
            return Err(DirectoryError::new(DirectoryErrorKind::Unavailable, std::io::Error::other("no store")));
        }
        self.vault.put(user, over, text).await
    }

    async fn version(&self, user: &UserId) -> Result<u64, DirectoryError> {
        self.vault.version(user).await
    }
}

struct Stage {
    says: Says,
    backend: Stub,
    vault: Arc<Failing>,
    clock: Arc<Later>,
    directory: UpstreamDirectory,
    ada: UserId,
    _store: Embedded,
}

impl Stage {
    /// Ada has logged in; her access token is good for an hour.
    async fn new(wording: Wording) -> Self {
        let (says, store, clock) = (Says::default(), Embedded::start().await, Arc::new(Later::default()));
        let backend = says.serve();
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let vault = SealedTokens::new(store.tokens(), &keys, Arc::new(SystemEntropy));
        let vault = Arc::new(Failing { vault, after: AtomicU32::new(0), times: AtomicU32::new(0) });
        let settings = UpstreamSettings {
            url: format!("http://127.0.0.1:{}", backend.port).parse().unwrap(),
            tls: None,
            path: "/graphql/auth/".to_owned(),
            host: None,
            timeout: Duration::from_secs(20),
            max_connections: 16,
            wording,
            blocked: "too many".to_owned(),
            unauthenticated: vec!["refresh has expired".to_owned(), "user is disabled".to_owned()],
        };
        let directory = UpstreamDirectory::new(settings, vault.clone(), clock.clone());
        says.to("login(", &payload("first", 3600, clock.now().as_secs(), USER));
        says.to("me", USER);
        let credentials = Credentials { username: "ada".to_owned(), password: Secret::new("x"), client: None };
        let BackendEntry::In(account) = directory.log_in(credentials).await.unwrap() else { panic!("refused") };
        Self { says, backend, vault, clock, directory, ada: account.user.id.clone(), _store: store }
    }

    /// The access token that is shown for ada.
    async fn token(&self) -> Result<Option<String>, DirectoryErrorKind> {
        let token = self.directory.token_of(&self.ada).await.map_err(|error| error.kind)?;
        Ok(token.map(|token| token.token.expose().to_owned()))
    }

    fn renewals(&self) -> usize {
        self.backend.requests().iter().filter(|request| of(&request.document()) == "refreshToken(").count()
    }

    fn new_tokens(&self, user: &str) -> String {
        payload("second", 3600, self.clock.now().as_secs(), user)
    }
}

fn payload(token: &str, life: i64, now: i64, user: &str) -> String {
    let expires = now + life;
    format!(r#"{{"ok":true,"token":"{token}","refreshToken":"r-{token}","expiresAt":{expires},"user":{user}}}"#)
}

/// In the words of django-graphql-jwt: no `ok`, and no user beside renewed tokens.
fn jwt() -> Wording {
    let payload = "token refreshToken expiresAt".to_owned();
    Wording { payload, refresh_has_user: false, second_factor: None, ..wording() }
}

const RUN_OUT: Duration = Duration::from_secs(3700);
const ALMOST: Duration = Duration::from_secs(3570);
/// Longer than nobody asks again.
const LATER: Duration = Duration::from_secs(3710);

#[tokio::test]
async fn a_backend_that_counts_too_much_ends_no_session() {
    let stage = Stage::new(wording()).await;
    stage.clock.is(RUN_OUT);
    stage.says.to("refreshToken(", r#"{"ok":false,"errors":["Too many attempts."]}"#);
    assert_eq!(stage.token().await, Err(DirectoryErrorKind::Unavailable));
    stage.clock.is(LATER);
    stage.says.to("refreshToken(", &stage.new_tokens(USER));
    assert_eq!(stage.token().await, Ok(Some("second".to_owned())));
}

#[tokio::test]
async fn an_error_ends_a_session_only_if_it_is_about_the_caller() {
    let error = |message: &str| {
        format!(r#"{{"errors":[{{"message":"{message}","path":["railgate"]}}],"data":{{"railgate":null}}}}"#)
    };
    let stage = Stage::new(jwt()).await;
    stage.clock.is(RUN_OUT);
    stage.says.to("refreshToken(", &error("no database"));
    assert_eq!(stage.token().await, Err(DirectoryErrorKind::Unavailable));
    stage.clock.is(LATER);
    stage.says.to("refreshToken(", &error("Refresh has expired"));
    assert_eq!(stage.token().await, Ok(None));

    let stage = Stage::new(jwt()).await;
    stage.says.to("me", &error("no database"));
    assert!(stage.directory.state_of(&stage.ada).await.is_err());
    for out in [error("User is disabled"), "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned()] {
        let stage = Stage::new(jwt()).await;
        stage.says.to("refreshToken(", &error("User is disabled"));
        stage.says.to("me", &out);
        assert!(stage.directory.state_of(&stage.ada).await.unwrap().is_none(), "{out}");
        assert_eq!(stage.token().await, Ok(None), "{out}");
    }
}

#[tokio::test]
async fn tokens_that_come_without_their_user_are_looked_at_before_they_are_shown() {
    let stage = Stage::new(jwt()).await;
    stage.clock.is(RUN_OUT);
    stage.says.to("refreshToken(", &stage.new_tokens("null"));
    stage.says.to("me", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    for _ in 0..2 {
        assert_eq!(stage.token().await, Err(DirectoryErrorKind::Unavailable));
    }
    stage.says.to("me", USER);
    assert_eq!(stage.token().await, Ok(Some("second".to_owned())));
    assert_eq!(stage.renewals(), 1, "they were kept meanwhile");

    let stage = Stage::new(jwt()).await;
    stage.clock.is(RUN_OUT);
    stage.says.to("refreshToken(", &stage.new_tokens("null"));
    stage.says.to("me", r#"{"id":"8","username":"bob"}"#);
    assert_eq!(stage.token().await, Err(DirectoryErrorKind::Corrupt));
    assert_eq!(stage.token().await, Ok(None), "bob's token is nobody's");
}

#[tokio::test]
async fn a_token_that_may_be_spent_is_not_shown_again_at_once() {
    let stage = Stage::new(wording()).await;
    stage.clock.is(ALMOST);
    stage.says.to("refreshToken(", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    for _ in 0..5 {
        assert_eq!(stage.token().await, Ok(Some("first".to_owned())), "it is still good");
    }
    assert_eq!(stage.renewals(), 1);
    stage.clock.is(RUN_OUT);
    for _ in 0..5 {
        assert_eq!(stage.token().await, Err(DirectoryErrorKind::Unavailable));
    }
    assert_eq!(stage.renewals(), 2);
    stage.clock.is(LATER);
    stage.says.to("refreshToken(", &stage.new_tokens(USER));
    assert_eq!(stage.token().await, Ok(Some("second".to_owned())));
}

#[tokio::test]
async fn an_access_token_is_good_to_its_end_though_it_can_not_be_renewed() {
    let stage = Stage::new(wording()).await;
    stage.clock.is(ALMOST);
    stage.says.to("refreshToken(", r#"{"ok":false,"errors":[]}"#);
    for _ in 0..2 {
        assert_eq!(stage.token().await, Ok(Some("first".to_owned())));
    }
    assert_eq!(stage.renewals(), 1);
    stage.clock.is(RUN_OUT);
    assert_eq!(stage.token().await, Ok(None));
}

#[tokio::test]
async fn new_tokens_outlive_a_store_that_fails_for_a_moment() {
    let stage = Stage::new(wording()).await;
    stage.clock.is(RUN_OUT);
    stage.says.to("refreshToken(", &stage.new_tokens(USER));
    // The claim is written, the tokens are not, twice.
    stage.vault.after.store(1, Ordering::SeqCst);
    stage.vault.times.store(2, Ordering::SeqCst);
    assert_eq!(stage.token().await, Ok(Some("second".to_owned())));
    assert_eq!((stage.renewals(), stage.token().await), (1, Ok(Some("second".to_owned()))));
}
