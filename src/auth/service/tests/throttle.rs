//! What counts as an attempt, and for whom.

use super::*;

impl Stage {
    /// A login that shows this of devices.
    async fn enter_from(&self, password: &str, devices: &[&PlainToken]) -> Result<Entry, Refusal> {
        let devices = devices.iter().map(|token| (*token).clone()).collect();
        let (username, password) = ("john".to_owned(), Secret::new(password));
        self.auth.login(Login { username, password, devices, client: ClientInfo::default() }).await
    }

    /// Wrong passwords until one is refused: how many were looked at.
    async fn guess(&self) -> usize {
        for number in 0..100 {
            match self.login("john", "wrong").await {
                Err(Refusal::RateLimited(_)) => return number,
                outcome => assert_eq!(outcome.unwrap_err(), Refusal::InvalidCredentials),
            }
        }
        panic!("none was refused");
    }
}

#[tokio::test]
async fn a_refused_password_is_not_looked_at() {
    let stage = stage().await;
    assert_eq!(stage.guess().await, 5);
    let refusal = stage.login("john", "secret123").await.unwrap_err();
    assert_eq!(refusal, Refusal::RateLimited(Duration::from_secs(30)));
    stage.clock.set(NOW.after(Duration::from_secs(30)));
    stage.john().await;
    assert_eq!(stage.guess().await, 5, "the right one cleared the count");
}

#[tokio::test]
async fn the_right_password_of_an_account_that_is_disabled_counts_as_wrong() {
    let stage = stage().await;
    stage.directory.change(|user| user.as_mut().unwrap().is_active = false);
    for _ in 0..5 {
        assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::InvalidCredentials);
    }
    assert!(matches!(stage.login("john", "secret123").await, Err(Refusal::RateLimited(_))));
}

#[tokio::test]
async fn what_nobody_could_look_at_was_no_attempt() {
    let stage = stage().await;
    stage.directory.set(Mood::Down);
    for _ in 0..20 {
        assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::Unavailable);
    }
    stage.directory.set(Mood::Well);
    assert_eq!(stage.guess().await, 5);
}

#[tokio::test]
async fn a_login_that_can_not_be_counted_is_not_made() {
    let stage = stage().await;
    stage.store.count_none(true);
    assert_eq!(stage.login("john", "secret123").await.unwrap_err(), Refusal::Unavailable);
    stage.store.count_none(false);
    stage.john().await;
}

#[tokio::test]
async fn who_has_logged_in_before_has_attempts_of_ones_own() {
    let stage = stage().await;
    let known = stage.john().await.known_device.unwrap();
    assert_eq!(known.expires, NOW.after(Duration::from_secs(180 * 24 * 60 * 60)));
    stage.guess().await;
    assert!(matches!(stage.enter_from("secret123", &[&known.token]).await, Ok(Entry::Open(_))));
    for _ in 0..10 {
        let refusal = stage.enter_from("wrong", &[&known.token]).await.unwrap_err();
        assert_eq!(refusal, Refusal::InvalidCredentials);
    }
    assert!(matches!(stage.enter_from("secret123", &[&known.token]).await, Err(Refusal::RateLimited(_))));
    let expired = &known.token;
    stage.clock.set(known.expires);
    stage.guess().await;
    assert!(matches!(stage.enter_from("secret123", &[expired]).await, Err(Refusal::RateLimited(_))));
}

#[tokio::test]
async fn a_refresh_makes_no_device_known() {
    let stage = stage().await;
    let grant = stage.john().await;
    assert!(stage.refresh(&grant.refresh).await.unwrap().known_device.is_none());
}

#[tokio::test]
async fn refresh_tokens_that_are_made_up_or_dead_are_counted_and_others_are_not() {
    let stage = stage().await;
    let (grant, ended) = (stage.john().await, stage.john().await);
    stage.logout(&ended).await.unwrap();
    let made_up = IssuedToken { token: PlainToken::new("made up"), expires: NOW };
    for number in 0..LIMITS.address_attempts {
        let dead = if number % 2 == 0 { &made_up } else { &ended.refresh };
        assert_eq!(stage.refresh(dead).await.unwrap_err(), Refusal::InvalidRefreshToken, "{number}");
    }
    assert!(matches!(stage.refresh(&made_up).await, Err(Refusal::RateLimited(_))));
    assert_eq!(stage.refresh(&ended.refresh).await.unwrap_err(), Refusal::InvalidRefreshToken, "it is told what it is");
    stage.refresh(&grant.refresh).await.unwrap();
    stage.john().await;
}

#[tokio::test]
async fn a_device_of_another_account_is_none() {
    let key = Key::generate(&SystemEntropy).unwrap();
    let stage = stage().await.with_keys(&[&key]);
    let devices = KnownDevices::new(&KeyRing::parse([&key]).unwrap());
    let until = NOW.after(Duration::from_secs(60));
    let john = stage.directory.account_of(&UserId::new("1")).await.unwrap().unwrap();
    let other = Account { user: User { id: UserId::new("2"), ..john.user.clone() }, ..john.clone() };
    let [johns, others] =
        [john, other].map(|who| devices.mint(&who.user.id, &who.password, "john", until, &SystemEntropy).unwrap());
    stage.guess().await;
    assert!(matches!(stage.enter_from("secret123", &[&others]).await, Err(Refusal::RateLimited(_))));
    assert!(matches!(stage.enter_from("secret123", &[&others, &johns]).await, Ok(Entry::Open(_))));
}
