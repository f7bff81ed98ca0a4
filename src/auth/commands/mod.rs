//! The commands of the auth service, as values, and what they come to.

use std::time::Duration;

use crate::model::{ClientInfo, PlainToken, Principal, Secret, Session, SessionId, Timestamp, User};

mod factors;

pub use factors::{
    ConfirmFactor, DisableMfa, Enroller, FactorConfirmed, FactorSetup, ListDevices, OwnDevices, OwnTrusted,
    PendingName, RegenerateBackupCodes, RevokeTrustedDevice, SetUpFactor,
};

/// Opens a session for a user who shows a password; the first half of it where a second factor is due.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name, as it was typed.
    pub username: String,
    /// The password, as it was typed.
    pub password: Secret,
    /// Tokens of trusted and known devices, from the argument and the cookies. What isn't one is as good as none.
    pub devices: Vec<PlainToken>,
    /// Who asks.
    pub client: ClientInfo,
}

/// Asks whether an account may be made. The backend makes it.
#[derive(Clone, Debug)]
pub struct AdmitRegistration {
    /// Who asks.
    pub client: ClientInfo,
}

/// Ends a login that waits for a second factor.
#[derive(Clone, Debug)]
pub struct CompleteMfaLogin {
    /// The token that the login came to.
    pub challenge: PlainToken,
    /// The code, as it was typed.
    pub code: Secret,
    /// The client's device is to need no code for a while.
    pub trust_device: bool,
    /// Who asks.
    pub client: ClientInfo,
}

/// Exchanges a refresh token.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The token from the argument or the cookie; `None` when there was neither.
    pub token: Option<PlainToken>,
    /// Who asks: a token of the backend begins a session.
    pub client: ClientInfo,
}

/// Ends the caller's session, and what the caller holds of tokens of the backend.
#[derive(Clone, Debug)]
pub struct Logout {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
    /// The refresh token from the cookie: it names the session when no valid access token does.
    pub refresh: Option<PlainToken>,
}

/// Asks for the caller's sessions.
#[derive(Clone, Debug)]
pub struct ListSessions {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
}

/// Ends one session of the caller's.
#[derive(Clone, Debug)]
pub struct RevokeSession {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
    /// Which one; `None` for what can't be the id of any.
    pub session: Option<SessionId>,
}

/// Ends every session of the caller's, the one that asks among them, and what the caller holds of tokens of the backend.
#[derive(Clone, Debug)]
pub struct RevokeAllSessions {
    /// The verified caller, if the request had one.
    pub caller: Option<Principal>,
    /// The refresh token from the cookie: one of the backend's has no session that would end with the others.
    pub refresh: Option<PlainToken>,
}

/// A session, as its owner sees it.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// The session.
    pub session: Session,
    /// It is the one that asks.
    pub is_current: bool,
}

/// What became of the session that asked for others to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It goes on.
    Stands,
    /// It was ended with them.
    Ended,
}

/// A token made by the gateway, and when it runs out.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: PlainToken,
    /// When it runs out.
    pub expires: Timestamp,
}

/// A session was opened, or goes on: the tokens for the client.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose session it is, as the directory knows the user now.
    pub user: User,
    /// Shown with each request.
    pub access: IssuedToken,
    /// Exchanged for the next pair.
    pub refresh: IssuedToken,
    /// When the session ends, whatever happens.
    pub ends: Timestamp,
    /// The device needs no code by this for a while, if that was asked for.
    pub trusted_device: Option<IssuedToken>,
    /// After a login: others' wrong passwords don't keep the device out by this.
    pub known_device: Option<IssuedToken>,
    /// How many backup codes are left, where one was used up by this login.
    pub backup_codes_left: Option<usize>,
}

/// What a right password comes to.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A session.
    Open(Box<Grant>),
    /// The user has a second factor, and this token is shown again beside its code. It opens nothing by itself.
    FactorDue(PlainToken),
    /// The user has to have a second factor, and none is there. By this token one is set up; then the login goes on.
    EnrolmentDue(PlainToken),
}

/// Why a command came to nothing. Each has a stable code for programs; none says whether an account exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Unknown user, wrong password, inactive or unusable account: one answer for all.
    InvalidCredentials,
    /// The user has second factors, but none of a kind that the gateway checks.
    UnsupportedFactor,
    /// A code that is wrong, too old, or was used before.
    InvalidCode,
    /// Too many wrong passwords, codes or refresh tokens: none is looked at for so long.
    RateLimited(Duration),
    /// A password that is asked for once more, and is wrong.
    WrongPassword,
    /// Factors are changed only shortly after a login.
    StaleLogin,
    /// The user has a second factor, and the caller's session was opened without it.
    StepUpRequired,
    /// A second factor is there, so a login that waits for a code sets no other up.
    FactorExists,
    /// A user has as many as there may be.
    TooManyFactors,
    /// There is none to have backup codes of.
    NoFactor,
    /// No authenticator waits under this name or with this secret, or no device of this name is trusted.
    UnknownDevice,
    /// A way to show a factor that can't be set up here.
    UnsupportedMethod,
    /// The gateway is configured to do without.
    FactorsOff,
    /// There is no place to keep factors in.
    NoPlaceForFactors,
    /// The backend, which checks passwords itself, wants a second factor set up first, in its own way.
    SetupAtBackend,
    /// A challenge that is unknown, used up or expired, had too many wrong codes, or is of a user who may not log in by the
    /// same password any more.
    InvalidChallenge,
    /// A refresh without a token.
    MissingRefreshToken,
    /// A refresh token that is unknown, expired, used up or of a user who may not log in any more.
    InvalidRefreshToken,
    /// A session that Django opened is Django's to end: its table is not ours to write to, and its cookie not ours to delete.
    DjangoSession,
    /// A command on the caller's sessions without a verified caller, or by one whose own session has ended.
    Unauthenticated,
    /// No session of the caller's has this id: it is unknown, has ended, or is another user's; never which.
    UnknownSession,
    /// The gateway is configured to have no accounts made through it.
    RegistrationDisabled,
    /// Too many passwords are being checked; those ahead take so long.
    Busy(Duration),
    /// The directory or the store is out of reach; nothing was changed as far as is known.
    Unavailable,
}

impl Refusal {
    /// The `errorCode` of the payload. Stable across releases.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::UnsupportedFactor => "MFA_METHOD_UNSUPPORTED",
            Self::InvalidCode => "MFA_INVALID_CODE",
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::WrongPassword => "INVALID_PASSWORD",
            Self::StaleLogin => "REAUTHENTICATION_REQUIRED",
            Self::StepUpRequired => "STEP_UP_REQUIRED",
            Self::FactorExists => "MFA_ALREADY_ENROLLED",
            Self::TooManyFactors => "MFA_LIMIT_REACHED",
            Self::NoFactor => "MFA_NOT_ENROLLED",
            Self::UnknownDevice => "DEVICE_UNKNOWN",
            Self::UnsupportedMethod => "MFA_METHOD_UNKNOWN",
            Self::FactorsOff => "MFA_DISABLED",
            Self::NoPlaceForFactors => "MFA_UNAVAILABLE",
            Self::SetupAtBackend => "MFA_SETUP_AT_BACKEND",
            Self::InvalidChallenge => "CHALLENGE_INVALID",
            Self::MissingRefreshToken => "REFRESH_TOKEN_MISSING",
            Self::InvalidRefreshToken => "REFRESH_TOKEN_INVALID",
            Self::DjangoSession => "SESSION_NOT_MANAGED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::UnknownSession => "SESSION_UNKNOWN",
            Self::RegistrationDisabled => "REGISTRATION_DISABLED",
            Self::Busy(_) => "BUSY",
            Self::Unavailable => "SERVICE_UNAVAILABLE",
        }
    }
}

/// Runs commands. The service on a directory and a store implements it, and so do stand-ins in unit tests.
#[expect(async_fn_in_trait, reason = "called on one core's runtime; no caller needs the futures to be Send")]
pub trait Commands {
    /// Checks a password, and opens a session where no second factor is due.
    async fn login(&self, command: Login) -> Result<Entry, Refusal>;
    /// Counts an account that is about to be made.
    async fn admit_registration(&self, command: AdmitRegistration) -> Result<(), Refusal>;
    /// Checks the code of a second factor and opens a session.
    async fn complete_mfa_login(&self, command: CompleteMfaLogin) -> Result<Grant, Refusal>;
    /// Exchanges a refresh token for a new pair of tokens.
    async fn refresh(&self, command: Refresh) -> Result<Grant, Refusal>;
    /// Ends the caller's session; having none to end is success, too.
    async fn logout(&self, command: Logout) -> Result<(), Refusal>;
    /// The caller's sessions, the newest first.
    async fn sessions(&self, command: ListSessions) -> Result<Vec<OwnSession>, Refusal>;
    /// Ends one of the caller's sessions.
    async fn revoke_session(&self, command: RevokeSession) -> Result<Own, Refusal>;
    /// Ends all of the caller's sessions.
    async fn revoke_all_sessions(&self, command: RevokeAllSessions) -> Result<(), Refusal>;
    /// Begins to set an authenticator up.
    async fn set_up_factor(&self, command: SetUpFactor) -> Result<FactorSetup, Refusal>;
    /// Takes the first code of one.
    async fn confirm_factor(&self, command: ConfirmFactor) -> Result<FactorConfirmed, Refusal>;
    /// Removes all factors of the caller's.
    async fn disable_mfa(&self, command: DisableMfa) -> Result<(), Refusal>;
    /// Gives the caller new backup codes.
    async fn regenerate_backup_codes(&self, command: RegenerateBackupCodes) -> Result<Vec<Secret>, Refusal>;
    /// The caller's factors and trusted devices.
    async fn devices(&self, command: ListDevices) -> Result<OwnDevices, Refusal>;
    /// Trusts one of the caller's devices no more.
    async fn revoke_trusted_device(&self, command: RevokeTrustedDevice) -> Result<(), Refusal>;
}
