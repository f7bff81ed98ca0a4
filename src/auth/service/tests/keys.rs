//! Keys that come and go.

use super::*;

/// The mark of a password is under a key, too: it is made anew by each refresh, so that it outlives none.
#[tokio::test]
async fn a_key_that_is_dropped_takes_no_session_along_that_was_refreshed_since() {
    let [old, new] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
    let stage = stage().await.with_keys(&[&old]);
    let first = stage.john().await;
    let stage = stage.with_keys(&[&new, &old]);
    let second = stage.refresh(&first.refresh).await.unwrap();
    let stage = stage.with_keys(&[&new]);
    assert!(stage.refresh(&second.refresh).await.is_ok());
}

#[tokio::test]
async fn a_removed_key_takes_its_tokens_along_and_leaves_a_logout() {
    let [old, new] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
    let before = stage().await.with_keys(&[&old]);
    let (grant, other, used) = (before.john().await, before.john().await, before.john().await);
    let successor = before.refresh(&used.refresh).await.unwrap();

    let after = before.with_keys(&[&new]);
    assert!(after.caller(&grant).is_none());
    for refused in [&grant, &other] {
        assert_eq!(after.refresh(&refused.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    }
    let logout =
        |refresh: &IssuedToken| after.auth.logout(Logout { caller: None, refresh: Some(refresh.token.clone()) });
    after.store.set_down(true);
    assert_eq!(logout(&grant.refresh).await, Err(Refusal::Unavailable), "never falsely ok");
    after.store.set_down(false);
    assert_eq!(logout(&grant.refresh).await, Ok(()));
    assert_eq!(logout(&used.refresh).await, Ok(()), "the predecessor, within its grace");

    // What was ended stays so when the key comes back; what was only refused goes on.
    let back = before.with_keys(&[&new, &old]);
    for ended in [&grant, &used, &successor] {
        assert_eq!(back.refresh(&ended.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken);
    }
    assert!(back.refresh(&other.refresh).await.is_ok());
}

#[tokio::test]
async fn a_logout_by_an_old_token_of_a_removed_key_ends_nothing() {
    let [old, new] = [(); 2].map(|()| Key::generate(&SystemEntropy).unwrap());
    let before = stage().await.with_keys(&[&old]);
    let first = before.john().await;
    before.clock.set(NOW.after(SPANS.refresh_grace));
    let second = before.with_keys(&[&new, &old]).refresh(&first.refresh).await.unwrap();
    before.clock.set(NOW.after(SPANS.refresh_grace * 3));
    let after = before.with_keys(&[&new]);
    let logout = Logout { caller: None, refresh: Some(first.refresh.token.clone()) };
    assert_eq!(after.auth.logout(logout).await, Ok(()));
    assert!(after.refresh(&second.refresh).await.is_ok(), "nobody can tell it from one that was made up");
}
