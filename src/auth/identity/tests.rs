//! What the backend is shown, and how seldom the directory is asked for it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    super::fakes::{HandClock, Mood, OneUser},
    *,
};
use crate::model::{AuthMethod, SessionId};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const LIFETIME: Duration = Duration::from_secs(300);

struct Stage {
    bearer: MintedBearer,
    directory: Arc<OneUser>,
    clock: Arc<HandClock>,
}

fn stage() -> Stage {
    let (directory, clock) = (Arc::new(OneUser::john()), Arc::new(HandClock::at(NOW)));
    let secret = Secret::new("a secret of the Django project, long enough");
    let runtime = tokio::runtime::Handle::current();
    let bearer = MintedBearer::new(&secret, LIFETIME, directory.clone(), clock.clone(), runtime);
    Stage { bearer, directory, clock }
}

fn caller(session: u8) -> Principal {
    Principal {
        user: UserId::new("1"),
        username: "john".into(),
        email: None,
        roles: None,
        permissions: None,
        session: Some(SessionId::from_bytes([session; 16])),
        handle: SessionId::from_bytes([session; 16]),
        method: AuthMethod::Bearer,
        mfa: false,
        auth_time: NOW,
        expires: NOW.after(LIFETIME),
    }
}

fn window(session: u8, now: Timestamp) -> Window {
    Window::of(&Holder::Session(SessionId::from_bytes([session; 16])), now, LIFETIME)
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn the_token_says_what_the_backend_wants_to_hear() {
    let token = stage().bearer.token_for(&caller(3)).await.unwrap();
    let claims = claims(&token);
    let facts = ["user_id", "username", "type", "railgate", "roles", "permissions", "aud"].map(|name| &claims[name]);
    let expected = [json!(1), json!("john"), json!("access"), json!("upstream"), json!(["editors"])];
    assert_eq!(facts[..5], expected.iter().collect::<Vec<_>>());
    assert_eq!((facts[5], facts[6]), (&json!(["users.view_user"]), &Value::Null));
}

#[tokio::test]
async fn one_token_serves_a_session_for_its_window() {
    let stage = stage();
    let window = window(3, NOW);
    let mut tokens = Vec::new();
    for now in [window.start, NOW, window.end.before(Duration::from_micros(1)), window.end] {
        stage.clock.set(now);
        let token = stage.bearer.token_for(&caller(3)).await.unwrap();
        let claims = claims(&token);
        let instant = |name: &str| Timestamp::from_secs(claims[name].as_i64().unwrap());
        assert!(instant("iat") <= now.before(SKEW), "a lagging backend must not take it for one of the future");
        assert!(instant("exp") >= now.after(LIFETIME));
        tokens.push(token);
    }
    assert!(tokens[0] == tokens[1] && tokens[1] == tokens[2] && tokens[2] != tokens[3]);
    assert_eq!(stage.directory.asked(), 2);
    assert_ne!(stage.bearer.token_for(&caller(4)).await.unwrap(), tokens[3], "another session");
}

#[tokio::test]
async fn replicas_mint_the_same_token() {
    let (one, two) = (stage(), stage());
    two.clock.set(window(3, NOW).end.before(Duration::from_secs(1)));
    assert_eq!(one.bearer.token_for(&caller(3)).await.unwrap(), two.bearer.token_for(&caller(3)).await.unwrap());
}

#[test]
fn windows_of_sessions_do_not_begin_together() {
    let starts: std::collections::HashSet<_> = (0..100).map(|session| window(session, NOW).start.as_secs()).collect();
    assert!(starts.len() > 50, "{}", starts.len());
    for lifetime in [Duration::ZERO, Duration::from_millis(1500), Duration::MAX] {
        let window = Window::of(&Holder::User(UserId::new("1"), AuthMethod::RailJwt), NOW, lifetime);
        assert!(window.start <= NOW && NOW < window.end && window.end <= window.expires, "{window:?}");
    }
}

#[tokio::test]
async fn a_directory_that_is_down_stops_only_those_without_a_token() {
    let stage = stage();
    let token = stage.bearer.token_for(&caller(3)).await.unwrap();
    stage.directory.set(Mood::Down);
    assert_eq!(stage.bearer.token_for(&caller(4)).await, Err(Refusal::Unavailable));

    let window = window(3, NOW);
    stage.clock.set(window.end);
    let before = stage.directory.asked();
    for _ in 0..3 {
        assert_eq!(stage.bearer.token_for(&caller(3)).await.unwrap(), token);
    }
    assert_eq!(stage.directory.asked() - before, 1, "not every request waits for it");
    stage.clock.set(window.expires.before(SKEW));
    assert_eq!(stage.bearer.token_for(&caller(3)).await, Err(Refusal::Unavailable), "too near to its end");

    stage.directory.set(Mood::Well);
    assert_ne!(stage.bearer.token_for(&caller(3)).await.unwrap(), token);
}

#[tokio::test]
async fn a_user_who_may_not_come_in_gets_none_whatever_was_minted_before() {
    let changes: [fn(&mut Option<User>); 2] = [|user| *user = None, |user| user.as_mut().unwrap().is_active = false];
    for change in changes {
        let stage = stage();
        stage.bearer.token_for(&caller(3)).await.unwrap();
        stage.directory.change(change);
        stage.clock.set(window(3, NOW).end);
        assert_eq!(stage.bearer.token_for(&caller(3)).await, Err(Refusal::InvalidCredentials));
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut remembered = Remembered::default();
    let token: Arc<str> = Arc::from("token");
    let mut add = |number: usize, now: Timestamp| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let holder = Holder::Session(SessionId::from_bytes(id));
        remembered.make_room(now, LIFETIME);
        let window = Window::of(&holder, now, LIFETIME);
        remembered.tokens.insert(holder, Minted { token: token.clone(), window });
        remembered.tokens.len()
    };
    let peak = (0..CAPACITY + 10).map(|number| add(number, NOW)).max().unwrap();
    assert_eq!(peak, CAPACITY);
    assert_eq!(add(CAPACITY + 10, NOW.after(LIFETIME * 2)), 1, "those past use are gone");
}
