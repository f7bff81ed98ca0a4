//! An operation read, found valid, and kept without its document: all of it but the values of its variables.
//!
//! Nothing here borrows from the text, and names are all that is kept of it, beside literals of arguments. Conditions
//! that are literals are decided already: what is left of `@skip` and `@include` depends on variables.

use std::{borrow::Cow, sync::Arc};

use async_graphql_parser::{Pos, types::Type};
use serde_json::Value;

use super::{
    super::{Answer, envelope::Variables, error::GraphqlError, introspection::Selection as Shows},
    admits::{self, Admits},
    coerce::Values,
    introspection,
    owned::{Owned, Shown, Step},
    parts::{Backend, Sequence},
};
use crate::model::Shortfall;

/// An operation with owned fields. Binding it to variables gives what runs.
pub(super) struct Prepared {
    pub(super) variables: Vec<Variable>,
    pub(super) selected: Selected,
    /// Some of its fields are the backend's, or about its schema.
    pub(super) asks_backend: bool,
}

/// What an operation selects.
pub(super) enum Selected {
    /// The same whatever the variables: no condition asks for one, and no field is the backend's. Nearly every operation is
    /// such.
    Settled(Vec<Root>),
    /// To be collected when the variables are known.
    Open(Tree),
}

/// The definition of a variable.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) default: Option<Value>,
    pub(super) at: Pos,
}

/// The selections of an operation, fragments not expanded.
pub(super) struct Tree {
    /// The name of the root type.
    pub(super) root: String,
    pub(super) selections: Vec<Selection>,
    /// The fragments that are used.
    pub(super) fragments: Vec<Vec<Selection>>,
}

pub(super) struct Selection {
    /// All must hold. They are looked at in this order.
    pub(super) conditions: Vec<Condition>,
    pub(super) what: What,
}

pub(super) enum What {
    Field(Field),
    Inline(Vec<Selection>),
    /// By its place among the fragments.
    Spread(usize),
}

#[derive(Clone, Copy)]
pub(super) enum Condition {
    /// `@include(if: $v)`; `@skip` when `wanted` is false.
    Variable { index: usize, wanted: bool, at: Pos },
    /// A literal that leaves the selection out, behind conditions that may have no value.
    Never,
}

pub(super) struct Field {
    pub(super) key: String,
    pub(super) name: String,
    /// Of a root field: the owned one that its name is another for.
    pub(super) alias_of: Option<&'static str>,
    pub(super) at: Pos,
    /// Only the backend has it: a root field that is not owned, or a field of a user. What is in it is not kept.
    pub(super) is_backends: bool,
    /// In the schema's order. Beside root fields those of introspection have some.
    pub(super) arguments: Vec<Argument>,
    pub(super) inside: Vec<Selection>,
}

/// An argument that has a value, or may get one.
#[derive(Clone)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) given: Given,
}

#[derive(Clone)]
pub(super) enum Given {
    /// The literal, or the schema's default.
    Fixed(Value),
    Variable {
        index: usize,
        /// What stands for a variable that has no value.
        default: Option<Value>,
        ty: Type,
        at: Pos,
    },
}

/// What answers under one key of `data`, its fields merged.
#[derive(Clone)]
pub(super) struct Root {
    pub(super) key: String,
    /// Of all fields that were merged.
    pub(super) places: Vec<Pos>,
    pub(super) entry: Entry,
}

#[derive(Clone)]
pub(super) enum Entry {
    Ours(Ours),
    /// A field about the schema.
    Introspection {
        arguments: Vec<Argument>,
        /// An error only where the arguments are right, as above.
        selection: Result<Vec<Shows>, GraphqlError>,
    },
    Backends,
}

#[derive(Clone)]
pub(super) enum Ours {
    /// `__typename`, and what it says.
    TypeName(String),
    /// An owned field.
    Field {
        name: String,
        /// The one that the name is another for.
        alias_of: Option<&'static str>,
        arguments: Vec<Argument>,
        /// An error only where the arguments are right: theirs comes first.
        shown: Result<Arc<[Shown]>, GraphqlError>,
        /// What of users in it only the backend knows.
        users: Vec<AskedUser>,
    },
}

/// Fields of one `user` that only the backend has.
#[derive(Clone)]
pub(super) struct AskedUser {
    /// The response key of the user.
    pub(super) key: String,
    /// The response keys of the fields.
    pub(super) fields: Vec<String>,
    /// Where the fields stand, in the order of their keys.
    pub(super) places: Vec<Pos>,
}

impl Root {
    const fn is_owned(&self) -> bool {
        matches!(self.entry, Entry::Ours(Ours::Field { .. }))
    }
}

impl Prepared {
    /// What runs with these variables, where nothing is the backend's.
    ///
    /// # Errors
    /// One for each variable that has no value of its type; or one for a directive that has no value to go by. A root
    /// field whose arguments have none is refused by itself.
    pub(super) fn bind(&self, given: &Variables) -> Result<Owned, Vec<GraphqlError>> {
        let values = Values::new(&self.variables, given)?;
        let roots = self.roots(&values)?;
        let mut owned = Owned { checks: Vec::new(), introspection: None, steps: Vec::new(), keys: Vec::new() };
        for root in roots.iter() {
            let Entry::Ours(ours) = &root.entry else { continue };
            owned.steps.push(Step::Field(ours.field(root, &values).map_err(|error| vec![error])?));
            owned.keys.push(root.key.clone());
        }
        Ok(owned)
    }

    /// The answer where none of it may run, since this is lacking. `owned`: some of it is the gateway's.
    ///
    /// # Errors
    /// As above. Of what is the backend's alone the gateway knows no types: a variable may be a file that comes later.
    pub(super) fn refused(
        &self,
        given: &Variables,
        owned: bool,
        shortfall: Shortfall,
    ) -> Result<Box<Answer>, Vec<GraphqlError>> {
        let values =
            if owned { Values::new(&self.variables, given)? } else { Values::that_fit(&self.variables, given) };
        Ok(admits::refused(&self.roots(&values)?, &values, shortfall))
    }

    /// What runs, where the backend has its part in it.
    ///
    /// # Errors
    /// The same, and one when a fragment keeps the backend's part from being cut out.
    pub(super) fn bind_beside(&self, backend: &Backend<'_, '_>, admits: Admits) -> Result<Owned, Vec<GraphqlError>> {
        let values = Values::new(&self.variables, &backend.request.variables)?;
        let mut sequence = Sequence::new(backend);
        let roots = self.roots(&values)?;
        // Without an owned field, one that is left out included, it is the backend that has to refuse `__typename`: it is asked
        // for the rest.
        let has_owned = || {
            let named = backend.scope.roots(backend.operation);
            roots.iter().any(Root::is_owned) || (named.owned && !named.introspection)
        };
        let refuses = !admits.owned() && has_owned();
        for root in roots.iter() {
            match &root.entry {
                Entry::Ours(_) if refuses => sequence.field(root.refused_field(&values)),
                Entry::Ours(ours) => {
                    let mut field = ours.field(root, &values).map_err(|error| vec![error])?;
                    if let Ours::Field { users, .. } = ours {
                        field.users = backend.users(users);
                    }
                    sequence.field(field);
                }
                Entry::Introspection { arguments, selection } => {
                    match introspection::asked(&root.key, arguments, selection, &values).map_err(|error| vec![error])? {
                        Ok(asked) => sequence.introspection(asked),
                        Err(field) => sequence.field(field),
                    }
                }
                Entry::Backends => sequence.backend(&root.key),
            }
        }
        sequence.finish().map_err(|error| vec![error])
    }

    fn roots(&self, values: &Values<'_>) -> Result<Cow<'_, [Root]>, Vec<GraphqlError>> {
        match &self.selected {
            Selected::Settled(roots) => Ok(Cow::Borrowed(roots)),
            Selected::Open(tree) => tree.roots(values).map(Cow::Owned).map_err(|error| vec![error]),
        }
    }
}
