//! What a selection shows of a schema (GraphQL October 2021 §4), written as it is resolved.
//!
//! Types lead to fields and fields to types, so an answer can be as large as a power of the schema. A budget ends that:
//! it pays for every byte that is written and for every item that is looked at.

use std::cell::Cell;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};

use super::{
    Selection,
    model::{Directive, EnumValue, Field, InputValue, Model, TypeDef, TypeRef},
};

/// What an answer may still cost, in bytes.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    /// What looking at an item of a list costs, whether it is shown or not.
    const LOOK: usize = 8;

    pub(super) const fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    /// It was not enough.
    pub(super) const fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    fn pay(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }
}

/// A part of a schema that has fields.
#[derive(Clone, Copy)]
pub(super) enum Node<'m> {
    Schema,
    Type(&'m TypeDef),
    /// A list of this type.
    List(&'m TypeRef),
    NonNull(&'m TypeRef),
    Field(&'m Field),
    Input(&'m InputValue),
    EnumValue(&'m EnumValue),
    Directive(&'m Directive),
}

/// The value of a field.
enum Value<'m> {
    Null,
    Text(&'m str),
    Truth(bool),
    Texts(&'m [String]),
    One(Node<'m>),
    Many(Vec<Node<'m>>),
}

/// A node and what is selected of it.
#[derive(Clone, Copy)]
pub(super) struct Shown<'m> {
    pub(super) model: &'m Model,
    pub(super) node: Node<'m>,
    pub(super) selection: &'m [Selection],
    pub(super) budget: &'m Budget,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.selection.len()))?;
        for selected in self.selection {
            self.budget.pay(selected.key.len() + "\"\":,".len());
            let shown = |node| Shown { node, selection: &selected.inside, ..*self };
            match self.value(selected) {
                Value::Null => map.serialize_entry(&selected.key, &())?,
                Value::Text(text) => {
                    self.budget.pay(text.len());
                    map.serialize_entry(&selected.key, text)?;
                }
                Value::Truth(truth) => map.serialize_entry(&selected.key, &truth)?,
                Value::Texts(texts) => {
                    self.budget.pay(texts.iter().map(String::len).sum());
                    map.serialize_entry(&selected.key, texts)?;
                }
                Value::One(node) => map.serialize_entry(&selected.key, &shown(node))?,
                Value::Many(nodes) => {
                    let nodes: Vec<Shown<'_>> = nodes.into_iter().map(shown).collect();
                    map.serialize_entry(&selected.key, &nodes)?;
                }
            }
            if self.budget.is_spent() {
                return Err(S::Error::custom("the answer is too large"));
            }
        }
        map.end()
    }
}

impl<'m> Shown<'m> {
    /// A selected field. Selections are valid, so what no arm names is `__typename`.
    fn value(&self, selected: &Selection) -> Value<'m> {
        let field = selected.field.as_str();
        match self.node {
            Node::Schema => self.schema(selected),
            Node::Type(ty) => self.ty(ty, selected),
            Node::List(inner) => self.wrapper("LIST", inner, field),
            Node::NonNull(inner) => self.wrapper("NON_NULL", inner, field),
            Node::Field(of) => self.field(of, selected),
            Node::Input(of) => self.input(of, field),
            Node::EnumValue(of) => enum_value(of, field),
            Node::Directive(of) => self.directive(of, selected),
        }
    }

    fn field(&self, of: &'m Field, selected: &Selection) -> Value<'m> {
        match selected.field.as_str() {
            "name" => Value::Text(&of.name),
            "description" => text(of.description.as_ref()),
            "args" => self.inputs(Some(&of.args), selected),
            "type" => self.reference(&of.ty),
            "isDeprecated" => Value::Truth(of.is_deprecated),
            "deprecationReason" => text(of.deprecation_reason.as_ref()),
            _ => Value::Text("__Field"),
        }
    }

    fn input(&self, of: &'m InputValue, field: &str) -> Value<'m> {
        match field {
            "name" => Value::Text(&of.name),
            "description" => text(of.description.as_ref()),
            "type" => self.reference(&of.ty),
            "defaultValue" => text(of.default_value.as_ref()),
            "isDeprecated" => Value::Truth(of.is_deprecated),
            "deprecationReason" => text(of.deprecation_reason.as_ref()),
            _ => Value::Text("__InputValue"),
        }
    }

    fn directive(&self, of: &'m Directive, selected: &Selection) -> Value<'m> {
        match selected.field.as_str() {
            "name" => Value::Text(&of.name),
            "description" => text(of.description.as_ref()),
            "locations" => Value::Texts(&of.locations),
            "args" => self.inputs(Some(&of.args), selected),
            "isRepeatable" => Value::Truth(of.is_repeatable),
            "isDeprecated" => Value::Truth(of.is_deprecated),
            "deprecationReason" => text(of.deprecation_reason.as_ref()),
            _ => Value::Text("__Directive"),
        }
    }

    fn schema(&self, selected: &Selection) -> Value<'m> {
        let (model, all) = (self.model, selected.include_deprecated);
        match selected.field.as_str() {
            "description" => text(model.description.as_ref()),
            "types" => self.many(Some(model.types.values()), |_| true, Node::Type),
            "queryType" => self.named(Some(&model.query_type.name)),
            "mutationType" => self.named(model.mutation_type.as_ref().map(|root| root.name.as_str())),
            "subscriptionType" => self.named(model.subscription_type.as_ref().map(|root| root.name.as_str())),
            "directives" => {
                self.many(Some(&model.directives), |directive| all || !directive.is_deprecated, Node::Directive)
            }
            _ => Value::Text("__Schema"),
        }
    }

    fn ty(&self, of: &'m TypeDef, selected: &Selection) -> Value<'m> {
        let all = selected.include_deprecated;
        match selected.field.as_str() {
            "kind" => Value::Text(&of.kind),
            "name" => Value::Text(&of.name),
            "description" => text(of.description.as_ref()),
            "specifiedByURL" => text(of.specified_by.as_ref()),
            "fields" => self.many(of.fields.as_ref(), |field| all || !field.is_deprecated, Node::Field),
            "interfaces" => self.references(of.interfaces.as_ref()),
            "possibleTypes" => self.references(of.possible_types.as_ref()),
            "enumValues" => self.many(of.enum_values.as_ref(), |value| all || !value.is_deprecated, Node::EnumValue),
            "inputFields" => self.inputs(of.input_fields.as_ref(), selected),
            "isOneOf" => match of.is_one_of {
                Some(is_one_of) => Value::Truth(is_one_of),
                None if of.input_fields.is_some() => Value::Truth(false),
                None => Value::Null,
            },
            "ofType" => Value::Null,
            _ => Value::Text("__Type"),
        }
    }

    fn wrapper(&self, kind: &'m str, inner: &'m TypeRef, field: &str) -> Value<'m> {
        match field {
            "kind" => Value::Text(kind),
            "ofType" => self.reference(inner),
            "__typename" => Value::Text("__Type"),
            _ => Value::Null,
        }
    }

    fn reference(&self, ty: &'m TypeRef) -> Value<'m> {
        self.node_of(ty).map_or(Value::Null, Value::One)
    }

    fn node_of(&self, ty: &'m TypeRef) -> Option<Node<'m>> {
        match ty {
            TypeRef::Named(name) => self.model.types.get(name).map(Node::Type),
            TypeRef::List(inner) => Some(Node::List(inner)),
            TypeRef::NonNull(inner) => Some(Node::NonNull(inner)),
        }
    }

    fn named(&self, name: Option<&str>) -> Value<'m> {
        name.and_then(|name| self.model.types.get(name)).map_or(Value::Null, |ty| Value::One(Node::Type(ty)))
    }

    fn references(&self, types: Option<&'m Vec<TypeRef>>) -> Value<'m> {
        let Some(types) = types else { return Value::Null };
        self.budget.pay(types.len() * Budget::LOOK);
        Value::Many(types.iter().filter_map(|ty| self.node_of(ty)).collect())
    }

    fn inputs(&self, inputs: Option<&'m Vec<InputValue>>, selected: &Selection) -> Value<'m> {
        self.many(inputs, |input| selected.include_deprecated || !input.is_deprecated, Node::Input)
    }

    fn many<T: 'm>(
        &self,
        items: Option<impl IntoIterator<Item = &'m T>>,
        shows: impl Fn(&T) -> bool,
        node: impl Fn(&'m T) -> Node<'m>,
    ) -> Value<'m> {
        let Some(items) = items else { return Value::Null };
        let look = |_: &&T| self.budget.pay(Budget::LOOK);
        Value::Many(items.into_iter().inspect(look).filter(|item| shows(item)).map(node).collect())
    }
}

fn enum_value<'m>(of: &'m EnumValue, field: &str) -> Value<'m> {
    match field {
        "name" => Value::Text(&of.name),
        "description" => text(of.description.as_ref()),
        "isDeprecated" => Value::Truth(of.is_deprecated),
        "deprecationReason" => text(of.deprecation_reason.as_ref()),
        _ => Value::Text("__EnumValue"),
    }
}

fn text(text: Option<&String>) -> Value<'_> {
    text.map_or(Value::Null, |text| Value::Text(text))
}
