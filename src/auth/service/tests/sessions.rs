//! Users see their sessions, and end them.

use super::*;

#[tokio::test]
async fn sessions_are_listed_the_newest_first_and_end_one_by_one() {
    let stage = stage().await;
    let first = stage.john().await;
    stage.clock.set(NOW.after(Duration::from_secs(1)));
    let second = stage.john().await;
    let (old, new) = (stage.id(&first), stage.id(&second));
    assert_eq!(stage.listed(stage.caller(&first)).await, Ok(vec![(new, false), (old, true)]));
    assert_eq!(stage.revoke(&first, Some(new)).await, Ok(Own::Stands));
    assert!(stage.caller(&second).is_none());
    assert_eq!(stage.refresh(&second.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    for none in [Some(new), Some(SessionId::from_bytes([7; 16])), None] {
        assert_eq!(stage.revoke(&first, none).await, Err(Refusal::UnknownSession));
    }
    assert_eq!(stage.revoke(&first, Some(old)).await, Ok(Own::Ended));
    assert!(stage.caller(&first).is_none());
}

#[tokio::test]
async fn of_another_user_no_session_is_seen_or_ended() {
    let stage = stage().await;
    let theirs = stage.john().await;
    stage.directory.change(|user| user.as_mut().unwrap().id = UserId::new("2"));
    let mine = stage.john().await;
    assert_eq!(stage.listed(stage.caller(&mine)).await.unwrap().len(), 1);
    assert_eq!(stage.revoke(&mine, Some(stage.id(&theirs))).await, Err(Refusal::UnknownSession));
    stage.revoke_all(stage.caller(&mine)).await.unwrap();
    assert!(stage.caller(&mine).is_none() && stage.caller(&theirs).is_some());
}

#[tokio::test]
async fn all_sessions_end_at_once_with_all_their_tokens() {
    let stage = stage().await;
    let grants = [stage.john().await, stage.john().await, stage.john().await];
    stage.revoke_all(stage.caller(&grants[1])).await.unwrap();
    for grant in &grants {
        assert!(stage.caller(grant).is_none());
        assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    }
    assert!(stage.caller(&stage.john().await).is_some(), "a login afterwards has nothing to do with it");
}

/// It is found out by the store: a process that did not end the session itself takes its access token until it hears of it.
#[tokio::test]
async fn who_has_no_session_any_more_sees_and_ends_none() {
    let stage = stage().await;
    let (stolen, mine) = (stage.john().await, stage.john().await);
    let key = SessionKey::of(&UserId::new("1"), stage.id(&stolen));
    stage.store.end(key).await.unwrap();
    let thief = stage.caller(&stolen);
    assert!(thief.is_some());
    for caller in [thief.clone(), None] {
        assert_eq!(stage.listed(caller.clone()).await, Err(Refusal::Unauthenticated));
        assert_eq!(stage.revoke_all(caller.clone()).await, Err(Refusal::Unauthenticated));
        let revoke = RevokeSession { caller, session: Some(stage.id(&mine)) };
        assert_eq!(stage.auth.revoke_session(revoke).await, Err(Refusal::Unauthenticated));
    }
    assert!(stage.caller(&stolen).is_none(), "this process knows it now");
    assert!(stage.refresh(&mine.refresh).await.is_ok());
}

#[tokio::test]
async fn a_session_of_djangos_ends_the_gateways_and_says_that_it_goes_on_itself() {
    let stage = stage().await;
    let one = stage.john().await;
    let django = Principal { session: None, method: AuthMethod::DjangoSession, ..stage.caller(&one).unwrap() };
    assert_eq!(stage.listed(Some(django.clone())).await.unwrap().len(), 1);
    assert_eq!(stage.revoke_all(Some(django)).await, Err(Refusal::DjangoSession));
    assert!(stage.caller(&one).is_none());
}

#[tokio::test]
async fn one_login_too_many_ends_the_session_that_was_not_used_for_the_longest_time() {
    let stage = stage().await;
    let mut grants = Vec::new();
    for second in 0..u64::from(LIMIT.get()) {
        stage.clock.set(NOW.after(Duration::from_secs(second)));
        grants.push(stage.john().await);
    }
    stage.clock.set(NOW.after(Duration::from_secs(60)));
    let used = stage.refresh(&grants[0].refresh).await.unwrap();
    stage.john().await;
    assert!(stage.caller(&used).is_some());
    assert!(stage.caller(&grants[1]).is_none() && stage.caller(&grants[2]).is_some());
    assert_eq!(stage.refresh(&grants[1].refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    stage.store.set_down(true);
    assert_eq!(stage.listed(stage.caller(&used)).await, Err(Refusal::Unavailable));
    assert_eq!(stage.revoke_all(stage.caller(&used)).await, Err(Refusal::Unavailable), "never falsely ok");
    assert!(stage.caller(&used).is_some());
}

#[tokio::test]
async fn who_has_just_logged_in_or_refreshed_waits_for_no_check() {
    let stage = stage().await;
    let mut grant = stage.john().await;
    for _ in 0..2 {
        let look = stage.standings.look(Shown::Token(stage.caller(&grant).unwrap()));
        assert!(matches!(look, Look::Now(Verdict::Good(_))), "{look:?}");
        grant = stage.refresh(&grant.refresh).await.unwrap();
    }
}
