//! What a valid document comes to: commands with their arguments, and what is shown of their results.

use std::sync::Arc;

use async_graphql_parser::Pos;

use super::super::{
    Request,
    error::GraphqlError,
    excerpt::Excerpt,
    introspection::{Asked, Own},
};
use crate::{
    auth::PendingName,
    model::{DeviceId, PlainToken, Secret, SessionId},
};

/// What an operation with owned fields does, step by step.
#[derive(Debug)]
pub struct Owned {
    /// What the backend has to find valid before anything runs.
    pub(in crate::graphql) checks: Vec<Check>,
    /// What is asked about the schema; of queries only, whose fields may run in any order.
    pub(in crate::graphql) introspection: Option<Introspection>,
    pub(in crate::graphql) steps: Vec<Step>,
    /// The response keys of `data`, in order.
    pub(in crate::graphql) keys: Vec<String>,
}

impl Owned {
    /// What runs, by the names of the audit log ([`auth::audit`](crate::auth::audit)); also what only reads.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().filter_map(|step| step.as_field()?.action.name())
    }

    /// Whether it is about the schema, if not that alone.
    #[must_use]
    pub const fn asks_about_schema(&self) -> bool {
        self.introspection.is_some()
    }

    /// Whether the backend has its part in it.
    pub(in crate::graphql) fn asks_backend(&self) -> bool {
        self.steps.iter().any(|step| step.as_field().is_none_or(|field| field.users.is_some()))
    }

    /// How many owned root fields run.
    pub(super) fn operations(&self) -> usize {
        let is_owned = |step: &&Step| match step {
            Step::Field(field) => !matches!(field.action, Action::TypeName(_)),
            Step::Part(_) => false,
        };
        self.steps.iter().filter(is_owned).count()
    }
}

/// A document that the backend validates.
#[derive(Debug)]
pub(in crate::graphql) struct Check {
    pub(in crate::graphql) excerpt: Excerpt,
    /// What else than an invalid document keeps the rest from running.
    pub(in crate::graphql) refusals: Refusals,
}

/// What it means when the backend doesn't say whether a document is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) enum Refusals {
    /// It would refuse the same when it is run: nothing runs.
    Count,
    /// It will be asked as somebody else: it is found out then.
    DoNotCount,
}

/// Root fields about the schema.
#[derive(Debug)]
pub(in crate::graphql) struct Introspection {
    pub(in crate::graphql) asked: Arc<[Asked]>,
    /// What is added to the backend's schema.
    pub(in crate::graphql) own: Arc<Own>,
    pub(in crate::graphql) instead: Instead,
}

/// What the backend is asked where it doesn't show its schema, so that the answer is its own.
#[derive(Debug)]
pub(in crate::graphql) enum Instead {
    /// The request as it came: nothing in it is the gateway's.
    Whole(Request),
    /// These fields.
    Part(Part),
}

#[derive(Debug)]
pub(in crate::graphql) enum Step {
    Field(RootField),
    Part(Part),
}

impl Step {
    pub(in crate::graphql) const fn as_field(&self) -> Option<&RootField> {
        match self {
            Self::Field(field) => Some(field),
            Self::Part(_) => None,
        }
    }
}

/// Root fields that the backend answers together.
#[derive(Debug)]
pub(in crate::graphql) struct Part {
    pub(in crate::graphql) keys: Vec<String>,
    pub(in crate::graphql) excerpt: Excerpt,
}

/// One response key of `data`.
#[derive(Debug)]
pub(in crate::graphql) struct RootField {
    pub(in crate::graphql) key: String,
    pub(in crate::graphql) action: Action,
    /// What its payload shows of users that only the backend knows.
    pub(in crate::graphql) users: Option<Box<UsersPart>>,
}

/// What a payload shows of users that only the backend knows. It is asked once, however many they are.
#[derive(Debug)]
pub(in crate::graphql) struct UsersPart {
    /// In the order in which they are asked.
    pub(in crate::graphql) users: Vec<UserPart>,
    pub(in crate::graphql) excerpt: Excerpt,
}

/// Fields of one `user` of a payload that the backend has to be asked for.
#[derive(Debug)]
pub(in crate::graphql) struct UserPart {
    /// The response key of the user.
    pub(in crate::graphql) key: String,
    /// The response keys of the fields.
    pub(in crate::graphql) fields: Vec<String>,
}

/// What is done for it.
#[derive(Debug)]
pub(in crate::graphql) enum Action {
    /// `__typename` of the root.
    TypeName(String),
    Login {
        arguments: LoginArguments,
        shown: Arc<[Shown]>,
    },
    /// The backend makes an account; then the same as for a login.
    Register {
        arguments: RegisterArguments,
        /// What the client calls it, and so the backend: `register`, or another name for that.
        name: String,
        /// Where it is asked for: the backend may not have such a field.
        places: Vec<Pos>,
        shown: Arc<[Shown]>,
    },
    CompleteMfaLogin {
        challenge: PlainToken,
        code: Secret,
        trust_device: bool,
        shown: Arc<[Shown]>,
    },
    Refresh {
        /// The argument; the cookie is for whoever runs this.
        token: Option<PlainToken>,
        shown: Arc<[Shown]>,
    },
    Logout {
        shown: Arc<[Shown]>,
    },
    Sessions {
        shown: Arc<[Shown]>,
    },
    RevokeSession {
        /// `None` for a text that can't be the id of any.
        session: Option<SessionId>,
        shown: Arc<[Shown]>,
    },
    RevokeAllSessions {
        shown: Arc<[Shown]>,
    },
    SetUpFactor {
        arguments: SetUpArguments,
        shown: Arc<[Shown]>,
    },
    ConfirmFactor {
        arguments: ConfirmArguments,
        shown: Arc<[Shown]>,
    },
    DisableMfa {
        password: Secret,
        shown: Arc<[Shown]>,
    },
    RegenerateBackupCodes {
        password: Secret,
        shown: Arc<[Shown]>,
    },
    Devices {
        shown: Arc<[Shown]>,
    },
    RevokeTrustedDevice {
        device: DeviceId,
        shown: Arc<[Shown]>,
    },
    /// Nothing: the field is null, and this is why.
    Refuse(GraphqlError),
    /// The same for one that may not be null: `data` is null in its place, and nothing further runs.
    RefuseAll(GraphqlError),
}

impl Action {
    /// The operation, by its name in the audit log; `None` where none runs.
    pub(in crate::graphql) const fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::TypeName(_) | Self::Refuse(_) | Self::RefuseAll(_) => return None,
            Self::Login { .. } => "login",
            Self::Register { .. } => "register",
            Self::CompleteMfaLogin { .. } => "complete_mfa_login",
            Self::Refresh { .. } => "refresh",
            Self::Logout { .. } => "logout",
            Self::Sessions { .. } => "list_sessions",
            Self::RevokeSession { .. } => "revoke_session",
            Self::RevokeAllSessions { .. } => "revoke_all_sessions",
            Self::SetUpFactor { .. } => "set_up_factor",
            Self::ConfirmFactor { .. } => "confirm_factor",
            Self::DisableMfa { .. } => "disable_mfa",
            Self::RegenerateBackupCodes { .. } => "regenerate_backup_codes",
            Self::Devices { .. } => "list_devices",
            Self::RevokeTrustedDevice { .. } => "revoke_trusted_device",
        })
    }

    /// The type of its payload in `auth.graphql`, or of what is in that if it is a list.
    pub(in crate::graphql) const fn payload(&self) -> Option<&'static str> {
        Some(match self {
            Self::TypeName(_) | Self::Refuse(_) | Self::RefuseAll(_) => return None,
            Self::Login { .. } | Self::Register { .. } | Self::CompleteMfaLogin { .. } | Self::Refresh { .. } => {
                "AuthPayload"
            }
            Self::Logout { .. } => "LogoutMutation",
            Self::Sessions { .. } => "AuthSession",
            Self::RevokeSession { .. } | Self::RevokeTrustedDevice { .. } => "RevokeSessionMutation",
            Self::RevokeAllSessions { .. } => "RevokeAllSessionsMutation",
            Self::SetUpFactor { arguments, .. } => match arguments.vocabulary {
                Vocabulary::Tutorial => "SetupTotpPayload",
                Vocabulary::Framework => "SetupMFAMutation",
            },
            Self::ConfirmFactor { arguments, .. } => match arguments.vocabulary {
                Vocabulary::Tutorial => "VerifyTotpPayload",
                Vocabulary::Framework => "VerifyMFASetupMutation",
            },
            Self::DisableMfa { .. } => "DisableMFAMutation",
            Self::RegenerateBackupCodes { .. } => "BackupCodesPayload",
            Self::Devices { .. } => "AuthMfaDevice",
        })
    }

    /// Whether it comes to a list of these.
    pub(in crate::graphql) const fn is_list(&self) -> bool {
        matches!(self, Self::Sessions { .. } | Self::Devices { .. })
    }

    /// What is selected of it.
    pub(in crate::graphql) fn shown(&self) -> &[Shown] {
        match self {
            Self::TypeName(_) | Self::Refuse(_) | Self::RefuseAll(_) => &[],
            Self::Login { shown, .. }
            | Self::Register { shown, .. }
            | Self::CompleteMfaLogin { shown, .. }
            | Self::Refresh { shown, .. }
            | Self::Logout { shown }
            | Self::Sessions { shown }
            | Self::RevokeSession { shown, .. }
            | Self::RevokeAllSessions { shown }
            | Self::SetUpFactor { shown, .. }
            | Self::ConfirmFactor { shown, .. }
            | Self::DisableMfa { shown, .. }
            | Self::RegenerateBackupCodes { shown, .. }
            | Self::Devices { shown }
            | Self::RevokeTrustedDevice { shown, .. } => shown,
        }
    }
}

#[derive(Debug)]
pub(in crate::graphql) struct LoginArguments {
    pub(in crate::graphql) username: String,
    pub(in crate::graphql) password: Secret,
    pub(in crate::graphql) device_name: Option<String>,
    /// What may be the token of a trusted device; or a name that the client made up.
    pub(in crate::graphql) device: Option<PlainToken>,
}

/// What the backend makes an account of; `None` is left out.
#[derive(Debug)]
pub(in crate::graphql) struct RegisterArguments {
    pub(in crate::graphql) username: String,
    pub(in crate::graphql) email: String,
    pub(in crate::graphql) password: Secret,
    pub(in crate::graphql) first_name: Option<String>,
    pub(in crate::graphql) last_name: Option<String>,
}

/// In whose words an authenticator is set up. The commands are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::graphql) enum Vocabulary {
    /// The tutorial's: backup codes come with the first code.
    Tutorial,
    /// The framework's: they come with the setup.
    Framework,
}

#[derive(Debug)]
pub(in crate::graphql) struct SetUpArguments {
    pub(in crate::graphql) vocabulary: Vocabulary,
    /// Of the login that waits for a factor; `None` for the caller's own account.
    pub(in crate::graphql) challenge: Option<PlainToken>,
    pub(in crate::graphql) device_name: Option<String>,
    /// It is to be an authenticator, and nothing else.
    pub(in crate::graphql) is_totp: bool,
}

#[derive(Debug)]
pub(in crate::graphql) struct ConfirmArguments {
    pub(in crate::graphql) vocabulary: Vocabulary,
    /// As above.
    pub(in crate::graphql) challenge: Option<PlainToken>,
    pub(in crate::graphql) factor: PendingName,
    pub(in crate::graphql) code: Secret,
}

/// A selected field of a result, under its response key. One that the type doesn't have is the backend's.
#[derive(Debug)]
pub(in crate::graphql) struct Shown {
    pub(in crate::graphql) key: String,
    pub(in crate::graphql) field: String,
    pub(in crate::graphql) inside: Vec<Shown>,
}
