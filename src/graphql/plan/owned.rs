//! What a valid document comes to: commands with their arguments, and what is shown of their results.

use std::sync::Arc;

use super::super::error::GraphqlError;
use crate::model::{PlainToken, Secret};

/// Valid owned root fields with coerced arguments, in order.
#[derive(Debug)]
pub struct Owned {
    pub(in crate::graphql) fields: Vec<RootField>,
}

/// One response key of `data`.
#[derive(Debug)]
pub(in crate::graphql) struct RootField {
    pub(in crate::graphql) key: String,
    pub(in crate::graphql) action: Action,
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
    Refresh {
        /// The argument; the cookie is for whoever runs this.
        token: Option<PlainToken>,
        shown: Arc<[Shown]>,
    },
    Logout {
        shown: Arc<[Shown]>,
    },
    /// Nothing: the field is null, and this is why.
    Refuse(GraphqlError),
}

#[derive(Debug)]
pub(in crate::graphql) struct LoginArguments {
    pub(in crate::graphql) username: String,
    pub(in crate::graphql) password: Secret,
    pub(in crate::graphql) device_name: Option<String>,
}

/// A selected field of a result, under its response key. The field exists: validation has seen to it.
#[derive(Debug)]
pub(in crate::graphql) struct Shown {
    pub(in crate::graphql) key: String,
    pub(in crate::graphql) field: String,
    pub(in crate::graphql) inside: Vec<Shown>,
}
