//! From prepared selections to what runs: conditions evaluated, fragments expanded, fields merged (GraphQL October 2021
//! §6.3.2).

use std::sync::Arc;

use indexmap::IndexMap;

use super::{
    super::error::GraphqlError,
    coerce::Values,
    commands::{Asked, command},
    introspection,
    owned::{Action, RootField, Shown},
    prepared::{AskedUser, Entry, Field, Ours, Root, Selection, Tree, What},
};

/// The fields that answer under one key. They differ in what they select, if at all.
pub(super) type ByKey<'p> = IndexMap<&'p str, Vec<&'p Field>>;

impl Tree {
    /// What answers under each key of `data`.
    ///
    /// # Errors
    /// When the condition of a root field has no value.
    pub(super) fn roots(&self, values: &Values<'_>) -> Result<Vec<Root>, GraphqlError> {
        let collector = Collector { tree: self, values };
        let mut fields = ByKey::new();
        collector.collect(&self.selections, &mut fields)?;
        Ok(fields.into_iter().map(|(key, fields)| collector.root(key, &fields)).collect())
    }
}

pub(super) struct Collector<'p, 'v> {
    tree: &'p Tree,
    pub(super) values: &'v Values<'v>,
}

impl<'p> Collector<'p, '_> {
    fn collect(&self, selections: &'p [Selection], fields: &mut ByKey<'p>) -> Result<(), GraphqlError> {
        for selection in selections {
            if !self.values.includes(&selection.conditions)? {
                continue;
            }
            match &selection.what {
                What::Field(field) => fields.entry(&field.key).or_default().push(field),
                What::Inline(selections) => self.collect(selections, fields)?,
                What::Spread(index) => self.collect(&self.tree.fragments[*index], fields)?,
            }
        }
        Ok(())
    }

    fn root(&self, key: &str, fields: &[&'p Field]) -> Root {
        let entry = match fields {
            [first, ..] if first.is_backends => Entry::Backends,
            [first, ..] if introspection::is_named(&first.name) => {
                Entry::Introspection { arguments: first.arguments.clone(), selection: self.shows(fields) }
            }
            [first, ..] if first.name != "__typename" => {
                let shown = self.shown(fields).and_then(|shown| Ok((Arc::from(shown), self.users(fields)?)));
                let (shown, users) = match shown {
                    Ok((shown, users)) => (Ok(shown), users),
                    Err(error) => (Err(error), Vec::new()),
                };
                let (name, arguments) = (first.name.clone(), first.arguments.clone());
                Entry::Ours(Ours::Field { name, alias_of: first.alias_of, arguments, shown, users })
            }
            _ => Entry::Ours(Ours::TypeName(self.tree.root.clone())),
        };
        Root { key: key.to_owned(), places: fields.iter().map(|field| field.at).collect(), entry }
    }

    /// What only the backend has, of the users that these fields, which are one payload, select.
    fn users(&self, fields: &[&'p Field]) -> Result<Vec<AskedUser>, GraphqlError> {
        let mut users = Vec::new();
        for (key, fields) in self.inside(fields)? {
            let asked: ByKey<'_> =
                self.inside(&fields)?.into_iter().filter(|(_, fields)| fields[0].is_backends).collect();
            if !asked.is_empty() {
                let places = asked.values().flatten().map(|field| field.at).collect();
                let fields = asked.keys().map(|key| (*key).to_owned()).collect();
                users.push(AskedUser { key: key.to_owned(), fields, places });
            }
        }
        Ok(users)
    }

    pub(super) fn inside(&self, fields: &[&'p Field]) -> Result<ByKey<'p>, GraphqlError> {
        let mut inside = ByKey::new();
        for field in fields {
            self.collect(&field.inside, &mut inside)?;
        }
        Ok(inside)
    }

    fn shown(&self, fields: &[&'p Field]) -> Result<Vec<Shown>, GraphqlError> {
        let shown = self.inside(fields)?.into_iter().map(|(key, fields)| {
            let field = fields.first().map(|field| field.name.clone()).unwrap_or_default();
            Ok(Shown { key: key.to_owned(), field, inside: self.shown(&fields)? })
        });
        shown.collect()
    }
}

impl Ours {
    /// What is done for it with these variables.
    ///
    /// # Errors
    /// When the condition of a field in it has no value.
    pub(super) fn field(&self, root: &Root, values: &Values<'_>) -> Result<RootField, GraphqlError> {
        let Root { key, places, .. } = root;
        let action = match self {
            Self::TypeName(name) => Action::TypeName(name.clone()),
            Self::Field { name, alias_of, arguments, shown, .. } => match values.arguments(arguments) {
                Ok(arguments) => {
                    let asked = Asked { field: alias_of.unwrap_or(name), name, places };
                    command(asked, arguments, shown.clone()?).unwrap_or_else(|| {
                        let message = format!("'{name}' is not available in this version of the gateway.");
                        let error = GraphqlError::at_all(message, places.iter().copied()).with_code("NOT_AVAILABLE");
                        Action::Refuse(error.with_path(key))
                    })
                }
                Err(error) => Action::Refuse(error.with_path(key)),
            },
        };
        Ok(RootField { key: key.clone(), action, users: None })
    }
}
