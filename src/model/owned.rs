//! The root fields that the gateway owns, by name, for those who do not read `auth.graphql`; and other names for them.

/// Every root field of `auth.graphql`, in its order; a test of the schema holds the two together.
pub const OWNED_FIELDS: [&str; 17] = [
    "login",
    "refreshToken",
    "register",
    "logout",
    "completeMfaLogin",
    "verifyMfaLogin",
    "setupTotp",
    "verifyTotp",
    "setupMfa",
    "verifyMfaSetup",
    "disableMfa",
    "regenerateBackupCodes",
    "revokeSession",
    "revokeAllSessions",
    "revokeTrustedDevice",
    "authSessions",
    "authDevices",
];

/// Another name of an owned root field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedAlias {
    /// What clients, and perhaps the backend, call it.
    pub name: String,
    /// The field, one of [`OWNED_FIELDS`].
    pub field: &'static str,
}
