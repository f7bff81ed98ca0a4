//! Second factors that are set up, confirmed, trusted and removed.

use totp_rs::Builder;

use super::*;

const STEP: Duration = Duration::from_secs(30);

fn shown(secret: &Secret, at: Timestamp) -> Secret {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
    let code = Builder::new().with_secret(secret).build_noncompliant().generate(at.as_secs().try_into().unwrap());
    Secret::new(code.to_string())
}

/// An authenticator that was enrolled, and its backup codes.
struct Enrolled {
    grant: Grant,
    secret: Secret,
    codes: Vec<Secret>,
}

impl Stage {
    async fn set_up(&self, enroller: Enroller) -> Result<FactorSetup, Refusal> {
        self.auth.set_up_factor(SetUpFactor { enroller, name: None, with_codes: false }).await
    }

    async fn confirm(&self, enroller: Enroller, setup: &FactorSetup, code: Secret) -> Result<FactorConfirmed, Refusal> {
        let factor = PendingName::Device(setup.device.clone());
        let client = ClientInfo::default();
        self.auth.confirm_factor(ConfirmFactor { enroller, factor, code, client, with_codes: true }).await
    }

    fn by(&self, grant: &Grant) -> Enroller {
        Enroller::Caller(self.caller(grant))
    }

    async fn enrolled(&self) -> Enrolled {
        let grant = self.john().await;
        let setup = self.set_up(self.by(&grant)).await.unwrap();
        let confirmed = self.confirm(self.by(&grant), &setup, shown(&setup.secret, self.clock.now())).await.unwrap();
        Enrolled { grant, secret: setup.secret, codes: confirmed.backup_codes.unwrap() }
    }

    async fn challenge(&self) -> PlainToken {
        match self.enter("john", "secret123").await.unwrap() {
            Entry::FactorDue(token) | Entry::EnrolmentDue(token) => token,
            Entry::Open(_) => panic!("no code is asked for"),
        }
    }

    async fn by_code(&self, code: &Secret, trust_device: bool) -> Result<Grant, Refusal> {
        let (challenge, code, client) = (self.challenge().await, code.clone(), ClientInfo::default());
        self.auth.complete_mfa_login(CompleteMfaLogin { challenge, code, trust_device, client }).await
    }

    async fn disable(&self, grant: &Grant, password: &str) -> Result<(), Refusal> {
        let (caller, password) = (self.caller(grant), Secret::new(password));
        self.auth.disable_mfa(DisableMfa { caller, password, client: ClientInfo::default() }).await
    }
}

#[tokio::test]
async fn factors_change_only_shortly_after_a_login() {
    let stage = stage().await;
    let grant = stage.john().await;
    stage.clock.set(NOW.after(FRESH));
    let setup = stage.set_up(stage.by(&grant)).await.unwrap();
    stage.clock.set(NOW.after(FRESH + Duration::from_millis(1)));
    assert_eq!(stage.set_up(stage.by(&grant)).await.unwrap_err(), Refusal::StaleLogin);
    let code = shown(&setup.secret, stage.clock.now());
    assert_eq!(stage.confirm(stage.by(&grant), &setup, code).await.unwrap_err(), Refusal::StaleLogin);
    let renewed = stage.refresh(&grant.refresh).await.unwrap();
    assert_eq!(stage.set_up(stage.by(&renewed)).await.unwrap_err(), Refusal::StaleLogin, "a refresh is no login");
    assert!(stage.set_up(stage.by(&stage.john().await)).await.is_ok());
}

#[tokio::test]
async fn an_authenticator_waits_an_hour_for_its_first_code() {
    for (late, outcome) in [(3600, None), (3601, Some(Refusal::UnknownDevice))] {
        let stage = stage().await;
        let setup = stage.set_up(stage.by(&stage.john().await)).await.unwrap();
        stage.clock.set(NOW.after(Duration::from_secs(late)));
        let confirmed = stage.confirm(stage.by(&stage.john().await), &setup, shown(&setup.secret, stage.clock.now()));
        assert_eq!(confirmed.await.err(), outcome, "{late}");
    }
}

#[tokio::test]
async fn a_user_has_ten_at_most() {
    let stage = stage().await;
    let Enrolled { grant, .. } = stage.enrolled().await;
    for _ in 0..9 {
        stage.directory.enrol_factor(FactorKind::Other("sms".into()));
    }
    assert_eq!(stage.set_up(stage.by(&grant)).await.unwrap_err(), Refusal::TooManyFactors);
}

#[tokio::test]
async fn the_session_that_enrolled_may_go_on_and_others_step_up_first() {
    let stage = stage().await;
    let other = stage.john().await;
    let Enrolled { grant, secret, .. } = stage.enrolled().await;
    assert_eq!(stage.set_up(stage.by(&other)).await.unwrap_err(), Refusal::StepUpRequired);
    assert_eq!(stage.disable(&other, "secret123").await.unwrap_err(), Refusal::StepUpRequired);
    assert!(stage.set_up(stage.by(&grant)).await.is_ok());
    assert!(stage.caller(&stage.refresh(&grant.refresh).await.unwrap()).unwrap().mfa);
    stage.clock.set(NOW.after(STEP));
    let by_code = stage.by_code(&shown(&secret, NOW.after(STEP)), false).await.unwrap();
    assert!(stage.set_up(stage.by(&by_code)).await.is_ok());
}

#[tokio::test]
async fn the_code_that_confirms_is_used_up_but_for_the_challenge_that_it_enrolled_by() {
    let stage = stage_under(20, Policy::All).await;
    let [ours, theirs] = [stage.challenge().await, stage.challenge().await];
    let setup = stage.set_up(Enroller::Challenged(ours.clone())).await.unwrap();
    let code = shown(&setup.secret, NOW);
    let wrong = Enroller::Challenged(theirs.clone());
    stage.confirm(Enroller::Challenged(ours.clone()), &setup, code.clone()).await.unwrap();
    assert_eq!(stage.set_up(wrong.clone()).await.unwrap_err(), Refusal::FactorExists);
    assert_eq!(stage.confirm(wrong, &setup, code.clone()).await.unwrap_err(), Refusal::FactorExists);
    let complete = async |challenge: &PlainToken| {
        let (challenge, code, client) = (challenge.clone(), code.clone(), ClientInfo::default());
        stage.auth.complete_mfa_login(CompleteMfaLogin { challenge, code, trust_device: false, client }).await
    };
    assert_eq!(complete(&theirs).await.unwrap_err(), Refusal::InvalidCode);
    assert!(stage.caller(&complete(&ours).await.unwrap()).unwrap().mfa);
    assert_eq!(complete(&ours).await.unwrap_err(), Refusal::InvalidChallenge);
}

#[tokio::test]
async fn the_step_that_makes_a_factor_count_looks_once_more_for_another() {
    let stage = stage_under(20, Policy::All).await;
    let challenge = stage.challenge().await;
    let setup = stage.set_up(Enroller::Challenged(challenge.clone())).await.unwrap();
    stage.directory.have_a_factor_come_meanwhile();
    let confirmed = stage.confirm(Enroller::Challenged(challenge), &setup, shown(&setup.secret, NOW)).await;
    assert_eq!(confirmed.unwrap_err(), Refusal::FactorExists);
}

#[tokio::test]
async fn codes_in_the_clear_are_hashed_by_a_login_with_the_authenticator_too() {
    let stage = stage().await;
    let Enrolled { secret, .. } = stage.enrolled().await;
    stage.directory.give_backup_code("01234567");
    stage.clock.set(NOW.after(STEP));
    stage.by_code(&shown(&secret, NOW.after(STEP)), false).await.unwrap();
    let kept = stage.directory.codes(&UserId::new("1")).await.unwrap();
    assert!(kept.len() == 11 && kept.iter().all(|code| code.kept.expose().len() == 20), "{}", kept.len());
    stage.by_code(&Secret::new("01234567"), false).await.unwrap();
}

#[tokio::test]
async fn where_factors_are_off_none_is_asked_for_and_none_set_up() {
    let stage = stage_under(20, Policy::Off).await;
    stage.directory.enrol_factor(FactorKind::Other("sms".into()));
    let grant = stage.john().await;
    assert_eq!(stage.set_up(stage.by(&grant)).await.unwrap_err(), Refusal::FactorsOff);
    assert_eq!(stage.disable(&grant, "wrong").await.unwrap_err(), Refusal::WrongPassword);
    stage.disable(&grant, "secret123").await.unwrap();
}

#[tokio::test]
async fn where_there_is_no_place_nobody_who_needs_a_factor_gets_in() {
    let stage = stage_under(20, Policy::All).await;
    stage.directory.have_no_place();
    assert_eq!(stage.enter("john", "secret123").await.unwrap_err(), Refusal::NoPlaceForFactors);
    assert_eq!(stage.enter("john", "wrong").await.unwrap_err(), Refusal::InvalidCredentials);
}

#[tokio::test]
async fn trust_lasts_as_long_as_is_said_and_skips_nothing_but_the_code() {
    let stage = stage().await;
    let Enrolled { codes, .. } = stage.enrolled().await;
    let trusted = stage.by_code(&codes[0], true).await.unwrap().trusted_device.unwrap();
    assert_eq!(trusted.expires, NOW.after(Duration::from_secs(30 * 24 * 60 * 60)));
    let enter = async |password: &str| {
        let (username, password) = ("john".to_owned(), Secret::new(password));
        let devices = vec![PlainToken::new("my-laptop"), trusted.token.clone()];
        stage.auth.login(Login { username, password, devices, client: ClientInfo::default() }).await
    };
    let Entry::Open(grant) = enter("secret123").await.unwrap() else { panic!("a code is asked for") };
    assert!(!stage.caller(&grant).unwrap().mfa, "no factor was shown");
    assert_eq!(enter("wrong").await.unwrap_err(), Refusal::InvalidCredentials);
    stage.clock.set(trusted.expires);
    assert!(matches!(enter("secret123").await.unwrap(), Entry::FactorDue(_)));
}

#[tokio::test]
async fn codes_are_counted_before_they_are_looked_at_and_the_right_one_clears_the_count() {
    let stage = stage().await;
    let Enrolled { grant, codes, .. } = stage.enrolled().await;
    for _ in 0..9 {
        assert_eq!(stage.by_code(&Secret::new("000000"), false).await.unwrap_err(), Refusal::InvalidCode);
    }
    stage.by_code(&codes[0], false).await.unwrap();
    for _ in 0..10 {
        assert_eq!(stage.by_code(&Secret::new("000000"), false).await.unwrap_err(), Refusal::InvalidCode);
    }
    let limited = stage.by_code(&codes[1], false).await.unwrap_err();
    assert_eq!(limited, Refusal::RateLimited(Duration::from_secs(30)));
    let setup = stage.set_up(stage.by(&grant)).await.unwrap();
    let code = shown(&setup.secret, NOW);
    assert_eq!(stage.confirm(stage.by(&grant), &setup, code).await.unwrap_err(), limited, "wherever a code is");
    stage.clock.set(NOW.after(Duration::from_secs(30)));
    stage.by_code(&codes[1], false).await.unwrap();
}

#[tokio::test]
async fn an_outage_of_the_count_lets_nothing_be_tried() {
    let stage = stage().await;
    let Enrolled { grant, codes, .. } = stage.enrolled().await;
    let challenge = stage.challenge().await;
    stage.store.count_none(true);
    let (code, client) = (codes[0].clone(), ClientInfo::default());
    let complete = CompleteMfaLogin { challenge, code, trust_device: false, client };
    assert_eq!(stage.auth.complete_mfa_login(complete.clone()).await.unwrap_err(), Refusal::Unavailable);
    assert_eq!(stage.disable(&grant, "secret123").await.unwrap_err(), Refusal::Unavailable);
    stage.store.count_none(false);
    stage.auth.complete_mfa_login(complete).await.unwrap();
}

#[tokio::test]
async fn removal_takes_the_password_and_leaves_nothing() {
    let stage = stage().await;
    let Enrolled { grant, codes, .. } = stage.enrolled().await;
    stage.by_code(&codes[0], true).await.unwrap();
    assert_eq!(stage.disable(&grant, "wrong").await.unwrap_err(), Refusal::WrongPassword);
    let devices = async || stage.auth.devices(ListDevices { caller: stage.caller(&grant) }).await.unwrap();
    assert_eq!((devices().await.factors.len(), devices().await.trusted.len()), (1, 1));
    stage.disable(&grant, "secret123").await.unwrap();
    assert_eq!((devices().await.factors.len(), devices().await.trusted.len()), (0, 0));
    stage.john().await;
}
