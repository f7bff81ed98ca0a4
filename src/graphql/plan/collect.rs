//! From a valid operation to what runs: directives evaluated, fragments expanded, fields merged (GraphQL October 2021
//! §6.3.2).

use async_graphql_parser::{
    Pos, Positioned,
    types::{Field, Selection, SelectionSet},
};
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    super::{document::Operation, envelope::Variables, error::GraphqlError, schema::ObjectType, validate::Scope},
    coerce::{Arguments, Values},
    owned::{Action, LoginArguments, Owned, RootField, Shown},
    parts::Sequence,
};
use crate::model::{PlainToken, Secret};

/// Longest `deviceName` that is kept, in characters.
const DEVICE_NAME: usize = 100;

/// The fields that answer under one key. They differ in what they select, if at all.
pub(super) type ByKey<'d> = IndexMap<&'d str, Vec<&'d Positioned<Field>>>;

/// What becomes of `@skip` and `@include`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conditions {
    Apply,
    /// Everything is there.
    Ignore,
}

pub(super) struct Collector<'s, 'd> {
    pub(super) scope: &'s Scope<'d>,
    pub(super) operation: &'s Operation<'d>,
    pub(super) values: Values<'d>,
    /// As the request brought them, for what the backend is asked.
    pub(super) given: &'s Variables,
}

impl<'s, 'd> Collector<'s, 'd> {
    /// What the operation runs, step by step.
    ///
    /// # Errors
    /// When a directive has no value to go by, or a fragment keeps the backend's part from being cut out. A root field
    /// whose arguments have no value is refused by itself.
    pub(super) fn owned(&self) -> Result<Owned, GraphqlError> {
        let mut sequence = Sequence::new(self);
        let Some(root) = self.scope.schema.root(self.operation.definition.ty) else { return sequence.finish() };
        let mut fields = ByKey::new();
        self.collect(&self.operation.definition.selection_set.node, Conditions::Apply, &mut fields)?;
        for (key, fields) in fields {
            let name = fields.first().map_or("__typename", |field| field.node.name.node.as_str());
            if self.scope.schema.field(root, name).is_none() {
                sequence.backend(key);
                continue;
            }
            if let Some(definition) = self.scope.schema.introspection(root, name) {
                match self.introspection(key, &fields, definition)? {
                    Ok(asked) => sequence.introspection(key, asked),
                    Err(error) => sequence.field(
                        key,
                        RootField { key: key.to_owned(), action: Action::Refuse(error), users: Vec::new() },
                    ),
                }
                continue;
            }
            let action = self.action(root, key, &fields)?;
            let users = self.users(root, &fields)?;
            sequence.field(key, RootField { key: key.to_owned(), action, users });
        }
        sequence.finish()
    }

    /// Type conditions need no look: in a valid document each names the one type that is possible.
    pub(super) fn collect(
        &self,
        set: &'d SelectionSet,
        conditions: Conditions,
        fields: &mut ByKey<'d>,
    ) -> Result<(), GraphqlError> {
        for selection in &set.items {
            if conditions == Conditions::Apply && !self.values.includes(selection.node.directives())? {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    fields.entry(field.node.response_key().node.as_str()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => {
                    self.collect(&fragment.node.selection_set.node, conditions, fields)?;
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.scope.fragment(&spread.node.fragment_name.node) {
                        self.collect(&fragment.definition.selection_set.node, conditions, fields)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn action(&self, root: &ObjectType, key: &str, fields: &[&'d Positioned<Field>]) -> Result<Action, GraphqlError> {
        let Some(first) = fields.first().map(|field| &field.node) else {
            return Ok(Action::TypeName(root.name.clone()));
        };
        let name = first.name.node.as_str();
        let Some(definition) = root.fields.get(name) else { return Ok(Action::TypeName(root.name.clone())) };
        let places: Vec<Pos> = fields.iter().map(|field| field.pos).collect();
        let refuse = |error: GraphqlError| Action::Refuse(error.with_path(key));
        let arguments = match self.values.arguments(first, &definition.arguments) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(refuse(error)),
        };
        let shown = self.shown(fields, self.scope.schema.object_of(&definition.ty))?;
        Ok(command(name, arguments, shown).unwrap_or_else(|| {
            let message = format!("'{name}' is not available in this version of the gateway.");
            refuse(GraphqlError::at_all(message, places).with_code("NOT_AVAILABLE"))
        }))
    }

    fn shown(&self, fields: &[&'d Positioned<Field>], parent: Option<&ObjectType>) -> Result<Vec<Shown>, GraphqlError> {
        // What is below a field of the backend's is the backend's to show.
        let Some(parent) = parent else { return Ok(Vec::new()) };
        let shown = self.inside(fields, Conditions::Apply)?.into_iter().map(|(key, fields)| {
            let field = fields.first().map(|field| field.node.name.node.to_string()).unwrap_or_default();
            let known = self.scope.schema.field(parent, &field);
            let object = known.and_then(|known| self.scope.schema.object_of(&known.ty));
            Ok(Shown { key: key.to_owned(), inside: self.shown(&fields, object)?, field })
        });
        shown.collect()
    }

    /// What these fields, which are one field, select.
    pub(super) fn inside(
        &self,
        fields: &[&'d Positioned<Field>],
        conditions: Conditions,
    ) -> Result<ByKey<'d>, GraphqlError> {
        let mut inside = ByKey::new();
        for field in fields {
            self.collect(&field.node.selection_set.node, conditions, &mut inside)?;
        }
        Ok(inside)
    }
}

/// The command behind a root field; `None` where none is built yet. New commands are added here.
fn command(name: &str, mut arguments: Arguments, shown: Vec<Shown>) -> Option<Action> {
    let mut text = |name: &str| match arguments.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    match name {
        "login" => {
            let device_name = text("deviceName").map(|name| name.chars().take(DEVICE_NAME).collect());
            let arguments =
                LoginArguments { username: text("username")?, password: Secret::new(text("password")?), device_name };
            Some(Action::Login { arguments, shown })
        }
        "refreshToken" => {
            // As the backend has it, an empty token is none: the cookie is asked next.
            let token = text("refreshToken").filter(|token| !token.is_empty()).map(PlainToken::new);
            Some(Action::Refresh { token, shown })
        }
        "logout" => Some(Action::Logout { shown }),
        _ => None,
    }
}
