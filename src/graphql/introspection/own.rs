//! `auth.graphql` as introspection tells it.

use async_graphql_parser::types::{BaseType, Type};

use super::model::{Field, InputValue, TypeDef, TypeRef};
use crate::graphql::schema::{self, ObjectType, TypeKind};

/// What the gateway adds to a schema.
#[derive(Debug)]
pub(in crate::graphql) struct Own {
    pub(super) query: Vec<Field>,
    pub(super) mutation: Vec<Field>,
    pub(super) types: Vec<TypeDef>,
}

impl Own {
    /// From the types of `auth.graphql`, its root types by these names among them.
    pub(in crate::graphql) fn new<'s>(types: impl Iterator<Item = (&'s String, &'s TypeKind)>) -> Self {
        let mut own = Self { query: Vec::new(), mutation: Vec::new(), types: Vec::new() };
        for (name, kind) in types {
            match kind {
                TypeKind::Object(object) if name == schema::QUERY => own.query = fields(object),
                TypeKind::Object(object) if name == schema::MUTATION => own.mutation = fields(object),
                TypeKind::Object(object) => own.types.push(TypeDef {
                    fields: Some(fields(object)),
                    interfaces: Some(Vec::new()),
                    ..bare("OBJECT", name)
                }),
                TypeKind::Scalar => own.types.push(bare("SCALAR", name)),
            }
        }
        own.forget_unused();
        own
    }

    /// Scalars that every schema may have and that nothing of ours is of.
    fn forget_unused(&mut self) {
        let objects = self.types.iter().filter_map(|ty| ty.fields.as_deref());
        let fields = objects.chain([self.query.as_slice(), self.mutation.as_slice()]).flatten();
        let named = fields.flat_map(|field| field.args.iter().map(|argument| &argument.ty).chain([&field.ty]));
        let used: Vec<String> = named.map(|ty| ty.named().to_owned()).collect();
        self.types.retain(|ty| ty.fields.is_some() || used.contains(&ty.name));
    }
}

/// A type that has nothing but a name.
pub(super) fn bare(kind: &str, name: &str) -> TypeDef {
    TypeDef {
        kind: kind.to_owned(),
        name: name.to_owned(),
        description: None,
        specified_by: None,
        is_one_of: None,
        fields: None,
        interfaces: None,
        possible_types: None,
        enum_values: None,
        input_fields: None,
    }
}

fn fields(object: &ObjectType) -> Vec<Field> {
    let field = |(name, field): (&String, &schema::Field)| Field {
        name: name.clone(),
        description: None,
        args: field.arguments.iter().map(|(name, argument)| input(name, argument)).collect(),
        ty: reference(&field.ty),
        is_deprecated: false,
        deprecation_reason: None,
    };
    object.fields.iter().map(field).collect()
}

fn input(name: &str, argument: &schema::Argument) -> InputValue {
    InputValue {
        name: name.to_owned(),
        description: None,
        ty: reference(&argument.ty),
        default_value: argument.default.as_ref().map(ToString::to_string),
        is_deprecated: false,
        deprecation_reason: None,
    }
}

fn reference(ty: &Type) -> TypeRef {
    let inner = match &ty.base {
        BaseType::Named(name) => TypeRef::Named(name.to_string()),
        BaseType::List(item) => TypeRef::List(Box::new(reference(item))),
    };
    if ty.nullable { inner } else { TypeRef::NonNull(Box::new(inner)) }
}
