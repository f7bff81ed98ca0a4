//! Results of commands as the types of `auth.graphql`, and what a selection shows of them.
//!
//! A payload is built whole and then shown in part, so that it can be held against the schema in a test: every field of
//! these types is here, and no others.

use serde_json::{Map, Value, json};

use super::{super::plan::Shown, messages::message};
use crate::{
    auth::{Grant, OwnSession, Refusal},
    model::{Language, Permission, PlainToken, Role, User},
};

mod factors;

pub(super) use factors::{
    backup_codes, disable_mfa, factor, setup_mfa, setup_totp, trusted_device, verify_mfa_setup, verify_totp,
};

/// An object type's value.
pub(super) struct Object {
    pub(super) type_name: &'static str,
    pub(super) fields: Vec<(&'static str, Field)>,
}

/// A field's value.
pub(super) enum Field {
    Leaf(Value),
    Object(Object),
    List(Vec<Object>),
}

impl Object {
    /// What is selected, under its response keys, in order.
    pub(super) fn show(&self, shown: &[Shown]) -> Value {
        let entry = |shown: &Shown| (shown.key.clone(), self.field(shown));
        Value::Object(shown.iter().map(entry).collect::<Map<String, Value>>())
    }

    fn field(&self, shown: &Shown) -> Value {
        if shown.field == "__typename" {
            return json!(self.type_name);
        }
        match self.fields.iter().find(|(name, _)| *name == shown.field).map(|(_, field)| field) {
            Some(Field::Leaf(value)) => value.clone(),
            Some(Field::Object(object)) => object.show(&shown.inside),
            Some(Field::List(objects)) => objects.iter().map(|object| object.show(&shown.inside)).collect(),
            None => Value::Null,
        }
    }
}

const fn leaf(value: Value) -> Field {
    Field::Leaf(value)
}

/// `errors` of a payload.
fn errors(refusal: Option<Refusal>, language: Language) -> Field {
    leaf(json!(refusal.map(|refusal| message(refusal, language)).as_slice()))
}

/// `AuthPayload`, for a session that was opened or goes on.
pub(super) fn granted(grant: &Grant, hides_tokens: bool) -> Object {
    auth_payload(AuthFacts { ok: true, grant: Some(grant), hides_tokens, ..AuthFacts::default() })
}

/// `AuthPayload`, for a login that waits for a second factor. The token is shown to pages, too: it is no session's, and
/// without it they could not go on.
pub(super) fn factor_due(challenge: &PlainToken) -> Object {
    auth_payload(AuthFacts { ok: true, challenge: Some(challenge), ..AuthFacts::default() })
}

/// The same, where the factor has to be set up first.
pub(super) fn enrolment_due(challenge: &PlainToken) -> Object {
    auth_payload(AuthFacts { ok: true, challenge: Some(challenge), lacks_factor: true, ..AuthFacts::default() })
}

/// `AuthPayload`, for a command that came to nothing.
pub(super) fn refused(refusal: Refusal, language: Language) -> Object {
    auth_payload(AuthFacts { reason: Some(Reason::of(refusal, language)), ..AuthFacts::default() })
}

/// `AuthPayload`, for an account that was made, and is not logged in to for this reason.
pub(super) fn registered(refusal: Refusal, language: Language) -> Object {
    auth_payload(AuthFacts { ok: true, reason: Some(Reason::of(refusal, language)), ..AuthFacts::default() })
}

/// `AuthPayload`, for an account that was made, and is not logged in to.
pub(super) fn created() -> Object {
    auth_payload(AuthFacts { ok: true, ..AuthFacts::default() })
}

/// `AuthPayload`, for an account that the backend did not make; `errors` are its own words.
pub(super) fn not_registered(errors: Vec<String>) -> Object {
    let reason = Reason { code: "REGISTRATION_REFUSED", messages: json!(errors) };
    auth_payload(AuthFacts { reason: Some(reason), ..AuthFacts::default() })
}

/// Why a payload has no tokens.
struct Reason {
    code: &'static str,
    messages: Value,
}

impl Reason {
    fn of(refusal: Refusal, language: Language) -> Self {
        Self { code: refusal.code(), messages: json!([message(refusal, language)]) }
    }
}

#[derive(Default)]
struct AuthFacts<'a> {
    ok: bool,
    grant: Option<&'a Grant>,
    hides_tokens: bool,
    challenge: Option<&'a PlainToken>,
    lacks_factor: bool,
    reason: Option<Reason>,
}

fn auth_payload(facts: AuthFacts<'_>) -> Object {
    let AuthFacts { ok, grant, hides_tokens, challenge, lacks_factor, reason } = facts;
    let shown = grant.filter(|_| !hides_tokens);
    let trusted_device = shown.and_then(|grant| grant.trusted_device.as_ref());
    let challenge = challenge.map(PlainToken::expose);
    let fields = vec![
        ("ok", leaf(json!(ok))),
        ("user", grant.map_or(leaf(Value::Null), |grant| Field::Object(user(&grant.user)))),
        ("permissions", leaf(json!(grant.map(|grant| &grant.user.permissions)))),
        ("mfaRequired", leaf(json!(challenge.map(|_| true)))),
        ("mfaSetupRequired", leaf(json!(challenge.map(|_| lacks_factor)))),
        ("challengeToken", leaf(json!(challenge))),
        ("ephemeralToken", leaf(json!(challenge))),
        ("token", leaf(json!(shown.map(|grant| grant.access.token.expose())))),
        ("refreshToken", leaf(json!(shown.map(|grant| grant.refresh.token.expose())))),
        ("expiresAt", leaf(json!(shown.map(|grant| grant.access.expires.to_string())))),
        ("errors", leaf(reason.as_ref().map_or_else(|| json!([]), |reason| reason.messages.clone()))),
        ("trustedDeviceToken", leaf(json!(trusted_device.map(|device| device.token.expose())))),
        ("errorCode", leaf(json!(reason.map(|reason| reason.code)))),
    ];
    Object { type_name: "AuthPayload", fields }
}

/// `LogoutMutation`.
pub(super) fn logout(refusal: Option<Refusal>, language: Language) -> Object {
    ending("LogoutMutation", refusal, language)
}

/// `RevokeSessionMutation`, for a session or a trusted device.
pub(super) fn revoked(refusal: Option<Refusal>, language: Language) -> Object {
    ending("RevokeSessionMutation", refusal, language)
}

/// `RevokeAllSessionsMutation`.
pub(super) fn all_revoked(refusal: Option<Refusal>, language: Language) -> Object {
    ending("RevokeAllSessionsMutation", refusal, language)
}

/// The payload of what ends something, and has no more to say.
fn ending(type_name: &'static str, refusal: Option<Refusal>, language: Language) -> Object {
    Object { type_name, fields: vec![("ok", leaf(json!(refusal.is_none()))), ("errors", errors(refusal, language))] }
}

/// `AuthSession`.
pub(super) fn session(own: &OwnSession) -> Object {
    let OwnSession { session, is_current } = own;
    let fields = vec![
        ("id", leaf(json!(session.id.to_string()))),
        ("current", leaf(json!(is_current))),
        ("deviceName", leaf(json!(session.client.device_name))),
        ("ipAddress", leaf(json!(session.client.ip.map(|ip| ip.to_string())))),
        ("userAgent", leaf(json!(session.client.user_agent))),
        ("createdAt", leaf(json!(session.created.to_string()))),
        ("lastUsedAt", leaf(json!(session.last_used.to_string()))),
        ("expiresAt", leaf(json!(session.expiry.idle.min(session.expiry.absolute).to_string()))),
        ("mfa", leaf(json!(session.mfa))),
    ];
    Object { type_name: "AuthSession", fields }
}

fn user(user: &User) -> Object {
    let fields = vec![
        ("id", leaf(json!(user.id.as_str()))),
        ("username", leaf(json!(user.username))),
        ("email", leaf(json!(user.email))),
        ("firstName", leaf(json!(user.first_name))),
        ("lastName", leaf(json!(user.last_name))),
        ("desc", leaf(json!(user.full_name()))),
        ("isStaff", leaf(json!(user.is_staff))),
        ("isSuperuser", leaf(json!(user.is_superuser))),
        ("isActive", leaf(json!(user.is_active))),
        ("dateJoined", leaf(json!(user.date_joined.to_string()))),
        ("lastLogin", leaf(json!(user.last_login.map(|at| at.to_string())))),
        ("permissions", leaf(json!(user.permissions))),
        ("roles", Field::List(user.roles.iter().map(role).collect())),
    ];
    Object { type_name: "AuthenticatedUserType", fields }
}

fn role(role: &Role) -> Object {
    let fields = vec![
        ("id", leaf(json!(role.id))),
        ("name", leaf(json!(role.name))),
        ("permissions", Field::List(role.permissions.iter().map(permission).collect())),
    ];
    Object { type_name: "AuthRoleType", fields }
}

fn permission(permission: &Permission) -> Object {
    let fields = vec![
        ("id", leaf(json!(permission.id))),
        ("name", leaf(json!(permission.name))),
        ("codename", leaf(json!(permission.codename))),
    ];
    Object { type_name: "AuthPermissionType", fields }
}
