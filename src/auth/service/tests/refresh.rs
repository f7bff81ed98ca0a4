//! Refresh tokens: each is good once, and what keeps one from being good at all.

use super::*;

#[tokio::test]
async fn a_session_goes_on_by_its_refresh_tokens() {
    let stage = stage().await;
    let first = stage.john().await;
    let second = stage.refresh(&first.refresh).await.unwrap();
    let third = stage.refresh(&second.refresh).await.unwrap();
    let sessions = [&first, &second, &third].map(|grant| stage.caller(grant).unwrap().session.unwrap());
    assert!(sessions[0] == sessions[1] && sessions[1] == sessions[2]);
    assert_ne!(stage.caller(&stage.john().await).unwrap().session, Some(sessions[0]), "a login has a new session");
}

#[tokio::test]
async fn a_changed_password_ends_every_session_at_its_next_refresh() {
    let stage = stage().await;
    let (first, second) = (stage.john().await, stage.john().await);
    let second = stage.refresh(&second.refresh).await.unwrap();
    stage.directory.change_password();
    for grant in [&first, &second] {
        assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
        assert!(stage.caller(grant).is_none(), "its access token died with it");
    }
}

#[tokio::test]
async fn two_tabs_get_the_same_successor_and_the_lineage_goes_on() {
    let stage = stage().await;
    let first = stage.john().await;
    let one = stage.refresh(&first.refresh).await.unwrap();
    stage.clock.set(NOW.after(SPANS.refresh_grace));
    let other = stage.refresh(&first.refresh).await.unwrap();
    assert_eq!(one.refresh.token.expose(), other.refresh.token.expose());
    assert!(stage.caller(&one).is_some() && stage.caller(&other).is_some());
    assert!(stage.refresh(&other.refresh).await.is_ok());
}

#[tokio::test]
async fn a_refresh_is_not_lost_with_its_client() {
    let stage = stage().await;
    let first = stage.john().await;
    {
        let mut leaving = Box::pin(stage.refresh(&first.refresh));
        let waker = std::task::Waker::noop();
        assert!(leaving.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let again = stage.refresh(&first.refresh).await.unwrap();
    assert!(stage.refresh(&again.refresh).await.is_ok());
}

#[tokio::test]
async fn reuse_ends_the_session_with_all_its_tokens() {
    let stage = stage().await;
    let first = stage.john().await;
    let bystander = stage.john().await;
    let second = stage.refresh(&first.refresh).await.unwrap();
    stage.clock.set(NOW.after(SPANS.refresh_grace + Duration::from_secs(1)));
    assert_eq!(stage.refresh(&first.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    assert_eq!(stage.refresh(&second.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    assert!(stage.caller(&first).is_none() && stage.caller(&second).is_none());
    assert!(stage.caller(&bystander).is_some());
}

#[tokio::test]
async fn a_user_who_is_gone_or_disabled_can_not_refresh_and_loses_the_session() {
    let changes: [fn(&mut Option<User>); 2] = [|user| *user = None, |user| user.as_mut().unwrap().is_active = false];
    for change in changes {
        let stage = stage().await;
        let grant = stage.john().await;
        stage.directory.change(change);
        assert_eq!(stage.refresh(&grant.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
        assert!(stage.caller(&grant).is_none());
    }
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    let stage = stage().await;
    let mut grant = stage.john().await;
    let end = NOW.after(SPANS.session.absolute);
    for step in 1..=10 {
        stage.clock.set(NOW.after((SPANS.session.idle - Duration::from_secs(1)) * step));
        grant = stage.refresh(&grant.refresh).await.unwrap();
        assert!(grant.refresh.expires <= end);
    }
    stage.clock.set(end.before(Duration::from_secs(60)));
    let last = stage.refresh(&grant.refresh).await.unwrap();
    assert_eq!((last.access.expires, last.refresh.expires), (end, end));
    stage.clock.set(end);
    assert!(stage.caller(&last).is_none());
    assert_eq!(stage.refresh(&last.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
}

#[tokio::test]
async fn tokens_that_are_none_of_ours_are_refused_without_harm() {
    let stage = stage().await;
    let grant = stage.john().await;
    let forged = {
        let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
        let session = stage.caller(&grant).unwrap().session.unwrap();
        let key = SessionKey::of(&UserId::new("1"), session);
        RefreshTokens::new(&keys).mint(key, &SystemEntropy).unwrap()
    };
    for token in [PlainToken::new("garbage"), grant.access.token.clone(), forged.clone()] {
        let refused = stage.auth.refresh(using(&token)).await;
        assert_eq!(refused.unwrap_err(), Refusal::InvalidRefreshToken);
    }
    let none = Refresh { token: None, client: ClientInfo::default() };
    assert_eq!(stage.auth.refresh(none).await.unwrap_err(), Refusal::MissingRefreshToken);
    stage.auth.logout(Logout { caller: None, refresh: Some(forged) }).await.unwrap();
    assert!(stage.refresh(&grant.refresh).await.is_ok(), "a session id opens and ends nothing");
}
