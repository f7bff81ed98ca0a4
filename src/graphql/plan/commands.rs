//! The command behind a root field, made of its arguments. New commands are added here.
//!
//! Where the field has two vocabularies, two fields drive one command:
//!
//! | the tutorial's | the framework's |
//! |---|---|
//! | `completeMfaLogin(challengeToken, totpCode)` | `verifyMfaLogin(ephemeralToken, code)` |
//! | `setupTotp(deviceName, challengeToken)` | `setupMfa(method, ephemeralToken)` |
//! | `verifyTotp(deviceId, token, challengeToken)` | `verifyMfaSetup(secret, code, ephemeralToken)` |

use std::sync::Arc;

use async_graphql_parser::Pos;
use serde_json::Value;

use super::{
    coerce::Arguments,
    owned::{Action, ConfirmArguments, LoginArguments, RegisterArguments, SetUpArguments, Shown, Vocabulary},
};
use crate::{
    auth::PendingName,
    model::{DeviceId, PlainToken, Secret, SessionId},
};

/// Longest `deviceName` that is kept, in characters.
const DEVICE_NAME: usize = 100;

/// How a root field is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'p> {
    /// The field of `auth.graphql`.
    pub(super) field: &'p str,
    /// The name in the document: that, or another for it.
    pub(super) name: &'p str,
    pub(super) places: &'p [Pos],
}

/// The command behind a root field; `None` where none is built yet.
pub(super) fn command(asked: Asked<'_>, arguments: Arguments<'_>, shown: Arc<[Shown]>) -> Option<Action> {
    let mut given = Given(arguments);
    match asked.field {
        "login" => Some(Action::Login {
            arguments: LoginArguments {
                username: given.text("username")?,
                password: given.secret("password")?,
                device_name: given.device_name(),
                device: given.token("deviceId"),
            },
            shown,
        }),
        "register" => Some(Action::Register {
            arguments: RegisterArguments {
                username: given.text("username")?,
                email: given.text("email")?,
                password: given.secret("password")?,
                first_name: given.text("firstName"),
                last_name: given.text("lastName"),
            },
            name: asked.name.to_owned(),
            places: asked.places.to_vec(),
            shown,
        }),
        "completeMfaLogin" => Some(Action::CompleteMfaLogin {
            challenge: PlainToken::new(given.text("challengeToken")?),
            code: given.secret("totpCode")?,
            trust_device: given.flag("trustDevice"),
            shown,
        }),
        "verifyMfaLogin" => Some(Action::CompleteMfaLogin {
            challenge: PlainToken::new(given.text("ephemeralToken")?),
            code: given.secret("code")?,
            trust_device: false,
            shown,
        }),
        // As the backend has it, an empty token is none: the cookie is asked next.
        "refreshToken" => Some(Action::Refresh { token: given.token("refreshToken"), shown }),
        "logout" => Some(Action::Logout { shown }),
        "authSessions" => Some(Action::Sessions { shown }),
        "revokeSession" => Some(Action::RevokeSession { session: SessionId::parse(&given.text("sessionId")?), shown }),
        "revokeAllSessions" => Some(Action::RevokeAllSessions { shown }),
        _ => on_factors(asked.field, given, shown),
    }
}

/// The same of second factors and trusted devices.
fn on_factors(field: &str, mut given: Given<'_>, shown: Arc<[Shown]>) -> Option<Action> {
    match field {
        "setupTotp" => Some(Action::SetUpFactor {
            arguments: SetUpArguments {
                vocabulary: Vocabulary::Tutorial,
                challenge: given.token("challengeToken"),
                device_name: given.device_name(),
                is_totp: true,
            },
            shown,
        }),
        "setupMfa" => Some(Action::SetUpFactor {
            arguments: SetUpArguments {
                vocabulary: Vocabulary::Framework,
                challenge: given.token("ephemeralToken"),
                device_name: None,
                is_totp: given.text("method")? == "totp",
            },
            shown,
        }),
        "verifyTotp" => Some(Action::ConfirmFactor {
            arguments: ConfirmArguments {
                vocabulary: Vocabulary::Tutorial,
                challenge: given.token("challengeToken"),
                factor: PendingName::Device(DeviceId::new(given.text("deviceId")?)),
                code: given.secret("token")?,
            },
            shown,
        }),
        "verifyMfaSetup" => Some(Action::ConfirmFactor {
            arguments: ConfirmArguments {
                vocabulary: Vocabulary::Framework,
                challenge: given.token("ephemeralToken"),
                factor: PendingName::Secret(given.secret("secret")?),
                code: given.secret("code")?,
            },
            shown,
        }),
        "disableMfa" => Some(Action::DisableMfa { password: given.secret("password")?, shown }),
        "regenerateBackupCodes" => Some(Action::RegenerateBackupCodes { password: given.secret("password")?, shown }),
        "authDevices" => Some(Action::Devices { shown }),
        "revokeTrustedDevice" => {
            Some(Action::RevokeTrustedDevice { device: DeviceId::new(given.text("deviceId")?), shown })
        }
        _ => None,
    }
}

/// The arguments of a field, each to be taken once.
struct Given<'p>(Arguments<'p>);

impl Given<'_> {
    fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn secret(&mut self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// One that may be left out; an empty one is.
    fn token(&mut self, name: &str) -> Option<PlainToken> {
        self.text(name).filter(|token| !token.is_empty()).map(PlainToken::new)
    }

    fn flag(&mut self, name: &str) -> bool {
        self.0.remove(name) == Some(Value::Bool(true))
    }

    /// Without control characters: a directory may take some of them for an error (PostgreSQL has no NUL in a text).
    fn device_name(&mut self) -> Option<String> {
        let name = self.text("deviceName")?;
        Some(name.chars().filter(|character| !character.is_control()).take(DEVICE_NAME).collect())
    }
}
