//! Payloads of the commands on second factors, and of what is listed of them.

use serde_json::json;

use super::{
    super::messages::{Notice, notice},
    Field, Object, ending, errors, leaf,
};
use crate::{
    auth::{FactorConfirmed, FactorSetup, OwnTrusted, Refusal},
    model::{Factor, FactorKind, Language, Secret},
};

/// `SetupTotpPayload`.
pub(in crate::graphql::execute) fn setup_totp(result: &Result<FactorSetup, Refusal>, language: Language) -> Object {
    let setup = result.as_ref().ok();
    let fields = vec![
        ("ok", leaf(json!(setup.is_some()))),
        ("totpSecret", leaf(json!(setup.map(|setup| setup.secret.expose())))),
        ("qrCodeUrl", picture(setup)),
        ("otpauthUrl", leaf(json!(setup.map(|setup| setup.uri.expose())))),
        ("deviceId", leaf(json!(setup.map(|setup| setup.device.as_str())))),
        ("message", leaf(json!(setup.map(|_| notice(Notice::ScanPicture, language))))),
        ("errors", errors(result.as_ref().err().copied(), language)),
    ];
    Object { type_name: "SetupTotpPayload", fields }
}

/// `SetupMFAMutation`.
pub(in crate::graphql::execute) fn setup_mfa(result: &Result<FactorSetup, Refusal>, language: Language) -> Object {
    let setup = result.as_ref().ok();
    let fields = vec![
        ("ok", leaf(json!(setup.is_some()))),
        ("secret", leaf(json!(setup.map(|setup| setup.secret.expose())))),
        ("qrCodeUrl", picture(setup)),
        ("backupCodes", codes(setup.and_then(|setup| setup.backup_codes.as_deref()))),
        ("errors", errors(result.as_ref().err().copied(), language)),
    ];
    Object { type_name: "SetupMFAMutation", fields }
}

/// `VerifyTotpPayload`.
pub(in crate::graphql::execute) fn verify_totp(
    result: &Result<FactorConfirmed, Refusal>,
    language: Language,
) -> Object {
    let confirmed = result.as_ref().ok();
    let given = confirmed.and_then(|confirmed| confirmed.backup_codes.as_deref());
    let fields = vec![
        ("ok", leaf(json!(confirmed.is_some()))),
        ("message", leaf(json!(given.map(|_| notice(Notice::KeepCodes, language))))),
        ("backupCodes", codes(given)),
        ("errors", errors(result.as_ref().err().copied(), language)),
    ];
    Object { type_name: "VerifyTotpPayload", fields }
}

/// `VerifyMFASetupMutation`.
pub(in crate::graphql::execute) fn verify_mfa_setup(
    result: &Result<FactorConfirmed, Refusal>,
    language: Language,
) -> Object {
    ending("VerifyMFASetupMutation", result.as_ref().err().copied(), language)
}

/// `DisableMFAMutation`.
pub(in crate::graphql::execute) fn disable_mfa(refusal: Option<Refusal>, language: Language) -> Object {
    ending("DisableMFAMutation", refusal, language)
}

/// `BackupCodesPayload`.
pub(in crate::graphql::execute) fn backup_codes(result: &Result<Vec<Secret>, Refusal>, language: Language) -> Object {
    let fields = vec![
        ("ok", leaf(json!(result.is_ok()))),
        ("backupCodes", codes(result.as_deref().ok())),
        ("errors", errors(result.as_ref().err().copied(), language)),
    ];
    Object { type_name: "BackupCodesPayload", fields }
}

/// `AuthMfaDevice`, for a factor.
pub(in crate::graphql::execute) fn factor(factor: &Factor) -> Object {
    let kind = match &factor.kind {
        FactorKind::Totp(_) => "totp",
        FactorKind::Other(kind) => kind,
    };
    let fields = vec![
        ("id", leaf(json!(factor.device.as_str()))),
        ("name", leaf(json!(factor.name))),
        ("kind", leaf(json!(kind))),
        ("createdAt", leaf(json!(factor.created.to_string()))),
        ("lastUsedAt", leaf(json!(factor.last_used.map(|at| at.to_string())))),
        ("expiresAt", leaf(json!(null))),
    ];
    Object { type_name: "AuthMfaDevice", fields }
}

/// The same, for a trusted device.
pub(in crate::graphql::execute) fn trusted_device(trusted: &OwnTrusted) -> Object {
    let fields = vec![
        ("id", leaf(json!(trusted.id.as_str()))),
        ("name", leaf(json!(trusted.name))),
        ("kind", leaf(json!("trusted"))),
        ("createdAt", leaf(json!(trusted.created.to_string()))),
        ("lastUsedAt", leaf(json!(null))),
        ("expiresAt", leaf(json!(trusted.expires.to_string()))),
    ];
    Object { type_name: "AuthMfaDevice", fields }
}

/// `qrCodeUrl`: what an `<img>` shows without asking anybody.
fn picture(setup: Option<&FactorSetup>) -> Field {
    leaf(json!(setup.map(|setup| format!("data:image/png;base64,{}", setup.picture.expose()))))
}

/// `backupCodes`.
fn codes(codes: Option<&[Secret]>) -> Field {
    leaf(json!(codes.map(|codes| codes.iter().map(Secret::expose).collect::<Vec<_>>())))
}
