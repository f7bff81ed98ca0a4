//! Rules on names that must be unique in a document, for documents that the parser refuses because they are not.

use super::{
    super::error::GraphqlError,
    guard::{DefinitionKind, Outline},
    token::Token,
};

/// Unique operation names, a lone anonymous operation, unique fragment names (October 2021 §5.2.1.1, §5.2.2.1,
/// §5.5.1.1).
pub(super) fn errors(text: &str, tokens: &[Token], outlines: &[Outline]) -> Vec<GraphqlError> {
    let of_kind = |kind| outlines.iter().filter(move |outline| outline.kind == kind);
    let name =
        |outline: &Outline| outline.name.map(|index| (&text[tokens[index].start..tokens[index].end], tokens[index].at));
    if of_kind(DefinitionKind::Operation).next().is_none() {
        return vec![GraphqlError::new("Must provide an operation.")];
    }
    let mut errors = repeated("operation", of_kind(DefinitionKind::Operation).filter_map(name));
    if of_kind(DefinitionKind::Operation).count() > 1 {
        let anonymous = of_kind(DefinitionKind::Operation).filter(|operation| operation.name.is_none());
        errors.extend(anonymous.map(|operation| {
            let at = tokens[operation.tokens.start].at;
            GraphqlError::at("This anonymous operation must be the only defined operation.", at)
        }));
    }
    errors.extend(repeated("fragment", of_kind(DefinitionKind::Fragment).filter_map(name)));
    errors
}

fn repeated<'a>(what: &str, names: impl Iterator<Item = (&'a str, async_graphql_parser::Pos)>) -> Vec<GraphqlError> {
    let mut first = std::collections::HashMap::new();
    let mut errors = Vec::new();
    for (name, at) in names {
        match first.get(name) {
            None => drop(first.insert(name, at)),
            Some(earlier) => {
                errors.push(GraphqlError::at_all(
                    format!("There can be only one {what} named '{name}'."),
                    [*earlier, at],
                ));
            }
        }
    }
    errors
}
