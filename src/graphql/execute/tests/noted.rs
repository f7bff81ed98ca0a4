//! Commands that are only noted, and answered by what their arguments say.

use std::{cell::RefCell, time::Duration};

use crate::{
    auth::{
        AdmitRegistration, Commands, CompleteMfaLogin, ConfirmFactor, DisableMfa, Enroller, Entry, FactorConfirmed,
        FactorSetup, Grant, IssuedToken, ListDevices, ListSessions, Login, Logout, Own, OwnDevices, OwnSession,
        OwnTrusted, PendingName, Refresh, Refusal, RegenerateBackupCodes, RevokeAllSessions, RevokeSession,
        RevokeTrustedDevice, SetUpFactor,
    },
    model::{DeviceId, Factor, FactorKind, Permission, PlainToken, Principal, Role, Secret, Timestamp, User, UserId},
};

/// Grants what is asked for with the password `right`; notes what was asked.
#[derive(Default)]
pub(super) struct Noted(pub(super) RefCell<Vec<String>>);

pub(super) fn granted(username: &str) -> Grant {
    let token = |text: &str| IssuedToken { token: PlainToken::new(text), expires: Timestamp::from_secs(60) };
    let permissions =
        vec![Permission { id: "7".to_owned(), name: "Can view user".to_owned(), codename: "view_user".to_owned() }];
    let user = User {
        id: UserId::new("1"),
        username: username.to_owned(),
        email: "john@example.com".to_owned(),
        first_name: "John".to_owned(),
        last_name: "Doe".to_owned(),
        is_staff: false,
        is_superuser: false,
        is_active: true,
        date_joined: Timestamp::from_secs(0),
        last_login: None,
        permissions: vec!["users.view_user".to_owned()],
        roles: vec![Role { id: "group:1".to_owned(), name: "editors".to_owned(), permissions }],
    };
    Grant {
        user,
        access: token("access"),
        refresh: token("refresh"),
        ends: Timestamp::from_secs(9),
        trusted_device: None,
        known_device: None,
        backup_codes_left: None,
    }
}

pub(super) fn setup(with_codes: bool) -> FactorSetup {
    FactorSetup {
        device: DeviceId::new("7"),
        secret: Secret::new("SECRET"),
        uri: Secret::new("otpauth://totp/x"),
        picture: Secret::new("cGljdHVyZQ=="),
        backup_codes: with_codes.then(codes),
    }
}

pub(super) fn codes() -> Vec<Secret> {
    ["01234567", "76543210"].map(Secret::new).to_vec()
}

/// Two factors, and a device.
pub(super) fn devices() -> OwnDevices {
    let at = Timestamp::from_secs;
    let factor = |id: &str, kind, last_used| Factor {
        device: DeviceId::new(id),
        name: format!("factor {id}"),
        kind,
        created: at(1),
        last_used,
    };
    let kept = Secret::new("SECRET");
    OwnDevices {
        factors: vec![
            factor("7", FactorKind::Totp(kept), Some(at(30))),
            factor("8", FactorKind::Other("sms".to_owned()), None),
        ],
        trusted: vec![OwnTrusted { id: DeviceId::new("t1"), name: String::new(), created: at(2), expires: at(3) }],
    }
}

impl Noted {
    fn note(&self, what: String) {
        self.0.borrow_mut().push(what);
    }
}

/// What a password that is asked for once more comes to.
fn checked(caller: Option<Principal>, password: &Secret) -> Result<(), Refusal> {
    caller.ok_or(Refusal::Unauthenticated)?;
    match password.expose() {
        "right" => Ok(()),
        "often" => Err(Refusal::RateLimited(Duration::from_millis(1_500))),
        _ => Err(Refusal::WrongPassword),
    }
}

/// Whose factor it is to be, in words.
fn whose(enroller: &Enroller) -> Result<String, Refusal> {
    match enroller {
        Enroller::Caller(Some(caller)) => Ok(caller.username.to_string()),
        Enroller::Caller(None) => Err(Refusal::Unauthenticated),
        Enroller::Challenged(challenge) if challenge.expose() == "gone" => Err(Refusal::InvalidChallenge),
        Enroller::Challenged(challenge) => Ok(format!("challenge {}", challenge.expose())),
    }
}

impl Commands for Noted {
    async fn login(&self, command: Login) -> Result<Entry, Refusal> {
        let devices: String = command.devices.iter().map(|device| format!(" by {}", device.expose())).collect();
        self.note(format!("login {} {:?}{devices}", command.username, command.client.device_name));
        match command.password.expose() {
            "right" => Ok(Entry::Open(Box::new(granted(&command.username)))),
            "half" => Ok(Entry::FactorDue(PlainToken::new("challenge"))),
            "bare" => Ok(Entry::EnrolmentDue(PlainToken::new("challenge"))),
            "often" => Err(Refusal::RateLimited(Duration::from_secs(9))),
            "busy" => Err(Refusal::Busy(Duration::from_secs(7))),
            _ => Err(Refusal::InvalidCredentials),
        }
    }

    /// The client that calls itself `often` was here too often.
    async fn admit_registration(&self, command: AdmitRegistration) -> Result<(), Refusal> {
        match command.client.user_agent.as_deref() {
            Some("often") => Err(Refusal::RateLimited(Duration::from_secs(9))),
            _ => Ok(()),
        }
    }

    /// `B9` is a backup code after which nine are left.
    async fn complete_mfa_login(&self, command: CompleteMfaLogin) -> Result<Grant, Refusal> {
        let trusted = if command.trust_device { " trusted" } else { "" };
        self.note(format!("complete {}{trusted}", command.challenge.expose()));
        let code = command.code.expose();
        let backup_codes_left = code.strip_prefix('B').and_then(|left| left.parse().ok());
        if code != "123456" && backup_codes_left.is_none() {
            return Err(Refusal::InvalidCode);
        }
        let device = IssuedToken { token: PlainToken::new("device"), expires: Timestamp::from_secs(60) };
        Ok(Grant { trusted_device: command.trust_device.then_some(device), backup_codes_left, ..granted("john") })
    }

    async fn refresh(&self, command: Refresh) -> Result<Grant, Refusal> {
        let token = command.token.ok_or(Refusal::MissingRefreshToken)?;
        self.note(format!("refresh {}", token.expose()));
        Ok(granted("john"))
    }

    async fn logout(&self, command: Logout) -> Result<(), Refusal> {
        self.note(format!("logout {}", command.refresh.is_some()));
        if command.refresh.is_some() { Err(Refusal::Unavailable) } else { Ok(()) }
    }

    async fn sessions(&self, command: ListSessions) -> Result<Vec<OwnSession>, Refusal> {
        let caller = command.caller.ok_or(Refusal::Unauthenticated)?;
        if &*caller.username == "nobody's" {
            return Err(Refusal::Unavailable);
        }
        Ok(vec![super::own(&caller)])
    }

    async fn revoke_session(&self, command: RevokeSession) -> Result<Own, Refusal> {
        let caller = command.caller.ok_or(Refusal::Unauthenticated)?;
        let id = command.session.ok_or(Refusal::UnknownSession)?;
        Ok(if caller.session == Some(id) { Own::Ended } else { Own::Stands })
    }

    async fn revoke_all_sessions(&self, command: RevokeAllSessions) -> Result<(), Refusal> {
        command.caller.map(drop).ok_or(Refusal::Unauthenticated)
    }

    async fn set_up_factor(&self, command: SetUpFactor) -> Result<FactorSetup, Refusal> {
        let whose = whose(&command.enroller)?;
        self.note(format!("set up {:?} of {whose}, codes {}", command.name, command.with_codes));
        Ok(setup(command.with_codes))
    }

    async fn confirm_factor(&self, command: ConfirmFactor) -> Result<FactorConfirmed, Refusal> {
        let (whose, code) = (whose(&command.enroller)?, command.code.expose());
        let factor = match &command.factor {
            PendingName::Device(device) => format!("device {device}"),
            PendingName::Secret(secret) => format!("secret {}", secret.expose()),
        };
        self.note(format!("confirm {factor} of {whose} by {code}, codes {}", command.with_codes));
        if code != "123456" {
            return Err(Refusal::InvalidCode);
        }
        Ok(FactorConfirmed { backup_codes: command.with_codes.then(codes) })
    }

    async fn disable_mfa(&self, command: DisableMfa) -> Result<(), Refusal> {
        checked(command.caller, &command.password)
    }

    async fn regenerate_backup_codes(&self, command: RegenerateBackupCodes) -> Result<Vec<Secret>, Refusal> {
        checked(command.caller, &command.password).map(|()| codes())
    }

    async fn devices(&self, command: ListDevices) -> Result<OwnDevices, Refusal> {
        let caller = command.caller.ok_or(Refusal::Unauthenticated)?;
        if &*caller.username == "nobody's" { Err(Refusal::Unavailable) } else { Ok(devices()) }
    }

    async fn revoke_trusted_device(&self, command: RevokeTrustedDevice) -> Result<(), Refusal> {
        command.caller.ok_or(Refusal::Unauthenticated)?;
        if command.device.as_str() == "t1" { Ok(()) } else { Err(Refusal::UnknownDevice) }
    }
}
