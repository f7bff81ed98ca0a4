//! Accounts that change while their password is being checked.

use super::*;
use crate::model::EncodedPassword;

/// Another hash of the same password.
const ANEW: &str = "pbkdf2_sha256$11$pepper$rN5QIdnH/+/wCPTjYgAzQEKhdJ6R9w0HlIUKjVJv3q8=";

#[tokio::test]
async fn an_account_that_is_closed_meanwhile_is_not_entered() {
    let changes: [fn(&mut Mood, &mut Option<User>, &mut EncodedPassword); 3] = [
        |_, user, _| *user = None,
        |_, user, _| user.as_mut().unwrap().is_active = false,
        |_, _, password| *password = EncodedPassword::new("!"),
    ];
    for change in changes {
        let stage = stage().await;
        stage.directory.change_meanwhile(change);
        assert_eq!(stage.enter("john", "secret123").await.unwrap_err(), Refusal::InvalidCredentials);
    }
}

#[tokio::test]
async fn a_hash_that_is_made_anew_meanwhile_keeps_nobody_out() {
    let stage = stage().await;
    stage.directory.change_meanwhile(|_, _, password| *password = EncodedPassword::new(ANEW));
    let grant = stage.john().await;
    stage.refresh(&grant.refresh).await.unwrap();
}

#[tokio::test]
async fn an_outage_after_the_password_is_no_wrong_one() {
    let stage = stage().await;
    for _ in 0..2 * LIMITS.client_attempts {
        stage.directory.change_meanwhile(|mood, _, _| *mood = Mood::Down);
        assert!(matches!(stage.enter("john", "secret123").await, Err(Refusal::Unavailable)));
        stage.directory.set(Mood::Well);
    }
    stage.john().await;
}
