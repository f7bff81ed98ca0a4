//! Logins with a second factor.

use tokio::task::JoinSet;
use totp_rs::Builder;

use super::*;

/// What the backend shows for enrolment: 80 bits.
const SECRET: &str = "JBSWY3DPEHPK3PXP";
const OTHER: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const STEP: Duration = Duration::from_secs(30);

/// The code that an authenticator with this secret shows then.
fn shown(secret: &str, at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    Builder::new().with_secret(secret).build_noncompliant().generate(at.as_secs().try_into().unwrap()).to_string()
}

fn code(at: Timestamp) -> String {
    shown(SECRET, at)
}

async fn with_factor() -> Stage {
    let stage = stage().await;
    stage.directory.enrol_factor(FactorKind::Totp(Secret::new(SECRET)));
    stage
}

impl Stage {
    async fn half_in(&self) -> PlainToken {
        match self.enter("john", "secret123").await.unwrap() {
            Entry::FactorDue(challenge) => challenge,
            Entry::Open(_) | Entry::EnrolmentDue(_) => panic!("no code is asked for"),
        }
    }

    async fn complete(&self, challenge: &PlainToken, code: &str) -> Result<Grant, Refusal> {
        let (challenge, code) = (challenge.clone(), Secret::new(code));
        self.auth
            .complete_mfa_login(CompleteMfaLogin {
                challenge,
                code,
                trust_device: false,
                client: ClientInfo::default(),
            })
            .await
    }

    async fn refused(&self, challenge: &PlainToken, code: &str) -> Refusal {
        self.complete(challenge, code).await.unwrap_err()
    }
}

#[tokio::test]
async fn a_right_code_opens_a_session_that_says_so() {
    let stage = with_factor().await;
    let challenge = stage.half_in().await;
    stage.clock.set(NOW.after(STEP * 2));
    let grant = stage.complete(&challenge, &code(NOW.after(STEP * 2))).await.unwrap();
    let caller = stage.caller(&grant).unwrap();
    assert_eq!((caller.mfa, caller.auth_time), (true, NOW.after(STEP * 2)));
    assert_eq!(grant.user.last_login, Some(NOW.after(STEP * 2)));
    let sessions = stage.auth.sessions(ListSessions { caller: Some(caller) }).await.unwrap();
    assert_eq!(sessions[0].session.client.device_name.as_deref(), Some("phone"), "as the login said");
    let next = stage.refresh(&grant.refresh).await.unwrap();
    assert!(stage.caller(&next).unwrap().mfa);
}

#[tokio::test]
async fn a_code_counts_once_also_a_step_later_and_its_successor_goes_on() {
    let stage = with_factor().await;
    stage.complete(&stage.half_in().await, &code(NOW)).await.unwrap();
    let challenge = stage.half_in().await;
    assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::InvalidCode);
    stage.clock.set(NOW.after(STEP));
    assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::InvalidCode);
    assert_eq!(stage.refused(&challenge, &code(NOW.before(STEP))).await, Refusal::InvalidCode, "nor an earlier one");
    stage.complete(&challenge, &code(NOW.after(STEP))).await.unwrap();
}

#[tokio::test]
async fn a_challenge_opens_one_session() {
    let stage = with_factor().await;
    let challenge = stage.half_in().await;
    stage.complete(&challenge, &code(NOW)).await.unwrap();
    stage.clock.set(NOW.after(STEP));
    assert_eq!(stage.refused(&challenge, &code(NOW.after(STEP))).await, Refusal::InvalidChallenge);
}

#[tokio::test]
async fn a_challenge_lasts_five_tries_and_five_minutes() {
    let stage = with_factor().await;
    let challenge = stage.half_in().await;
    for _ in 0..5 {
        assert_eq!(stage.refused(&challenge, "000000").await, Refusal::InvalidCode);
    }
    assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::InvalidChallenge);
    let challenge = stage.half_in().await;
    let late = NOW.after(Duration::from_secs(300));
    stage.clock.set(late);
    assert_eq!(stage.refused(&challenge, &code(late)).await, Refusal::InvalidChallenge);
}

#[tokio::test]
async fn a_challenge_dies_with_the_password_and_the_account() {
    let stage = with_factor().await;
    let challenge = stage.half_in().await;
    let john = stage.directory.account_of(&UserId::new("1")).await.unwrap().unwrap().user;
    stage.directory.change(|user| user.as_mut().unwrap().is_active = false);
    assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::InvalidChallenge);
    stage.directory.change(|user| *user = Some(john));
    stage.directory.change_password();
    assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::InvalidChallenge);
}

#[tokio::test]
async fn no_other_token_is_a_challenge_and_a_challenge_is_no_other_token() {
    let stage = with_factor().await;
    let challenge = stage.half_in().await;
    let as_bearer = stage.authenticator.authenticate(challenge.expose(), AuthMethod::Bearer);
    assert!(as_bearer.is_err());
    assert_eq!(stage.auth.refresh(using(&challenge)).await.unwrap_err(), Refusal::InvalidRefreshToken);
    let grant = stage.complete(&challenge, &code(NOW)).await.unwrap();
    stage.clock.set(NOW.after(STEP));
    let foreign = with_factor().await.half_in().await;
    for token in [&grant.refresh.token, &grant.access.token, &foreign, &PlainToken::new("garbage")] {
        assert_eq!(stage.refused(token, &code(NOW.after(STEP))).await, Refusal::InvalidChallenge);
    }
    assert!(stage.refresh(&grant.refresh).await.is_ok(), "and none was used up by it");
}

#[tokio::test]
async fn each_of_several_factors_gets_in_and_what_can_not_be_checked_is_in_nobodys_way() {
    let stage = with_factor().await;
    for kind in
        [FactorKind::Other("sms".into()), FactorKind::Totp(Secret::new("")), FactorKind::Totp(Secret::new(OTHER))]
    {
        stage.directory.enrol_factor(kind);
    }
    stage.complete(&stage.half_in().await, &code(NOW)).await.unwrap();
    stage.complete(&stage.half_in().await, &shown(OTHER, NOW)).await.unwrap();
}

#[tokio::test]
async fn a_backup_code_opens_one_session_and_is_no_longer_one() {
    let stage = with_factor().await;
    stage.directory.give_backup_code("01234567");
    let challenge = stage.half_in().await;
    assert_eq!(stage.refused(&challenge, "12345678").await, Refusal::InvalidCode);
    stage.directory.set(Mood::ReadOnly);
    assert_eq!(stage.refused(&challenge, "01234567").await, Refusal::Unavailable, "not used up, so no good");
    stage.directory.set(Mood::Well);
    let grant = stage.complete(&challenge, " 0123 4567").await.unwrap();
    assert!(stage.caller(&grant).unwrap().mfa);
    assert_eq!(stage.refused(&stage.half_in().await, "01234567").await, Refusal::InvalidCode);
}

#[tokio::test]
async fn an_outage_opens_nothing_and_costs_no_login() {
    let stage = with_factor().await;
    let challenge = stage.half_in().await;
    stage.store.set_down(true);
    assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::Unavailable);
    assert_eq!(stage.enter("john", "secret123").await.unwrap_err(), Refusal::Unavailable);
    stage.store.set_down(false);
    for mood in [Mood::Down, Mood::ReadOnly] {
        stage.directory.set(mood);
        assert_eq!(stage.refused(&challenge, &code(NOW)).await, Refusal::Unavailable, "{mood:?}: no code unnoted");
    }
    stage.directory.set(Mood::Well);
    stage.complete(&challenge, &code(NOW)).await.unwrap();
}

#[tokio::test]
async fn of_fifty_codes_at_once_one_opens_a_session() {
    let stage = Arc::new(with_factor().await);
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (stage, challenge) = (Arc::clone(&stage), stage.half_in().await);
        tasks.spawn(async move { stage.complete(&challenge, &code(NOW)).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refusals = results.iter().filter_map(|result| result.as_ref().err());
    assert!(
        refusals.into_iter().all(|refusal| matches!(refusal, Refusal::InvalidCode | Refusal::RateLimited(_))),
        "{results:?}"
    );
}
