//! One thing that differs between a backend's authentication and the gateway's, in words, with what to do about it.

use std::fmt;

use crate::graphql::schema;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A mutation of the backend's that no rule is for is an operation of the gateway's by another name:
    /// `tokenAuth(username, password) { token }`.
    Renamed {
        /// The mutation.
        field: String,
        /// The operation: `login`.
        operation: &'static str,
        /// The password's place in its arguments, if it takes one.
        argument: Option<String>,
        /// The token's place in its payload, if it returns one.
        payload: Option<String>,
    },
    /// A mutation of the backend's that no rule is for takes a password: `updateUser(input.password)`.
    TakesPassword {
        /// The mutation.
        field: String,
        /// Where in its arguments.
        argument: String,
    },
    /// A mutation of the backend's that no rule is for returns a token: `impersonate { token }`.
    ReturnsToken {
        /// The mutation.
        field: String,
        /// Where in its payload.
        payload: String,
    },
    /// Another name of a mutation of the gateway's is a query at the backend, or the reverse: there no rule is for it, and it is
    /// forwarded.
    Misplaced {
        /// The other name: `tokenAuth`.
        name: String,
        /// What it means: `login`.
        operation: &'static str,
        /// The root type that has it at the backend: `Query`.
        root: &'static str,
    },
    /// The backend's field takes an argument that the gateway's has not.
    Argument {
        /// Root type and field: `Mutation.login`.
        field: String,
        /// The argument and its type.
        argument: String,
    },
    /// The gateway's field takes it otherwise: clients' variables may be of a type that does not fit.
    ArgumentType {
        /// Root type, field and argument: `Mutation.login.deviceId`.
        argument: String,
        /// The backend's type.
        theirs: String,
        /// The gateway's, or `required` where the backend doesn't ask for it.
        ours: String,
    },
    /// What the backend gives back has a field that the gateway's answer has not.
    Selection {
        /// `Mutation.login.legacyToken`.
        path: String,
    },
    /// The gateway's field, which the backend has not.
    Added {
        /// Root type and field.
        field: String,
    },
}

impl Difference {
    /// Whether it lets somebody in past the gateway.
    #[must_use]
    pub const fn is_door(&self) -> bool {
        matches!(
            self,
            Self::Renamed { .. } | Self::TakesPassword { .. } | Self::ReturnsToken { .. } | Self::Misplaced { .. }
        )
    }

    /// Whether a client that worked before may not work any more.
    #[must_use]
    pub const fn is_noticed(&self) -> bool {
        matches!(self, Self::Argument { .. } | Self::ArgumentType { .. } | Self::Selection { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let who = "and deny = true, roles, permissions or mfa";
        match self {
            Self::Renamed { field, operation, .. } => Some(format!(
                "have the gateway answer it as its own {operation}: {field} = \"{operation}\" below [graphql.owned_aliases]; or say \
                 that nobody may use it: [[fields]] with field = \"{field}\" {who}"
            )),
            Self::TakesPassword { field, .. } | Self::ReturnsToken { field, .. } => {
                Some(format!("say who may use it, or that nobody may: [[fields]] with field = \"{field}\" {who}"))
            }
            Self::Misplaced { name, operation, root } => Some(format!(
                "take {name} out of [graphql.owned_aliases] if it means something else; or say that nobody may use it: \
                 [[fields]] with field = \"{operation}\", type = \"{root}\" {who}"
            )),
            Self::Argument { .. } | Self::Selection { .. } => {
                Some("clients that use it get a validation error; see whether any does".to_owned())
            }
            Self::ArgumentType { .. } => Some("clients that send another type get a validation error".to_owned()),
            Self::Added { .. } => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { field, operation, argument, payload } => {
                write!(
                    f,
                    "mutation `{field}` of the backend {}, as `{operation}` does, and no rule is for it",
                    doing(argument.as_deref(), payload.as_deref())
                )
            }
            Self::TakesPassword { field, argument } => {
                write!(f, "mutation `{field}` of the backend {}, and no rule is for it", doing(Some(argument), None))
            }
            Self::ReturnsToken { field, payload } => {
                write!(f, "mutation `{field}` of the backend {}, and no rule is for it", doing(None, Some(payload)))
            }
            Self::Misplaced { name, operation, root } => {
                let (theirs, ours) = if *root == schema::QUERY { ("query", "mutation") } else { ("mutation", "query") };
                write!(
                    f,
                    "`{name}` is another name of the {ours} `{operation}`, but a {theirs} at the backend: that is forwarded, \
                     and no rule is for it"
                )
            }
            Self::Argument { field, argument } => {
                write!(f, "`{field}` of the backend takes `{argument}`, the gateway's does not")
            }
            Self::ArgumentType { argument, theirs, ours } => {
                write!(f, "`{argument}` is {theirs} at the backend, and {ours} at the gateway")
            }
            Self::Selection { path } => write!(f, "`{path}` is at the backend, and not at the gateway"),
            Self::Added { field } => write!(f, "`{field}` is not at the backend: the gateway adds it"),
        }
    }
}

/// What a mutation does with a password and a token.
fn doing(argument: Option<&str>, payload: Option<&str>) -> String {
    let takes = argument.map(|argument| format!("takes a password (`{argument}`)"));
    let returns = payload.map(|payload| format!("returns a token (`{payload}`)"));
    [takes, returns].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
