//! Root fields about the schema, from their selections to what is shown of it.

use async_graphql_parser::{Positioned, types::Field as Selected};
use serde_json::Value;

use super::{
    super::{
        error::GraphqlError,
        introspection::{Asked, Selection, What},
        schema::{Field, ObjectType},
    },
    collect::{Collector, Conditions},
};

impl<'d> Collector<'_, 'd> {
    /// What these fields, which are one root field, ask; why it is null, where an argument has no value.
    ///
    /// # Errors
    /// When a directive has no value to go by.
    pub(super) fn introspection(
        &self,
        key: &str,
        fields: &[&'d Positioned<Selected>],
        definition: &Field,
    ) -> Result<Result<Asked, GraphqlError>, GraphqlError> {
        let arguments = fields.first().map(|first| self.values.arguments(&first.node, &definition.arguments));
        let mut arguments = match arguments.transpose() {
            Ok(arguments) => arguments.unwrap_or_default(),
            Err(error) => return Ok(Err(error.with_path(key))),
        };
        let what = match arguments.remove("name") {
            Some(Value::String(name)) => What::Type(name),
            Some(_) | None => What::Schema,
        };
        let selection = self.selection(fields, self.scope.schema.object_of(&definition.ty))?;
        Ok(Ok(Asked { key: key.to_owned(), what, selection }))
    }

    fn selection(
        &self,
        fields: &[&'d Positioned<Selected>],
        parent: Option<&ObjectType>,
    ) -> Result<Vec<Selection>, GraphqlError> {
        let Some(parent) = parent else { return Ok(Vec::new()) };
        let mut selection = Vec::new();
        for (key, fields) in self.inside(fields, Conditions::Apply)? {
            let Some(first) = fields.first().map(|field| &field.node) else { continue };
            let Some(definition) = self.scope.schema.field(parent, &first.name.node) else { continue };
            let arguments = self.values.arguments(first, &definition.arguments)?;
            selection.push(Selection {
                key: key.to_owned(),
                field: first.name.node.to_string(),
                include_deprecated: arguments.get("includeDeprecated") == Some(&Value::Bool(true)),
                inside: self.selection(&fields, self.scope.schema.object_of(&definition.ty))?,
            });
        }
        Ok(selection)
    }
}
