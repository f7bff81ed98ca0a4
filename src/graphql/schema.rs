//! `auth.graphql`, embedded and parsed once: root fields, arguments, types.
//!
//! It is the one source of what the gateway owns. The scan takes its names from here, validation its rules, execution
//! the names of what it answers, introspection what it adds to the backend's schema; a root field added to the file is
//! owned from the next start on, and answered "not available" until a command stands behind it.
//!
//! A deployment may leave root fields of it to the backend, and give others another name beside their own: a backend that
//! calls its login `tokenAuth` has `tokenAuth` owned, too. Such a name is a root field like any other, and only what runs
//! it asks which operation it means.
//!
//! Beside it stands `introspection.graphql`: the types and root fields that every schema has.

use std::sync::Arc;

use async_graphql_parser::{
    parse_schema,
    types::{
        BaseType, FieldDefinition, OperationType, Type, TypeDefinition, TypeKind as ParsedKind, TypeSystemDefinition,
    },
};
use async_graphql_value::{ConstValue, Name};
use indexmap::IndexMap;

use super::introspection::Own;
use crate::model::{OperationKind, OwnedAlias};

const TEXT: &str = include_str!("auth.graphql");
const INTROSPECTION: &str = include_str!("introspection.graphql");

/// The root types, as `auth.graphql` calls them.
pub(super) const QUERY: &str = "Query";
pub(super) const MUTATION: &str = "Mutation";

/// What every schema has without saying so (GraphQL October 2021 §3.5).
const BUILT_IN_SCALARS: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

/// The type whose further fields are the backend's: what the directory does not know of a user is asked of it.
pub(super) const OPEN: &str = "AuthenticatedUserType";

/// `auth.graphql` is not what this release expects. A mistake in the build, never in a configuration.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is not the GraphQL schema language.
    #[error("not a schema")]
    Syntax(#[source] async_graphql_parser::Error),
    /// It defines something that validation has no rules for.
    #[error("type {0}: only object types, scalars and enums are understood")]
    Unsupported(String),
    /// A type that is named but not defined.
    #[error("type {0} is not defined")]
    Undefined(String),
    /// One of the two root types is missing.
    #[error("no type {0}")]
    NoRoot(&'static str),
    /// Another name is given to a root field that there is not.
    #[error("{name}: no root field {field} is owned")]
    Unowned {
        /// The other name.
        name: String,
        /// What it should mean.
        field: &'static str,
    },
}

/// The types and root fields that the gateway owns.
#[derive(Debug)]
pub struct Schema {
    types: IndexMap<String, TypeKind>,
    /// `__schema` and `__type`, which every query type has.
    introspection: IndexMap<String, Field>,
    /// `auth.graphql` alone, as introspection shows it.
    own: Arc<Own>,
    /// `__typename`, which every object type has.
    typename: Field,
    /// The arguments of `@skip` and `@include`.
    condition: IndexMap<String, Argument>,
}

#[derive(Debug)]
pub(super) enum TypeKind {
    /// Or an enum: nothing that is looked at here depends on its values.
    Scalar,
    Object(ObjectType),
}

#[derive(Debug)]
pub(super) struct ObjectType {
    pub(super) name: String,
    pub(super) fields: IndexMap<String, Field>,
}

/// A field of an object type.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) arguments: IndexMap<String, Argument>,
    pub(super) ty: Type,
    /// The field of `auth.graphql` that it is another name for.
    pub(super) alias_of: Option<&'static str>,
}

/// An argument of a field.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) ty: Type,
    pub(super) default: Option<ConstValue>,
}

impl Argument {
    /// It must be given: non-null, without a default.
    pub(super) fn is_required(&self) -> bool {
        !self.ty.nullable && self.default.is_none()
    }
}

impl Schema {
    /// The embedded `auth.graphql`.
    ///
    /// # Errors
    /// When it is not what this release expects.
    pub fn embedded() -> Result<Self, SchemaError> {
        Self::deployed(&[], &[])
    }

    /// The same, these root fields `left` to the backend: they are its own then, wherever they are asked for. Of the others
    /// some have another name beside their own.
    ///
    /// # Errors
    /// When it is not what this release expects, or a name is one of a field that is not owned.
    pub fn deployed(left: &[&str], aliases: &[OwnedAlias]) -> Result<Self, SchemaError> {
        let mut types: IndexMap<String, TypeKind> =
            BUILT_IN_SCALARS.iter().map(|name| ((*name).to_owned(), TypeKind::Scalar)).collect();
        types.extend(read(TEXT)?);
        for root in [QUERY, MUTATION] {
            if let Some(TypeKind::Object(root)) = types.get_mut(root) {
                root.fields.retain(|name, _| !left.contains(&name.as_str()));
            }
        }
        for alias in aliases {
            name(&mut types, alias)?;
        }
        let own = Arc::new(Own::new(types.iter()));
        let mut every_schema = read(INTROSPECTION)?;
        let introspection = match every_schema.shift_remove(QUERY) {
            Some(TypeKind::Object(root)) => root.fields,
            Some(TypeKind::Scalar) | None => return Err(SchemaError::NoRoot(QUERY)),
        };
        types.extend(every_schema);
        let condition = Argument { ty: required("Boolean"), default: None };
        let schema = Self {
            types,
            introspection,
            own,
            typename: Field { arguments: IndexMap::new(), ty: required("String"), alias_of: None },
            condition: IndexMap::from([("if".to_owned(), condition)]),
        };
        schema.check()?;
        Ok(schema)
    }

    /// The type of this name, if it is one of ours.
    pub(super) fn get(&self, name: &str) -> Option<&TypeKind> {
        self.types.get(name)
    }

    /// The object type of this name.
    pub(super) fn object(&self, name: &str) -> Option<&ObjectType> {
        match self.types.get(name) {
            Some(TypeKind::Object(object)) => Some(object),
            Some(TypeKind::Scalar) | None => None,
        }
    }

    /// The object type below lists and `!`; `None` when it is a scalar.
    pub(super) fn object_of(&self, ty: &Type) -> Option<&ObjectType> {
        self.object(named(ty))
    }

    /// The root type of operations of this kind; the gateway owns no subscriptions.
    pub(super) fn root(&self, operation: OperationType) -> Option<&ObjectType> {
        match operation {
            OperationType::Query => self.object(QUERY),
            OperationType::Mutation => self.object(MUTATION),
            OperationType::Subscription => None,
        }
    }

    /// Whether it is one of the root types, where fields that are not ours are the backend's.
    pub(super) fn is_root(&self, object: &ObjectType) -> bool {
        [OperationType::Query, OperationType::Mutation]
            .into_iter()
            .filter_map(|operation| self.root(operation))
            .any(|root| root.name == object.name)
    }

    /// Whether fields of this type that are not ours are the backend's, below the root.
    pub(super) fn is_open(&self, object: &ObjectType) -> bool {
        object.name == OPEN
    }

    /// Whether it is a root field of ours, of any kind of operation.
    pub(super) fn owns(&self, name: &str) -> bool {
        self.owned_names().any(|owned| owned == name)
    }

    /// The field of this name, `__typename` and introspection included.
    pub(super) fn field<'s>(&'s self, parent: &'s ObjectType, name: &str) -> Option<&'s Field> {
        if name == "__typename" {
            return Some(&self.typename);
        }
        parent.fields.get(name).or_else(|| self.introspection(parent, name))
    }

    /// The field of this name, if it is one that the query type has for introspection.
    pub(super) fn introspection(&self, parent: &ObjectType, name: &str) -> Option<&Field> {
        self.introspection.get(name).filter(|_| parent.name == QUERY)
    }

    /// What introspection adds to the backend's schema.
    pub(super) fn own(&self) -> &Arc<Own> {
        &self.own
    }

    /// The arguments of this directive, if it is one that requests may use.
    pub(super) fn condition(&self, directive: &str) -> Option<&IndexMap<String, Argument>> {
        matches!(directive, "skip" | "include").then_some(&self.condition)
    }

    /// The names of all root fields.
    pub(super) fn owned_names(&self) -> impl Iterator<Item = &str> {
        [OperationType::Query, OperationType::Mutation]
            .into_iter()
            .filter_map(|operation| self.root(operation))
            .flat_map(|root| root.fields.keys().map(String::as_str))
    }

    /// The other names of root fields, each with the field that it means.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (OperationKind, &str, &'static str)> {
        [(OperationKind::Query, QUERY), (OperationKind::Mutation, MUTATION)].into_iter().flat_map(|(kind, root)| {
            let fields = self.object(root).into_iter().flat_map(|root| &root.fields);
            fields.filter_map(move |(name, field)| Some((kind, name.as_str(), field.alias_of?)))
        })
    }

    fn check(&self) -> Result<(), SchemaError> {
        for (name, operation) in [(QUERY, OperationType::Query), (MUTATION, OperationType::Mutation)] {
            self.root(operation).ok_or(SchemaError::NoRoot(name))?;
        }
        let objects = self.types.values().filter_map(|kind| match kind {
            TypeKind::Object(object) => Some(object),
            TypeKind::Scalar => None,
        });
        for field in objects.flat_map(|object| object.fields.values()).chain(self.introspection.values()) {
            for ty in std::iter::once(&field.ty).chain(field.arguments.values().map(|argument| &argument.ty)) {
                self.get(named(ty)).ok_or_else(|| SchemaError::Undefined(ty.to_string()))?;
            }
        }
        Ok(())
    }
}

/// Adds another name of a root field to the root that has it.
fn name(types: &mut IndexMap<String, TypeKind>, alias: &OwnedAlias) -> Result<(), SchemaError> {
    let OwnedAlias { name, field } = alias;
    for root in [QUERY, MUTATION] {
        let Some(TypeKind::Object(root)) = types.get_mut(root) else { continue };
        if let Some(meant) = root.fields.get(*field).cloned() {
            root.fields.insert(name.clone(), Field { alias_of: Some(field), ..meant });
            return Ok(());
        }
    }
    Err(SchemaError::Unowned { name: name.clone(), field })
}

/// The types of a text in the schema language.
fn read(text: &str) -> Result<IndexMap<String, TypeKind>, SchemaError> {
    let document = parse_schema(text).map_err(SchemaError::Syntax)?;
    let types = document.definitions.into_iter().map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else {
            return Err(SchemaError::Unsupported("schema or directive".to_owned()));
        };
        Ok((definition.node.name.node.to_string(), kind(definition.node)?))
    });
    types.collect()
}

fn required(name: &str) -> Type {
    Type { base: BaseType::Named(Name::new(name)), nullable: false }
}

/// The name below lists and `!`.
pub(super) fn named(ty: &Type) -> &str {
    let mut base = &ty.base;
    loop {
        match base {
            BaseType::Named(name) => return name.as_str(),
            BaseType::List(item) => base = &item.base,
        }
    }
}

fn kind(definition: TypeDefinition) -> Result<TypeKind, SchemaError> {
    let name = definition.name.node.to_string();
    match definition.kind {
        ParsedKind::Scalar | ParsedKind::Enum(_) => Ok(TypeKind::Scalar),
        ParsedKind::Object(object) => {
            let fields = object.fields.into_iter().map(|field| named_field(field.node)).collect();
            Ok(TypeKind::Object(ObjectType { name, fields }))
        }
        _ => Err(SchemaError::Unsupported(name)),
    }
}

fn named_field(field: FieldDefinition) -> (String, Field) {
    let arguments = field.arguments.into_iter().map(|argument| {
        let argument = argument.node;
        let default = argument.default_value.map(|value| value.node);
        (argument.name.node.to_string(), Argument { ty: argument.ty.node, default })
    });
    (field.name.node.to_string(), Field { arguments: arguments.collect(), ty: field.ty.node, alias_of: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OWNED_FIELDS;

    fn alias(name: &str, field: &'static str) -> OwnedAlias {
        OwnedAlias { name: name.to_owned(), field }
    }

    #[test]
    fn the_embedded_file_says_what_is_owned() {
        let schema = Schema::embedded().unwrap();
        let (mut names, mut known) = (schema.owned_names().collect::<Vec<_>>(), OWNED_FIELDS);
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known, "what is told to those who do not read the file");
        assert!(schema.root(OperationType::Subscription).is_none());
    }

    #[test]
    fn another_name_is_a_root_field_where_its_own_is() {
        let schema = Schema::deployed(&[], &[alias("tokenAuth", "login"), alias("sessions", "authSessions")]).unwrap();
        let [query, mutation] = [QUERY, MUTATION].map(|root| schema.object(root).unwrap());
        let (own, other) = (&mutation.fields["login"], &mutation.fields["tokenAuth"]);
        assert_eq!((own.alias_of, other.alias_of), (None, Some("login")));
        assert_eq!((&own.ty, own.arguments.len()), (&other.ty, other.arguments.len()));
        assert!(query.fields.contains_key("sessions") && !query.fields.contains_key("tokenAuth"));
        assert!(["login", "tokenAuth", "authSessions", "sessions"].iter().all(|name| schema.owns(name)));
        assert_eq!(
            schema.aliases().collect::<Vec<_>>(),
            [(OperationKind::Query, "sessions", "authSessions"), (OperationKind::Mutation, "tokenAuth", "login")]
        );
        let left = Schema::deployed(&["register"], &[alias("signUp", "register")]);
        assert_eq!(left.unwrap_err().to_string(), "signUp: no root field register is owned");
    }

    #[test]
    fn arguments_carry_types_and_defaults() {
        let schema = Schema::embedded().unwrap();
        let mutation = schema.root(OperationType::Mutation).unwrap();
        let login = &mutation.fields["login"];
        assert_eq!(login.ty.to_string(), "AuthPayload");
        assert_eq!(login.arguments["username"].ty.to_string(), "String!");
        assert!(login.arguments["username"].is_required());
        assert!(!login.arguments["deviceId"].is_required());
        let trust = &mutation.fields["completeMfaLogin"].arguments["trustDevice"];
        assert_eq!((trust.ty.to_string().as_str(), &trust.default), ("Boolean", &Some(ConstValue::Boolean(false))));
    }
}
