//! What the backend is asked: first how much its introspection can tell, then everything that it can.
//!
//! Asking for what a backend doesn't know makes the whole document invalid, and what introspection has depends on the
//! age of the backend's library. `__Type` and its like describe themselves, in every version of the specification.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::graphql::{Request, Said, Variables, backend::Data};

/// Lists and `!` around a name that can be read: as many as the tools of the field ask for.
const DEEPEST_TYPE: usize = 10;

/// The document that asks what introspection has.
const ABOUT: &str = "query railgate_about { \
     schema: __type(name: \"__Schema\") { fields { name args { name } } } \
     type: __type(name: \"__Type\") { fields { name args { name } } } \
     field: __type(name: \"__Field\") { fields { name args { name } } } \
     input: __type(name: \"__InputValue\") { fields { name args { name } } } \
     directive: __type(name: \"__Directive\") { fields { name args { name } } } }";

/// The fields of one of introspection's types, each with the names of its arguments.
type Known = HashMap<String, HashSet<String>>;

/// What the backend's introspection has.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Features {
    schema: Known,
    ty: Known,
    field: Known,
    input: Known,
    directive: Known,
}

/// The request for [`Features`].
pub(in crate::graphql) fn about() -> Request {
    request(ABOUT.to_owned(), "railgate_about")
}

impl Features {
    /// From the answer; `None` when the backend doesn't say.
    pub(in crate::graphql) fn read(said: Said) -> Option<Self> {
        let mut read = answers(said)?;
        let mut known = |key: &str| {
            let said = read.remove(key)?;
            let About { fields } = serde_json::from_str(said.get()).ok()?;
            Some(fields.into_iter().map(|field| (field.name, field.args.into_iter().map(|arg| arg.name).collect())))
        };
        Some(Self {
            schema: known("schema")?.collect(),
            ty: known("type")?.collect(),
            field: known("field")?.collect(),
            input: known("input")?.collect(),
            directive: known("directive")?.collect(),
        })
    }

    /// The request for the whole schema.
    pub(in crate::graphql) fn everything(&self) -> Request {
        let has = |known: &Known, names: &[&str]| {
            let names: Vec<&str> = names.iter().copied().filter(|name| known.contains_key(*name)).collect();
            names.join(" ")
        };
        let list = |known: &Known, name: &str, selection: &str| {
            let can = known.get(name).is_some_and(|arguments| arguments.contains("includeDeprecated"));
            let all = if can { "(includeDeprecated: true)" } else { "" };
            format!("{name}{all} {{ {selection} }}")
        };
        let reference = "{ kind name ofType ".repeat(DEEPEST_TYPE) + "{ kind name }" + &" }".repeat(DEEPEST_TYPE);
        let input = format!(
            "name description type {reference} defaultValue {}",
            has(&self.input, &["isDeprecated", "deprecationReason"])
        );
        let field = format!(
            "name description {} type {reference} isDeprecated deprecationReason",
            list(&self.field, "args", &input)
        );
        let value = "name description isDeprecated deprecationReason";
        let directive = format!(
            "name description locations {} {}",
            list(&self.directive, "args", &input),
            has(&self.directive, &["isRepeatable", "isDeprecated", "deprecationReason"])
        );
        let ty = format!(
            "kind name description {} {} interfaces {reference} possibleTypes {reference} {} {}",
            has(&self.ty, &["specifiedByURL", "isOneOf"]),
            list(&self.ty, "fields", &field),
            list(&self.ty, "enumValues", value),
            list(&self.ty, "inputFields", &input),
        );
        let document = format!(
            "query railgate_schema {{ __schema {{ {} queryType {{ name }} mutationType {{ name }} \
             subscriptionType {{ name }} types {{ {ty} }} {} }} }}",
            has(&self.schema, &["description"]),
            list(&self.schema, "directives", &directive)
        );
        request(document, "railgate_schema")
    }
}

/// The values under the root keys of an answer without errors.
pub(super) fn answers(said: Said) -> Option<HashMap<String, Box<serde_json::value::RawValue>>> {
    match said.data {
        Data::Fields(fields) if said.errors.is_empty() => Some(fields.into_iter().collect()),
        Data::Fields(_) | Data::Null | Data::Absent => None,
    }
}

#[derive(Deserialize)]
struct About {
    fields: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    args: Vec<ArgumentName>,
}

#[derive(Deserialize)]
struct ArgumentName {
    name: String,
}

fn request(document: String, name: &str) -> Request {
    Request { document, variables: Variables::new(), operation_name: Some(name.to_owned()) }
}
