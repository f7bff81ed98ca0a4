//! Tokens that the backend made before the gateway came.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::auth::tokens::TokenError;

/// When the backend made them, and how long they live: beyond the absolute end of a session.
const MADE: i64 = 1_799_990_000;
const LIFE: i64 = 2_000_000;

fn signed(claims: &Value) -> PlainToken {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"rail"), signed.as_bytes());
    PlainToken::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
}

/// The refresh token of this number in this family of john's.
fn refresh(family: &str, number: u32) -> PlainToken {
    signed(&json!({
        "user_id": 1, "family": family, "jti": format!("{family}-{number}"), "iat": MADE, "exp": MADE + LIFE,
        "type": "refresh",
    }))
}

/// An access token of john's that runs out at the end of this second.
fn access(expires: i64) -> PlainToken {
    signed(&json!({
        "user_id": 1, "username": "john", "iat": MADE, "exp": expires, "type": "access", "roles": [], "permissions": [],
    }))
}

impl Stage {
    async fn exchange(&self, token: &PlainToken) -> Result<Grant, Refusal> {
        let client = ClientInfo { device_name: Some("phone".into()), ..ClientInfo::default() };
        self.auth.refresh(Refresh { token: Some(token.clone()), client }).await
    }

    fn rail_caller(&self, token: &PlainToken) -> Result<Principal, TokenError> {
        self.authenticator.authenticate(token.expose(), AuthMethod::Bearer)
    }

    /// Another gateway on the same store: what it learns, it learns there.
    fn another_gateway(&self) -> Self {
        self.with_keys(&[&Key::generate(&SystemEntropy).unwrap()])
    }
}

fn after(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_refresh_token_of_the_backend_becomes_a_session() {
    let stage = stage().await;
    let grant = stage.exchange(&refresh("f", 1)).await.unwrap();
    let caller = stage.caller(&grant).unwrap();
    let known = (&*caller.username, caller.mfa, caller.auth_time);
    assert_eq!(known, ("john", false, Timestamp::default()), "a refresh at the backend makes a token anew");
    let sessions = stage.auth.sessions(ListSessions { caller: Some(caller) }).await.unwrap();
    let [own] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert!(own.is_current && own.session.client.device_name.as_deref() == Some("phone"));
    assert_eq!((own.session.created, own.session.expiry.idle), (NOW, NOW.after(SPANS.session.idle)));
    let next = stage.refresh(&grant.refresh).await.unwrap();
    assert_eq!(stage.id(&next), stage.id(&grant));
    assert_ne!(stage.id(&stage.exchange(&refresh("g", 1)).await.unwrap()), stage.id(&grant), "another family");
}

#[tokio::test]
async fn within_grace_the_same_token_gets_the_same_successor() {
    let stage = stage().await;
    let one = stage.exchange(&refresh("f", 1)).await.unwrap();
    stage.clock.set(NOW.after(SPANS.refresh_grace));
    let other = stage.exchange(&refresh("f", 1)).await.unwrap();
    assert_eq!(one.refresh.token.expose(), other.refresh.token.expose());
    assert!(stage.caller(&one).is_some() && stage.caller(&other).is_some());
    assert!(stage.refresh(&other.refresh).await.is_ok());
}

#[tokio::test]
async fn a_second_exchange_ends_the_session_for_good() {
    let again: [(u64, PlainToken); 3] = [(11, refresh("f", 1)), (0, refresh("f", 2)), (11, refresh("f", 2))];
    for (seconds, token) in again {
        let stage = stage().await;
        let (grant, bystander) = (stage.exchange(&refresh("f", 1)).await.unwrap(), stage.john().await);
        stage.clock.set(after(seconds));
        assert_eq!(stage.exchange(&token).await.unwrap_err(), Refusal::InvalidRefreshToken);
        assert!(stage.caller(&grant).is_none() && stage.caller(&bystander).is_some());
        assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
        no_more(&stage, "f").await;
    }
}

/// Neither token of the family opens anything, up to its last second.
async fn no_more(stage: &Stage, family: &str) {
    let last = Timestamp::from_secs(MADE + LIFE - 1);
    let now = stage.clock.now();
    for instant in [now, now.after(Duration::from_secs(3_600)).min(last), last] {
        stage.clock.set(instant);
        for number in [1, 2] {
            let refused = stage.exchange(&refresh(family, number)).await.unwrap_err();
            assert_eq!(refused, Refusal::InvalidRefreshToken, "{instant}");
        }
        // Which clears away what need not be remembered any more.
        stage.exchange(&refresh(&format!("{family} {instant}"), 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_family_whose_session_ended_opens_none_any_more() {
    let stage = stage().await;
    let [out, revoked, all, idle] = ["out", "revoked", "all", "idle"];
    let grant = stage.exchange(&refresh(out, 1)).await.unwrap();
    stage.logout(&grant).await.unwrap();
    no_more(&stage, out).await;

    stage.clock.set(NOW);
    let (grant, other) = (stage.exchange(&refresh(revoked, 1)).await.unwrap(), stage.john().await);
    stage.revoke(&other, Some(stage.id(&grant))).await.unwrap();
    no_more(&stage, revoked).await;

    stage.clock.set(NOW);
    let grant = stage.exchange(&refresh(all, 1)).await.unwrap();
    stage.revoke_all(stage.caller(&grant)).await.unwrap();
    no_more(&stage, all).await;

    stage.clock.set(NOW);
    let grant = stage.exchange(&refresh(idle, 1)).await.unwrap();
    stage.clock.set(NOW.after(SPANS.session.idle));
    assert!(stage.refresh(&grant.refresh).await.is_err(), "it has run out");
    no_more(&stage, idle).await;
}

#[tokio::test]
async fn who_may_not_come_in_any_more_gets_no_session() {
    let changes: [fn(&mut Option<User>); 2] = [|user| *user = None, |user| user.as_mut().unwrap().is_active = false];
    for change in changes {
        let stage = stage().await;
        let john = stage.directory.account_of(&UserId::new("1")).await.unwrap().map(|account| account.user);
        stage.directory.change(change);
        assert_eq!(stage.exchange(&refresh("f", 1)).await.unwrap_err(), Refusal::InvalidRefreshToken);
        stage.directory.change(|user| *user = john);
        assert!(stage.exchange(&refresh("f", 1)).await.is_ok(), "nothing was used up by that");
    }
}

#[tokio::test]
async fn a_changed_password_ends_an_exchanged_session() {
    let stage = stage().await;
    let grant = stage.exchange(&refresh("f", 1)).await.unwrap();
    stage.directory.change_password();
    assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    assert!(stage.caller(&grant).is_none());
    no_more(&stage, "f").await;
}

#[tokio::test]
async fn an_outage_uses_nothing_up() {
    let stage = stage().await;
    stage.directory.set(Mood::Down);
    assert_eq!(stage.exchange(&refresh("f", 1)).await.unwrap_err(), Refusal::Unavailable);
    stage.directory.set(Mood::Well);
    stage.store.set_down(true);
    assert_eq!(stage.exchange(&refresh("f", 1)).await.unwrap_err(), Refusal::Unavailable);
    let caller = stage.rail_caller(&access(1_800_000_900)).ok();
    let logout = Logout { caller, refresh: Some(refresh("f", 1)) };
    assert_eq!(stage.auth.logout(logout).await, Err(Refusal::Unavailable), "never falsely ok");
    stage.store.set_down(false);
    assert!(stage.exchange(&refresh("f", 1)).await.is_ok());
}

#[tokio::test]
async fn no_other_token_is_exchanged() {
    let stage = stage().await;
    let ours = stage.john().await;
    let late = json!({ "user_id": 1, "family": "f", "iat": NOW.as_secs(), "exp": MADE + LIFE, "type": "refresh" });
    let marked = json!({
        "user_id": 1, "family": "f", "iat": MADE, "exp": MADE + LIFE, "type": "refresh", "railgate": "access",
    });
    let gone = json!({ "user_id": 1, "family": "f", "iat": MADE, "exp": NOW.as_secs(), "type": "refresh" });
    for token in [access(1_800_000_900), ours.access.token, signed(&late), signed(&marked), signed(&gone)] {
        assert_eq!(stage.exchange(&token).await.unwrap_err(), Refusal::InvalidRefreshToken, "{}", token.expose());
    }
    assert!(stage.rail_caller(&refresh("f", 1)).is_err(), "a refresh token is no access token");
    assert!(stage.exchange(&refresh("f", 1)).await.is_ok());
}

#[tokio::test]
async fn an_exchanged_session_counts_like_any_other() {
    let stage = stage().await;
    let mut grants = Vec::new();
    for second in 0..u64::from(LIMIT.get()) {
        stage.clock.set(after(second));
        grants.push(stage.john().await);
    }
    stage.exchange(&refresh("f", 1)).await.unwrap();
    assert!(stage.caller(&grants[0]).is_none() && stage.caller(&grants[1]).is_some());
}

#[tokio::test]
async fn a_logout_ends_a_token_of_the_backend_everywhere() {
    let (stage, token) = (stage().await, access(1_800_000_900));
    let other = access(1_800_000_901);
    let caller = stage.rail_caller(&token).unwrap();
    assert_eq!(stage.auth.logout(Logout { caller: Some(caller), refresh: None }).await, Ok(()));
    assert_eq!(stage.rail_caller(&token).unwrap_err(), TokenError::Revoked);
    assert!(stage.rail_caller(&other).is_ok(), "another token of the same user");
    // One that did not hear of it asks the store before anything is ended by that token.
    let elsewhere = stage.another_gateway();
    let caller = elsewhere.rail_caller(&token).unwrap();
    assert_eq!(elsewhere.listed(Some(caller.clone())).await, Err(Refusal::Unauthenticated));
    assert_eq!(elsewhere.rail_caller(&token).unwrap_err(), TokenError::Revoked, "and knows it from then on");
    assert_eq!(elsewhere.revoke_all(Some(caller)).await, Err(Refusal::Unauthenticated));
    for seconds in [1, 899] {
        stage.clock.set(after(seconds));
        sweep(&stage.revoked, stage.clock.now());
        assert_eq!(stage.rail_caller(&token).unwrap_err(), TokenError::Revoked, "after {seconds} s");
        let anew = stage.another_gateway();
        assert_eq!(anew.listed(anew.rail_caller(&token).ok()).await, Err(Refusal::Unauthenticated));
    }
}

#[tokio::test]
async fn a_logout_by_the_refresh_cookie_takes_the_family_along() {
    let stage = stage().await;
    let by_cookie = |family| Logout { caller: None, refresh: Some(refresh(family, 1)) };
    stage.auth.logout(by_cookie("unused")).await.unwrap();
    no_more(&stage, "unused").await;
    stage.clock.set(NOW);
    let (grant, bystander) = (stage.exchange(&refresh("used", 1)).await.unwrap(), stage.john().await);
    stage.auth.logout(by_cookie("used")).await.unwrap();
    assert!(stage.caller(&grant).is_none() && stage.caller(&bystander).is_some());
    assert!(stage.refresh(&grant.refresh).await.is_err());
    no_more(&stage, "used").await;
}

#[tokio::test]
async fn a_token_of_the_backend_sees_and_ends_sessions_and_itself() {
    let (stage, token) = (stage().await, access(1_800_000_900));
    let (one, other) = (stage.john().await, stage.john().await);
    let caller = stage.rail_caller(&token).ok();
    let listed = stage.listed(caller.clone()).await.unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|(_, is_current)| !is_current));
    let revoke = RevokeSession { caller: caller.clone(), session: Some(stage.id(&one)) };
    assert_eq!(stage.auth.revoke_session(revoke).await, Ok(Own::Stands));
    let all = RevokeAllSessions { caller, refresh: Some(refresh("f", 1)) };
    assert_eq!(stage.auth.revoke_all_sessions(all).await, Ok(()));
    assert!(stage.caller(&one).is_none() && stage.caller(&other).is_none());
    assert_eq!(stage.rail_caller(&token).unwrap_err(), TokenError::Revoked);
    no_more(&stage, "f").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_races_a_logout_leaves_no_session() {
    let stage = stage().await;
    for number in 0..30 {
        let token = refresh(&format!("f{number}"), 1);
        let (auth, racing) = (stage.auth.clone(), using(&token));
        let exchange = tokio::spawn(async move { auth.refresh(racing).await });
        stage.auth.logout(Logout { caller: None, refresh: Some(token) }).await.unwrap();
        if let Ok(racer) = exchange.await.unwrap() {
            assert!(stage.caller(&racer).is_none());
            assert_eq!(stage.refresh(&racer.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
        }
    }
}

/// The id says where a session is found.
#[tokio::test]
async fn a_user_by_another_spelling_gets_no_session() {
    let stage = stage().await;
    let claims = json!({ "user_id": "01", "family": "f", "iat": MADE, "exp": MADE + LIFE, "type": "refresh" });
    assert_eq!(stage.exchange(&signed(&claims)).await.unwrap_err(), Refusal::InvalidRefreshToken);
    assert!(stage.exchange(&refresh("f", 1)).await.is_ok());
}

/// A gateway whose clock lags takes a token for a while longer.
#[tokio::test]
async fn what_is_spent_is_remembered_a_minute_longer_than_it_would_have_been_good() {
    let stage = stage().await;
    let caller = stage.rail_caller(&access(1_800_000_900)).unwrap();
    let key = SessionKey::of(&caller.user, caller.handle);
    stage.auth.logout(Logout { caller: Some(caller), refresh: None }).await.unwrap();
    for (seconds, is_spent) in [(900, true), (959, true), (961, false)] {
        stage.clock.set(after(seconds));
        assert_eq!(stage.store.is_spent(key).await.unwrap(), is_spent, "after {seconds} s");
    }
}
