//! Rules on selections where the type is known: fields, arguments, directives, fragments on types (GraphQL October 2021
//! §5.3, §5.4, §5.5.2.3, §5.7).
//!
//! Where the type is the backend's, nothing is checked: below root fields that are not owned, below the fields of a user
//! that only the backend has, in operations that are not the one that runs. The backend has its say about what it will
//! run; what a document does here depends on owned fields alone.

use async_graphql_parser::{
    Pos, Positioned,
    types::{Field, FragmentSpread, InlineFragment, Selection, SelectionSet, Type},
};
use async_graphql_value::Name;

use super::{super::error::GraphqlError, arguments::Place, scope::Scope};
use crate::graphql::{
    document::{Fragment, Operation},
    schema::{ObjectType, TypeKind},
};

/// A variable in a place whose type is known.
#[derive(Clone, Copy)]
pub(super) struct Usage<'d> {
    pub(super) name: &'d str,
    pub(super) at: Pos,
    pub(super) expected: &'d Type,
    pub(super) has_default: bool,
}

/// Walks one definition.
pub(super) struct Walker<'s, 'd> {
    pub(super) scope: &'s Scope<'d>,
    /// Every type must be known, since the definition is part of an operation without the backend's fields.
    pub(super) strict: bool,
    /// A field of a user was met that only the backend can have.
    pub(super) asks_backend: bool,
    pub(super) errors: Vec<GraphqlError>,
    pub(super) usages: Vec<Usage<'d>>,
}

impl<'s, 'd> Walker<'s, 'd> {
    pub(super) const fn new(scope: &'s Scope<'d>, strict: bool) -> Self {
        Self { scope, strict, asks_backend: false, errors: Vec::new(), usages: Vec::new() }
    }

    pub(super) fn operation(&mut self, operation: &Operation<'d>) {
        let definition = operation.definition;
        self.directives(&definition.directives, Place::Operation(definition.ty));
        self.selections(&definition.selection_set.node, self.scope.schema.root(definition.ty));
    }

    pub(super) fn fragment(&mut self, fragment: &Fragment<'d>) {
        let definition = fragment.definition;
        let what = format!("Fragment '{}'", fragment.name);
        let ty = self.condition(&definition.type_condition.node.on, &what, self.strict);
        self.directives(&definition.directives, Place::FragmentDefinition);
        self.selections(&definition.selection_set.node, ty);
    }

    /// The object type that a fragment is for.
    fn condition(&mut self, on: &'d Positioned<Name>, what: &str, must_be_known: bool) -> Option<&'d ObjectType> {
        match self.scope.schema.get(&on.node) {
            Some(TypeKind::Object(object)) => return Some(object),
            Some(TypeKind::Scalar) => {
                let message = format!("{what} cannot condition on non composite type '{}'.", on.node);
                self.errors.push(GraphqlError::at(message, on.pos));
            }
            None if must_be_known => self.errors.push(GraphqlError::at(format!("Unknown type '{}'.", on.node), on.pos)),
            None => {}
        }
        None
    }

    fn selections(&mut self, set: &'d SelectionSet, parent: Option<&'d ObjectType>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(field, parent),
                Selection::InlineFragment(fragment) => self.inline_fragment(fragment, parent),
                Selection::FragmentSpread(spread) => self.spread(spread, parent),
            }
        }
    }

    fn field(&mut self, field: &'d Positioned<Field>, parent: Option<&'d ObjectType>) {
        let Some(parent) = parent else { return };
        let (schema, name) = (self.scope.schema, field.node.name.node.as_str());
        let Some(definition) = schema.field(parent, name) else {
            if schema.is_open(parent) {
                self.asks_backend = true;
            } else if !schema.is_root(parent) {
                let message = format!("Cannot query field '{name}' on type '{}'.", parent.name);
                self.errors.push(GraphqlError::at(message, field.pos));
                self.directives(&field.node.directives, Place::Field);
            }
            return;
        };
        let (selected, object) = (&field.node.selection_set, schema.object_of(&definition.ty));
        match (object, selected.node.items.is_empty()) {
            (Some(_), true) => {
                let message = format!("Field '{name}' of type '{}' must have a selection of subfields.", definition.ty);
                self.errors.push(GraphqlError::at(message, field.pos));
            }
            (None, false) => {
                let ty = &definition.ty;
                let message = format!("Field '{name}' must not have a selection since type '{ty}' has no subfields.");
                self.errors.push(GraphqlError::at(message, selected.pos));
            }
            _ => {}
        }
        let place = format!("field '{}.{name}'", parent.name);
        self.arguments(&field.node.arguments, &definition.arguments, field.pos, &place);
        self.directives(&field.node.directives, Place::Field);
        self.selections(&selected.node, object);
    }

    fn inline_fragment(&mut self, fragment: &'d Positioned<InlineFragment>, parent: Option<&'d ObjectType>) {
        let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on);
        let ty = match condition {
            None => parent,
            // Inside of the backend's types the backend's types are to be expected.
            Some(on) if parent.is_some() => self.condition(on, "Fragment", true),
            Some(on) => self.scope.schema.object(&on.node),
        };
        if let (Some(parent), Some(ty)) = (parent, ty.filter(|_| condition.is_some())) {
            self.possible(parent, ty, "Fragment", fragment.pos);
        }
        if parent.is_some() {
            self.directives(&fragment.node.directives, Place::InlineFragment);
        }
        self.selections(&fragment.node.selection_set.node, ty);
    }

    fn spread(&mut self, spread: &'d Positioned<FragmentSpread>, parent: Option<&'d ObjectType>) {
        let Some(parent) = parent else { return };
        let name = spread.node.fragment_name.node.as_str();
        let on = self.scope.fragment(name).map(|fragment| &fragment.definition.type_condition.node.on);
        match on.map(|on| (on, self.scope.schema.get(&on.node))) {
            Some((_, Some(TypeKind::Object(ty)))) => {
                self.possible(parent, ty, &format!("Fragment '{name}'"), spread.pos);
            }
            // A type of the backend's, where only one of ours can be. A strict walk of the fragment says so itself.
            Some((on, None)) if !self.strict => {
                let error = GraphqlError::at(format!("Unknown type '{}'.", on.node), on.pos);
                if !self.errors.contains(&error) {
                    self.errors.push(error);
                }
            }
            Some((_, Some(TypeKind::Scalar) | None)) | None => {}
        }
        self.directives(&spread.node.directives, Place::FragmentSpread);
    }

    fn possible(&mut self, parent: &ObjectType, ty: &ObjectType, what: &str, at: Pos) {
        if parent.name != ty.name {
            let (parent, ty) = (&parent.name, &ty.name);
            let message =
                format!("{what} cannot be spread here as objects of type '{parent}' can never be of type '{ty}'.");
            self.errors.push(GraphqlError::at(message, at));
        }
    }
}
