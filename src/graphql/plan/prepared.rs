//! An operation read, found valid, and kept without its document: all of it but the values of its variables.
//!
//! Nothing here borrows from the text, and names are all that is kept of it, beside literals of arguments. Conditions
//! that are literals are decided already: what is left of `@skip` and `@include` depends on variables.

use std::{borrow::Cow, sync::Arc};

use async_graphql_parser::{Pos, types::Type};
use serde_json::Value;

use super::{
    super::{envelope::Variables, error::GraphqlError},
    coerce::Values,
    owned::{Owned, Shown},
};

/// An operation of the gateway's alone. Binding it to variables gives what runs.
pub(super) struct Prepared {
    pub(super) variables: Vec<Variable>,
    pub(super) selected: Selected,
}

/// What an operation selects.
pub(super) enum Selected {
    /// The same whatever the variables: no condition asks for one. Nearly every operation is such.
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
    pub(super) at: Pos,
    /// Of a root field, in the schema's order. Other fields that the gateway answers take none.
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
    pub(super) entry: Entry,
}

#[derive(Clone)]
pub(super) enum Entry {
    /// `__typename`, and what it says.
    TypeName(String),
    /// An owned field.
    Owned {
        name: String,
        arguments: Vec<Argument>,
        /// Of all fields that were merged.
        places: Vec<Pos>,
        /// An error only where the arguments are right: theirs comes first.
        shown: Result<Arc<[Shown]>, GraphqlError>,
    },
}

impl Prepared {
    /// What runs with these variables.
    ///
    /// # Errors
    /// One for each variable that has no value of its type; or one for a directive that has no value to go by. A root
    /// field whose arguments have none is refused by itself.
    pub(super) fn bind(&self, given: &Variables) -> Result<Owned, Vec<GraphqlError>> {
        let values = Values::new(&self.variables, given)?;
        let roots = match &self.selected {
            Selected::Settled(roots) => Cow::Borrowed(roots),
            Selected::Open(tree) => Cow::Owned(tree.roots(&values).map_err(|error| vec![error])?),
        };
        let fields = roots.iter().map(|root| root.field(&values)).collect::<Result<_, _>>();
        Ok(Owned { fields: fields.map_err(|error| vec![error])? })
    }
}
