//! A schema as introspection tells it (GraphQL October 2021 §4.2), read from an answer of the backend's.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

/// A whole schema.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Model {
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) query_type: RootName,
    #[serde(default)]
    pub(super) mutation_type: Option<RootName>,
    #[serde(default)]
    pub(super) subscription_type: Option<RootName>,
    /// Each name once.
    #[serde(deserialize_with = "by_name")]
    pub(super) types: IndexMap<String, TypeDef>,
    #[serde(default)]
    pub(super) directives: Vec<Directive>,
}

/// Which type is a root.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RootName {
    pub(super) name: String,
}

/// A named type. What its kind doesn't have is `None`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeDef {
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default, rename = "specifiedByURL")]
    pub(super) specified_by: Option<String>,
    #[serde(default)]
    pub(super) is_one_of: Option<bool>,
    #[serde(default)]
    pub(super) fields: Option<Vec<Field>>,
    #[serde(default)]
    pub(super) interfaces: Option<Vec<TypeRef>>,
    #[serde(default)]
    pub(super) possible_types: Option<Vec<TypeRef>>,
    #[serde(default)]
    pub(super) enum_values: Option<Vec<EnumValue>>,
    #[serde(default)]
    pub(super) input_fields: Option<Vec<InputValue>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) args: Vec<InputValue>,
    #[serde(rename = "type")]
    pub(super) ty: TypeRef,
    #[serde(default)]
    pub(super) is_deprecated: bool,
    #[serde(default)]
    pub(super) deprecation_reason: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputValue {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(rename = "type")]
    pub(super) ty: TypeRef,
    /// In the schema language.
    #[serde(default)]
    pub(super) default_value: Option<String>,
    #[serde(default)]
    pub(super) is_deprecated: bool,
    #[serde(default)]
    pub(super) deprecation_reason: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnumValue {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) is_deprecated: bool,
    #[serde(default)]
    pub(super) deprecation_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Directive {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) locations: Vec<String>,
    #[serde(default)]
    pub(super) args: Vec<InputValue>,
    #[serde(default)]
    pub(super) is_repeatable: bool,
    #[serde(default)]
    pub(super) is_deprecated: bool,
    #[serde(default)]
    pub(super) deprecation_reason: Option<String>,
}

/// A type in its place: a name below lists and `!`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wrapped")]
pub(super) enum TypeRef {
    Named(String),
    List(Box<TypeRef>),
    NonNull(Box<TypeRef>),
}

impl TypeRef {
    /// The name below lists and `!`.
    pub(super) fn named(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::List(inner) | Self::NonNull(inner) => inner.named(),
        }
    }
}

/// As the schema language writes it.
impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(inner) => write!(f, "[{inner}]"),
            Self::NonNull(inner) => write!(f, "{inner}!"),
        }
    }
}

/// A type in its place, as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wrapped {
    kind: String,
    name: Option<String>,
    of_type: Option<Box<Wrapped>>,
}

impl TryFrom<Wrapped> for TypeRef {
    type Error = &'static str;

    /// Fails where the answer ends before the name does: more lists in lists than were asked for.
    fn try_from(wrapped: Wrapped) -> Result<Self, Self::Error> {
        let inner = |of_type: Option<Box<Wrapped>>| {
            let inner = of_type.ok_or("a type without an end")?;
            Self::try_from(*inner).map(Box::new)
        };
        match (wrapped.kind.as_str(), wrapped.name) {
            ("LIST", _) => inner(wrapped.of_type).map(Self::List),
            ("NON_NULL", _) => inner(wrapped.of_type).map(Self::NonNull),
            (_, Some(name)) => Ok(Self::Named(name)),
            (_, None) => Err("a type without a name"),
        }
    }
}

fn by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IndexMap<String, TypeDef>, D::Error> {
    let mut types = IndexMap::new();
    for ty in Vec::<TypeDef>::deserialize(deserializer)? {
        types.entry(ty.name.clone()).or_insert(ty);
    }
    Ok(types)
}
