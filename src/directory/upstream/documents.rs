//! What the backend is asked, made once of how it calls its fields.
//!
//! ```graphql
//! mutation($username: String!, $password: String!) {
//!   railgate: login(username: $username, password: $password) {
//!     ok errors token refreshToken expiresAt mfaRequired mfaSetupRequired challenge: ephemeralToken
//!     user { id username … permissions roles { id name permissions { id name codename } } }
//!   }
//! }
//! ```
//!
//! Selections are written in GraphQL by the operator, so that an alias names what the backend calls otherwise: what is read of
//! an answer are response keys. All values travel as variables.

/// How the backend calls what it is asked.
#[derive(Clone, Debug)]
pub struct Wording {
    /// The mutation that takes a name and a password.
    pub login: String,
    /// Its argument for the name.
    pub username: String,
    /// Its argument for the password.
    pub password: String,
    /// What of its payload says how the login went: `ok errors token refreshToken expiresAt`.
    pub payload: String,
    /// The columns of a user.
    pub user: String,
    /// What a user may do: of the payload's user alone. May be empty.
    pub grants: String,
    /// The query whose answer is the caller.
    pub me: String,
    /// The mutation that takes a refresh token.
    pub refresh: String,
    /// Its argument.
    pub refresh_token: String,
    /// Its payload has the user, too.
    pub refresh_has_user: bool,
    /// The backend's own second factors; `None`: it has none.
    pub second_factor: Option<SecondFactor>,
}

/// The vocabulary of the backend's own second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// `verifyMfaLogin(code, ephemeralToken)`.
    Framework,
    /// `completeMfaLogin(totpCode, challengeToken)`.
    Tutorial,
}

/// The documents.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) login: String,
    /// `None` where the backend has no second factors.
    pub(super) complete: Option<String>,
    pub(super) refresh: String,
    pub(super) me: String,
    /// The payload says itself whether it is a refusal; else an error in place of one does.
    pub(super) says_ok: bool,
}

impl Documents {
    pub(super) fn new(wording: &Wording) -> Self {
        let Wording { login, username, password, payload, user, grants, me, refresh, refresh_token, .. } = wording;
        let due = match wording.second_factor {
            Some(SecondFactor::Framework) => "mfaRequired mfaSetupRequired challenge: ephemeralToken ",
            Some(SecondFactor::Tutorial) => "mfaRequired mfaSetupRequired challenge: challengeToken ",
            None => "",
        };
        let granted = format!("user {{ {user} {grants} }}");
        let complete = wording.second_factor.map(|vocabulary| {
            let field = match vocabulary {
                SecondFactor::Framework => "verifyMfaLogin(code: $code, ephemeralToken: $challenge)",
                SecondFactor::Tutorial => "completeMfaLogin(totpCode: $code, challengeToken: $challenge)",
            };
            format!("mutation($code: String!, $challenge: String!) {{ railgate: {field} {{ {payload} {granted} }} }}")
        });
        let refreshed = if wording.refresh_has_user { granted.as_str() } else { "" };
        Self {
            login: format!(
                "mutation($username: String!, $password: String!) {{ railgate: {login}({username}: $username, \
                 {password}: $password) {{ {payload} {due}{granted} }} }}"
            ),
            complete,
            refresh: format!(
                "mutation($token: String!) {{ railgate: {refresh}({refresh_token}: $token) {{ {payload} {refreshed} }} }}"
            ),
            me: format!("{{ railgate: {me} {{ {user} }} }}"),
            says_ok: payload.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|name| name == "ok"),
        }
    }
}
