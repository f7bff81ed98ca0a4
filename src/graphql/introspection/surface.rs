//! What a backend's schema has of authentication, held against what the gateway owns: what clients would notice when the
//! gateway comes in front of it, and what would let somebody in past it.

use std::collections::BTreeSet;

use super::{
    Own,
    ask::{self, Features},
    model::{Field, InputValue, Model, TypeDef, TypeRef},
};
use crate::{
    graphql::{Said, schema, schema::Schema},
    model::OperationKind,
};

mod difference;

pub use difference::Difference;

/// As deep as inputs and payloads are looked into for passwords and tokens.
const DEPTH: usize = 3;

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

    /// What differs, in order: doors first, then what clients notice. `is_ruled` tells which root fields a rule is for.
    #[must_use]
    pub fn differences(&self, schema: &Schema, is_ruled: impl Fn(OperationKind, &str) -> bool) -> Vec<Difference> {
        let own = schema.own();
        let mut found = BTreeSet::new();
        let is_owned = |name: &str| own.mutation.iter().any(|field| field.name == name);
        let is_open = |field: &&Field| !is_owned(&field.name) && !is_ruled(OperationKind::Mutation, &field.name);
        for field in self.mutations().iter().filter(is_open) {
            found.extend(self.doors(field, own));
        }
        found.extend(self.misplaced(schema, is_ruled));
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

    /// What lets somebody in by a mutation that is not the gateway's.
    fn doors(&self, field: &Field, own: &Own) -> Vec<Difference> {
        let (argument, payload) = (self.password_of(field), self.token_of(field));
        let of = || field.name.clone();
        if let Some(operation) = meant(field, argument.is_some(), payload.is_some(), own) {
            return vec![Difference::Renamed { field: of(), operation, argument, payload }];
        }
        let takes = argument.map(|argument| Difference::TakesPassword { field: of(), argument });
        let returns = payload.map(|payload| Difference::ReturnsToken { field: of(), payload });
        takes.into_iter().chain(returns).collect()
    }

    /// Other names of operations that the backend has in the other root only, where they are forwarded.
    fn misplaced(&self, schema: &Schema, is_ruled: impl Fn(OperationKind, &str) -> bool) -> Vec<Difference> {
        let has = |fields: &[Field], name: &str| fields.iter().any(|field| field.name == name);
        let misplaced = schema.aliases().filter_map(|(kind, name, operation)| {
            let (same, other, root, other_kind) = match kind {
                OperationKind::Query => (self.queries(), self.mutations(), schema::MUTATION, OperationKind::Mutation),
                OperationKind::Mutation | OperationKind::Subscription => {
                    (self.mutations(), self.queries(), schema::QUERY, OperationKind::Query)
                }
            };
            let is_there = has(other, name) && !has(same, name) && !is_ruled(other_kind, name);
            is_there.then(|| Difference::Misplaced { name: name.to_owned(), operation, root })
        });
        misplaced.collect()
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

/// The operations that users come in by, each with whether a password and a token are what makes it one.
const WAYS_IN: [(&str, bool, bool); 3] =
    [("login", true, true), ("refreshToken", false, true), ("register", true, false)];

/// Which operation of the gateway's this mutation of the backend's could be another name of.
fn meant(theirs: &Field, takes_password: bool, returns_token: bool, own: &Own) -> Option<&'static str> {
    let could_be = |name: &str| own.mutation.iter().any(|ours| ours.name == name && is_call_of(ours, theirs));
    let does = |password: bool, token: bool| (takes_password || !password) && (returns_token || !token);
    let mut ways = WAYS_IN.into_iter().filter(|(_, password, token)| does(*password, *token));
    ways.find(|(name, ..)| could_be(name)).map(|(name, ..)| name)
}

/// Whether a call of their mutation could be one of ours: its arguments, of which it has some, are some of ours, and all
/// that ours has to have are among them.
fn is_call_of(ours: &Field, theirs: &Field) -> bool {
    let has = |args: &[InputValue], name: &str| args.iter().any(|argument| argument.name == name);
    !theirs.args.is_empty()
        && theirs.args.iter().all(|their| has(&ours.args, &their.name))
        && ours.args.iter().filter(|our| is_required(our)).all(|our| has(&theirs.args, &our.name))
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
