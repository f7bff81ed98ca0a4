//! What a backend's schema has of authentication, held against what the gateway owns: what clients would notice when the
//! gateway comes in front of it, and what would let somebody in past it.

use std::{collections::BTreeSet, fmt};

use super::{
    Own,
    ask::{self, Features},
    model::{Field, InputValue, Model, TypeDef, TypeRef},
};
use crate::graphql::{Said, schema, schema::Schema};

/// As deep as inputs and payloads are looked into for passwords and tokens.
const DEPTH: usize = 3;

/// The operation by which users come in with a password.
const LOGIN: &str = "login";

/// A backend's schema.
#[derive(Debug)]
pub struct Surface {
    model: Model,
}

/// Why it could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// The answer is none of GraphQL's.
    #[error("the answer is not GraphQL's")]
    NotGraphql,
    /// The backend shows its schema to nobody, or not to this caller; its own words.
    #[error("the backend does not show its schema: {0}")]
    Refused(String),
    /// It is no schema.
    #[error("the schema that the backend tells can't be read")]
    Unreadable(#[from] serde_json::Error),
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A mutation of the backend's that no rule is for is a login by another name: `tokenAuth(password) { token }`.
    LogsIn {
        /// The mutation.
        field: String,
        /// The password's place in its arguments.
        argument: String,
        /// The token's place in its payload.
        payload: String,
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
        matches!(self, Self::LogsIn { .. } | Self::TakesPassword { .. } | Self::ReturnsToken { .. })
    }

    /// Whether a client that worked before may not work any more.
    #[must_use]
    pub const fn is_noticed(&self) -> bool {
        matches!(self, Self::Argument { .. } | Self::ArgumentType { .. } | Self::Selection { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let rule =
            |field: &str| format!("[[fields]] with field = \"{field}\" and deny = true, roles, permissions or mfa");
        match self {
            Self::LogsIn { field, .. } => Some(format!(
                "have the gateway answer it as its own login: {field} = \"{LOGIN}\" below [graphql.owned_aliases]; or say that nobody \
                 may use it: {}",
                rule(field)
            )),
            Self::TakesPassword { field, .. } | Self::ReturnsToken { field, .. } => {
                Some(format!("say who may use it, or that nobody may: {}", rule(field)))
            }
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
            Self::LogsIn { field, argument, payload } => {
                write!(
                    f,
                    "mutation `{field}` of the backend takes a password (`{argument}`) and returns a token (`{payload}`), as \
                     `{LOGIN}` does, and no rule is for it"
                )
            }
            Self::TakesPassword { field, argument } => {
                write!(f, "mutation `{field}` of the backend takes a password (`{argument}`), and no rule is for it")
            }
            Self::ReturnsToken { field, payload } => {
                write!(f, "mutation `{field}` of the backend returns a token (`{payload}`), and no rule is for it")
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

impl Surface {
    /// What to ask first, a JSON body.
    #[must_use]
    pub fn first_question() -> Vec<u8> {
        ask::about().to_json()
    }

    /// What to ask then.
    ///
    /// # Errors
    /// When the answer to the first question doesn't say.
    pub fn second_question(answer: &[u8]) -> Result<Vec<u8>, Untold> {
        let said = readable(answer)?;
        Ok(Features::read(said).ok_or(Untold::NotGraphql)?.everything().to_json())
    }

    /// Reads the answer to the second question.
    ///
    /// # Errors
    /// When it is no schema.
    pub fn read(answer: &[u8]) -> Result<Self, Untold> {
        let said = ask::answers(readable(answer)?).and_then(|mut fields| fields.remove("__schema"));
        Ok(Self { model: serde_json::from_str(said.ok_or(Untold::NotGraphql)?.get())? })
    }

    /// Whether it has this root field, with these arguments.
    #[must_use]
    pub fn has(&self, is_mutation: bool, field: &str, arguments: &[&str]) -> bool {
        let root = if is_mutation { self.mutations() } else { self.queries() };
        let has = |field: &Field| arguments.iter().all(|name| field.args.iter().any(|argument| argument.name == *name));
        root.iter().any(|one| one.name == field && has(one))
    }

    /// What differs, in order: doors first, then what clients notice. `is_ruled` tells which mutations a rule is for.
    #[must_use]
    pub fn differences(&self, schema: &Schema, is_ruled: impl Fn(&str) -> bool) -> Vec<Difference> {
        let own = schema.own();
        let mut found = BTreeSet::new();
        let is_owned = |name: &str| own.mutation.iter().any(|field| field.name == name);
        for field in self.mutations().iter().filter(|field| !is_owned(&field.name) && !is_ruled(&field.name)) {
            match (self.password_of(field), self.token_of(field)) {
                (Some(argument), Some(payload)) if is_login(field, own) => {
                    found.insert(Difference::LogsIn { field: field.name.clone(), argument, payload });
                }
                (argument, payload) => {
                    let of = || field.name.clone();
                    found.extend(argument.map(|argument| Difference::TakesPassword { field: of(), argument }));
                    found.extend(payload.map(|payload| Difference::ReturnsToken { field: of(), payload }));
                }
            }
        }
        for (root, ours, theirs) in
            [(schema::MUTATION, &own.mutation, self.mutations()), (schema::QUERY, &own.query, self.queries())]
        {
            for field in ours {
                let name = format!("{root}.{}", field.name);
                match theirs.iter().find(|their| their.name == field.name) {
                    Some(their) => self.compare(&name, field, their, own, &mut found),
                    None => drop(found.insert(Difference::Added { field: name })),
                }
            }
        }
        found.into_iter().collect()
    }

    fn mutations(&self) -> &[Field] {
        self.model.mutation_type.as_ref().map_or(&[], |root| self.fields_of(&root.name))
    }

    fn queries(&self) -> &[Field] {
        self.fields_of(&self.model.query_type.name)
    }

    fn fields_of(&self, name: &str) -> &[Field] {
        self.model.types.get(name).and_then(|ty| ty.fields.as_deref()).unwrap_or_default()
    }

    fn compare(&self, name: &str, ours: &Field, theirs: &Field, own: &Own, found: &mut BTreeSet<Difference>) {
        for their in &theirs.args {
            match ours.args.iter().find(|our| our.name == their.name) {
                None => drop(found.insert(Difference::Argument {
                    field: name.to_owned(),
                    argument: format!("{}: {}", their.name, their.ty),
                })),
                Some(our) if !takes_all_of(our, their) => drop(found.insert(Difference::ArgumentType {
                    argument: format!("{name}.{}", our.name),
                    theirs: their.ty.to_string(),
                    ours: our.ty.to_string(),
                })),
                Some(_) => {}
            }
        }
        let is_new = |our: &&InputValue| theirs.args.iter().all(|their| their.name != our.name);
        for our in ours.args.iter().filter(is_new).filter(|our| is_required(our)) {
            found.insert(Difference::ArgumentType {
                argument: format!("{name}.{}", our.name),
                theirs: "unknown".to_owned(),
                ours: "required".to_owned(),
            });
        }
        self.compare_payloads(name, &ours.ty, &theirs.ty, own, DEPTH, found);
    }

    /// What is selected of the backend's has to be there in the gateway's. Further fields of a user come from the backend.
    fn compare_payloads(
        &self,
        name: &str,
        ours: &TypeRef,
        theirs: &TypeRef,
        own: &Own,
        depth: usize,
        found: &mut BTreeSet<Difference>,
    ) {
        let our = own.types.iter().find(|ty| ty.name == ours.named()).and_then(|ty| ty.fields.as_deref());
        let (Some(our), Some(depth)) = (our, depth.checked_sub(1)) else { return };
        let is_open = ours.named() == schema::OPEN;
        for their in self.fields_of(theirs.named()) {
            let path = format!("{name}.{}", their.name);
            match our.iter().find(|our| our.name == their.name) {
                Some(our) => self.compare_payloads(&path, &our.ty, &their.ty, own, depth, found),
                None if is_open => {}
                None => drop(found.insert(Difference::Selection { path })),
            }
        }
    }

    fn password_of(&self, field: &Field) -> Option<String> {
        self.password_among(&field.args, DEPTH)
    }

    fn password_among(&self, inputs: &[InputValue], depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        inputs.iter().find_map(|input| {
            if is_password(&input.name) {
                return Some(input.name.clone());
            }
            let inside = self.model.types.get(input.ty.named())?.input_fields.as_deref()?;
            self.password_among(inside, depth).map(|inside| format!("{}.{inside}", input.name))
        })
    }

    fn token_of(&self, field: &Field) -> Option<String> {
        self.token_among(&field.ty, false, DEPTH)
    }

    /// A scalar whose name says so, or that of what it is in.
    fn token_among(&self, ty: &TypeRef, is_in_tokens: bool, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        self.fields_of(ty.named()).iter().find_map(|field| {
            let is_token = is_token(&field.name);
            let inside = self.model.types.get(field.ty.named());
            if inside.is_none_or(|ty| ty.kind == "SCALAR") {
                let is_number = matches!(field.ty.named(), "Int" | "Float" | "Boolean");
                return (!is_number && (is_token || is_in_tokens)).then(|| field.name.clone());
            }
            let is_object = inside.is_some_and(|ty: &TypeDef| ty.kind == "OBJECT");
            let found = is_object.then(|| self.token_among(&field.ty, is_token, depth)).flatten();
            found.map(|inside| format!("{}.{inside}", field.name))
        })
    }
}

fn readable(answer: &[u8]) -> Result<Said, Untold> {
    let said = Said::read(answer).ok_or(Untold::NotGraphql)?;
    let first = said.errors.first().and_then(|error| error.get("message")).and_then(|message| message.as_str());
    match (first, said.errors.is_empty()) {
        (_, true) => Ok(said),
        (message, false) => Err(Untold::Refused(message.unwrap_or("an error without a message").to_owned())),
    }
}

/// Whether a call of this mutation could be one of the gateway's login: its arguments are some of that's, and all that it
/// has to have are among them.
fn is_login(theirs: &Field, own: &Own) -> bool {
    let Some(login) = own.mutation.iter().find(|field| field.name == LOGIN) else { return false };
    let has = |args: &[InputValue], name: &str| args.iter().any(|argument| argument.name == name);
    theirs.args.iter().all(|their| has(&login.args, &their.name))
        && login.args.iter().filter(|our| is_required(our)).all(|our| has(&theirs.args, &our.name))
}

/// Whether every variable that fits the backend's argument fits the gateway's (GraphQL October 2021 §5.8.5).
fn takes_all_of(ours: &InputValue, theirs: &InputValue) -> bool {
    fits(&theirs.ty, &ours.ty)
        || (ours.default_value.is_some() && matches!(&ours.ty, TypeRef::NonNull(ours) if fits(&theirs.ty, ours)))
}

fn fits(variable: &TypeRef, place: &TypeRef) -> bool {
    match (variable, place) {
        (TypeRef::NonNull(variable), TypeRef::NonNull(place)) => fits(variable, place),
        (TypeRef::NonNull(variable), place) => fits(variable, place),
        (TypeRef::List(variable), TypeRef::List(place)) => fits(variable, place),
        (TypeRef::Named(variable), TypeRef::Named(place)) => variable == place,
        (TypeRef::List(_) | TypeRef::Named(_), _) => false,
    }
}

const fn is_required(input: &InputValue) -> bool {
    matches!(input.ty, TypeRef::NonNull(_)) && input.default_value.is_none()
}

/// `password`, `new_password`, `passwordConfirm`, `passwd`.
fn is_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "passwd", "passphrase"].iter().any(|word| name.contains(word))
}

/// `token`, `refreshToken`, `access_token`, `jwt`, `tokens`.
fn is_token(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("token") || name.ends_with("tokens") || name == "jwt" || name.ends_with("_jwt")
}

#[cfg(test)]
mod tests;
