//! Browsers that Django's own session lets in.

use super::*;

#[tokio::test]
async fn a_session_of_djangos_stands_for_its_user_and_no_more() {
    let stage = stage().await;
    let Verdict::Good(john) = stage.by_django().await else { panic!() };
    assert_eq!((john.user.as_str(), &*john.username, john.session), ("1", "john", None));
    assert_eq!(
        (john.roles, john.email, john.method),
        (Some(["editors".to_owned()].into()), None, AuthMethod::DjangoSession)
    );
    assert_eq!((john.mfa, john.auth_time, john.expires), (false, Timestamp::default(), NOW.after(DAY)));
    for _ in 0..100 {
        assert_eq!(stage.djangos().await, "good");
    }
    assert_eq!(stage.djangos.asked(), 1);
}

/// What happens to a user whom a session of Django's let in a moment ago.
async fn is_nobody_within_the_time(what: impl Fn(&Stage)) {
    let stage = stage().await;
    assert_eq!(stage.djangos().await, "good");
    what(&stage);
    assert_eq!(stage.djangos().await, "good", "not asked for each request");
    stage.at(RECHECK);
    assert_eq!(stage.djangos().await, "out");
}

#[tokio::test]
async fn a_session_of_djangos_is_asked_about_again() {
    is_nobody_within_the_time(|stage| stage.djangos.end()).await;
    is_nobody_within_the_time(|stage| stage.directory.change_password()).await;
    is_nobody_within_the_time(|stage| stage.directory.enrol_factor(FactorKind::Other("sms".into()))).await;
    is_nobody_within_the_time(|stage| stage.directory.change(|user| *user = None)).await;
    is_nobody_within_the_time(|stage| stage.directory.change(|user| user.as_mut().unwrap().is_active = false)).await;
}

#[tokio::test]
async fn who_has_to_have_a_second_factor_comes_in_by_no_session_of_djangos() {
    let stage = stage_under(Policy::All).await;
    assert_eq!(stage.djangos().await, "out");
    let stage = stage_under(Policy::Staff).await;
    assert_eq!(stage.djangos().await, "good");
    stage.directory.change(|user| user.as_mut().unwrap().is_staff = true);
    stage.at(RECHECK);
    assert_eq!(stage.djangos().await, "out");
    let stage = stage_under(Policy::Off).await;
    stage.directory.enrol_factor(FactorKind::Other("sms".into()));
    assert_eq!(stage.djangos().await, "good", "no factor is asked for anywhere");
}

#[tokio::test]
async fn a_session_of_djangos_runs_out_to_the_second_whoever_uses_it() {
    let stage = stage().await;
    stage.at(DAY - Duration::from_secs(1));
    assert_eq!(stage.djangos().await, "good");
    stage.at(DAY);
    assert_eq!(stage.djangos().await, "out", "though it was seen to be in order a second ago");
}

#[tokio::test]
async fn without_the_directory_a_session_of_djangos_goes_on_for_a_while_but_not_past_its_end() {
    let stage = stage().await;
    stage.djangos.set_down(true);
    assert_eq!(stage.djangos().await, "unconfirmed");
    stage.djangos.set_down(false);
    assert_eq!(stage.djangos().await, "good");
    stage.directory.set(Mood::Down);
    stage.at(STALE - Duration::from_secs(1));
    assert_eq!(stage.djangos().await, "good");
    stage.at(STALE);
    assert_eq!(stage.djangos().await, "unconfirmed");
}

#[tokio::test]
async fn about_a_cookie_that_django_never_made_nobody_is_asked() {
    let stage = stage().await;
    for cookie in ["", "x", "0123456789ABCDEFGHIJKLMNOPQRSTUV"] {
        assert!(matches!(stage.standings.look(Shown::Django(PlainToken::new(cookie))), Look::Now(Verdict::Out)));
    }
    assert_eq!(stage.djangos.asked(), 0);
}
