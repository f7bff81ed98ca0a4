//! Browsers that keep nothing but an id.

use super::*;

/// With nobody beside it whose token would have been looked at first.
#[tokio::test]
async fn a_browser_alone_is_checked_like_any_other_caller() {
    let changes: [fn(&Stage); 3] = [
        |stage| stage.directory.change(|user| user.as_mut().unwrap().is_active = false),
        |stage| stage.directory.change(|user| *user = None),
        |stage| stage.directory.change_password(),
    ];
    for change in changes {
        let stage = stage().await;
        assert_eq!(stage.cookies().await, "good");
        change(&stage);
        stage.at(RECHECK);
        assert_eq!(stage.cookies().await, "out");
        assert!(stage.store.find(key()).await.unwrap().is_none(), "the session has ended");
    }
}

#[tokio::test]
async fn a_cookie_of_a_session_stands_for_what_a_token_would_say() {
    let stage = stage().await;
    let Verdict::Good(john) = stage.seen(stage.cookie.clone()).await else { panic!() };
    assert_eq!((john.user.as_str(), &*john.username, john.session), ("1", "john", Some(ID)));
    assert_eq!((john.roles, john.email, john.method), (Some(["editors".to_owned()].into()), None, AuthMethod::Cookie));
    assert_eq!((john.mfa, john.auth_time, john.expires), (true, LOGIN, NOW.after(DAY)));
    stage.asked(2).await;
    for _ in 0..100 {
        assert_eq!(stage.cookies().await, "good");
    }
    stage.asked(2).await;
}

#[tokio::test]
async fn a_session_in_use_by_cookie_does_not_run_out() {
    let stage = stage().await;
    stage.at(DAY - Duration::from_secs(1));
    assert_eq!(stage.cookies().await, "good");
    stage.at(DAY + DAY / 2);
    assert_eq!(stage.cookies().await, "good");
    stage.at(DAY * 2 - Duration::from_secs(1));
    assert_eq!(stage.cookies().await, "good");
    stage.at(DAY * 2);
    assert_eq!(stage.cookies().await, "out", "but for its absolute end");
}

#[tokio::test]
async fn a_session_that_is_revoked_is_over_for_its_cookie_at_once() {
    let stage = stage().await;
    assert_eq!(stage.cookies().await, "good");
    stage.revoked.insert(&[ID], NOW.after(DAY), NOW);
    assert_eq!(stage.cookies().await, "out");
}

#[tokio::test]
async fn about_a_cookie_that_was_made_up_nobody_is_asked() {
    let stage = stage().await;
    let strangers = RefreshTokens::new(&KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap());
    for cookie in
        [strangers.mint(key(), &SystemEntropy).unwrap(), PlainToken::new("x"), PlainToken::new(ID.to_string())]
    {
        assert!(matches!(stage.standings.look(Shown::Session(cookie)), Look::Now(Verdict::Out)));
    }
    stage.asked(1).await;
}

#[tokio::test]
async fn while_nobody_can_be_asked_a_cookie_is_not_taken_for_nothing() {
    let stage = stage().await;
    stage.store.set_down(true);
    assert_eq!(stage.cookies().await, "unconfirmed");
    stage.store.set_down(false);
    assert_eq!(stage.cookies().await, "good");
}
