//! Root fields about the schema, from their selections to what is shown of it.

use serde_json::Value;

use super::{
    super::{
        error::GraphqlError,
        introspection::{Asked, Selection, What},
    },
    coerce::Values,
    collect::Collector,
    owned::{Action, RootField},
    prepared::{Argument, Field},
};

/// Whether a root field that the gateway answers is about the schema. `__` begins no other name (GraphQL October 2021 §4).
pub(super) fn is_named(name: &str) -> bool {
    name.starts_with("__") && name != "__typename"
}

/// What a root field asks; one that is null, with the reason, where an argument has no value.
///
/// # Errors
/// When the condition of a field in it has no value.
pub(super) fn asked(
    key: &str,
    arguments: &[Argument],
    selection: &Result<Vec<Selection>, GraphqlError>,
    values: &Values<'_>,
) -> Result<Result<Asked, RootField>, GraphqlError> {
    let key = key.to_owned();
    let mut arguments = match values.arguments(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let action = Action::Refuse(error.with_path(&key));
            return Ok(Err(RootField { key, action, users: None }));
        }
    };
    let what = match arguments.remove("name") {
        Some(Value::String(name)) => What::Type(name),
        Some(_) | None => What::Schema,
    };
    Ok(Ok(Asked { key, what, selection: selection.clone()? }))
}

impl<'p> Collector<'p, '_> {
    /// What these fields, which are one, select of the schema.
    pub(super) fn shows(&self, fields: &[&'p Field]) -> Result<Vec<Selection>, GraphqlError> {
        let mut shows = Vec::new();
        for (key, fields) in self.inside(fields)? {
            let Some(first) = fields.first() else { continue };
            let all = self.values.arguments(&first.arguments)?.remove("includeDeprecated");
            shows.push(Selection {
                key: key.to_owned(),
                field: first.name.clone(),
                include_deprecated: all == Some(Value::Bool(true)),
                inside: self.shows(&fields)?,
            });
        }
        Ok(shows)
    }
}
