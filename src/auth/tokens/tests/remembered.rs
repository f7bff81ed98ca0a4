//! A token that is remembered is judged anew each time.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{
    super::Remembered, Arc, AuthMethod, Authenticator, Clock, Duration, NOW, Revoked, SessionId, Timestamp, TokenError,
    issue, jwt, occasion, paseto, rail,
};

#[derive(Debug)]
struct Moving(AtomicI64);

impl Moving {
    fn set(&self, now: Timestamp) {
        self.0.store(now.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for Moving {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::SeqCst))
    }
}

fn remembering(access: super::AccessTokens) -> (Remembered, Arc<Moving>, Arc<Revoked>) {
    let (clock, revoked) = (Arc::new(Moving(AtomicI64::new(NOW.as_secs()))), Arc::new(Revoked::default()));
    let authenticator = Authenticator::new(Arc::new(access), Arc::clone(&revoked), Arc::clone(&clock) as _);
    (Remembered::new(Arc::new(authenticator)), clock, revoked)
}

fn outcome(tokens: &Remembered, token: &str) -> Result<AuthMethod, TokenError> {
    tokens.authenticate(token, AuthMethod::Bearer).map(|caller| caller.method)
}

#[test]
fn time_goes_on_for_a_remembered_token() {
    for access in [paseto(), jwt()] {
        let token = issue(&access);
        let (tokens, clock, _) = remembering(access);
        assert_eq!(outcome(&tokens, &token), Ok(AuthMethod::Bearer));
        clock.set(NOW.before(Duration::from_secs(61)));
        assert_eq!(
            outcome(&tokens, &token),
            Err(TokenError::Malformed),
            "this clock was put back, and it is not made yet"
        );
        clock.set(occasion().expires);
        assert_eq!(outcome(&tokens, &token), Err(TokenError::Expired));
        clock.set(NOW);
        assert_eq!(outcome(&tokens, &token), Ok(AuthMethod::Bearer));
    }
}

#[test]
fn a_remembered_token_is_revoked_with_its_session() {
    let access = paseto();
    let token = issue(&access);
    let (tokens, _, revoked) = remembering(access);
    assert_eq!(outcome(&tokens, &token), Ok(AuthMethod::Bearer));
    revoked.insert(&[SessionId::from_bytes([3; 16])], occasion().expires, NOW);
    assert_eq!(outcome(&tokens, &token), Err(TokenError::Revoked));
}

#[test]
fn a_remembered_token_lends_nothing_to_others() {
    let access = jwt();
    let token = issue(&access);
    let (tokens, ..) = remembering(access);
    assert_eq!(outcome(&tokens, &token), Ok(AuthMethod::Bearer));
    for other in [&token[..token.len() - 1], &format!("{token} "), &token.to_lowercase()] {
        assert_eq!(outcome(&tokens, other), Err(TokenError::Malformed), "{other}");
        assert_eq!(outcome(&tokens, other), Err(TokenError::Malformed), "the second time, too: {other}");
    }
}

#[test]
fn the_way_it_came_is_that_of_each_request() {
    let access = paseto();
    let token = issue(&access);
    let (tokens, ..) = remembering(access);
    for method in [AuthMethod::Bearer, AuthMethod::Cookie, AuthMethod::Bearer] {
        assert_eq!(tokens.authenticate(&token, method).unwrap().method, method);
    }
    let of_the_backend = rail(&format!(
        r#"{{"user_id":1,"username":"john","iat":{},"exp":{},"type":"access"}}"#,
        NOW.as_secs(),
        NOW.as_secs() + 60
    ));
    for method in [AuthMethod::Bearer, AuthMethod::Cookie] {
        assert_eq!(tokens.authenticate(&of_the_backend, method).unwrap().method, AuthMethod::RailJwt);
    }
}

#[test]
fn a_token_gets_in_only_when_it_is_good() {
    let access = paseto();
    let token = issue(&access);
    let (tokens, clock, _) = remembering(access);
    clock.set(occasion().expires);
    assert_eq!(outcome(&tokens, &token), Err(TokenError::Expired));
    assert!(format!("{tokens:?}").contains("tokens: 0"), "{tokens:?}");
    clock.set(NOW);
    assert_eq!(outcome(&tokens, &token), Ok(AuthMethod::Bearer));
    assert!(format!("{tokens:?}").contains("tokens: 1"), "{tokens:?}");
}
