//! What of an operation with owned fields is the backend's, and in which order things happen.
//!
//! Root fields of a mutation run one after the other (GraphQL October 2021 §6.2.2), so each run of neighbours that are
//! the backend's is a part of its own. Those of a query may run in any order: they are one part, which comes first.
//!
//! Before anything owned runs, the backend validates what it will be asked. Where its only part comes first, that part
//! is its own check.

use std::sync::Arc;

use async_graphql_parser::{
    Pos, Positioned,
    types::{Field, OperationType},
};

use super::{
    super::{
        error::GraphqlError,
        excerpt::{self, Cutter, Group, Purpose, Shared, Wanted},
        introspection::Asked as Introspected,
        schema::ObjectType,
    },
    collect::{ByKey, Collector, Conditions},
    owned::{Action, Check, Introspection, Owned, Part, Refusals, RootField, Step, UserPart},
};

/// Steps as they are found; what the backend is asked is cut out in the end.
pub(super) struct Sequence<'c, 's, 'd> {
    collector: &'c Collector<'s, 'd>,
    keys: Vec<&'d str>,
    steps: Vec<Found<'d>>,
    introspection: Vec<Introspected>,
}

enum Found<'d> {
    Field(RootField),
    Part(Vec<&'d str>),
}

impl Found<'_> {
    /// A field that nobody but the gateway can answer.
    const fn is_own(&self) -> bool {
        match self {
            Self::Field(field) => !matches!(field.action, Action::TypeName(_)),
            Self::Part(_) => false,
        }
    }
}

impl<'c, 's, 'd> Sequence<'c, 's, 'd> {
    pub(super) const fn new(collector: &'c Collector<'s, 'd>) -> Self {
        Self { collector, keys: Vec::new(), steps: Vec::new(), introspection: Vec::new() }
    }

    /// A field of the gateway's.
    pub(super) fn field(&mut self, key: &'d str, field: RootField) {
        self.keys.push(key);
        self.steps.push(Found::Field(field));
    }

    /// A field about the schema.
    pub(super) fn introspection(&mut self, key: &'d str, asked: Introspected) {
        self.keys.push(key);
        self.introspection.push(asked);
    }

    /// A field of the backend's.
    pub(super) fn backend(&mut self, key: &'d str) {
        self.keys.push(key);
        let is_serial = self.collector.operation.definition.ty == OperationType::Mutation;
        let neighbour = if is_serial { self.steps.last_mut() } else { self.steps.first_mut() };
        match neighbour {
            Some(Found::Part(keys)) => keys.push(key),
            Some(Found::Field(_)) | None if is_serial => self.steps.push(Found::Part(vec![key])),
            Some(Found::Field(_)) | None => self.steps.insert(0, Found::Part(vec![key])),
        }
    }

    /// What the operation does.
    ///
    /// # Errors
    /// When a fragment keeps the backend's part from being cut out.
    pub(super) fn finish(self) -> Result<Owned, GraphqlError> {
        let Collector { scope, operation, given, .. } = *self.collector;
        let foreign = scope.roots(operation).foreign;
        let cutter = Cutter::new(scope, operation);
        let cut = |wanted: Wanted<'_>, purpose| {
            cutter.part(wanted, purpose, given).map_err(|Shared| shared(foreign.unwrap_or_default()))
        };
        let parts = self.steps.iter().filter(|step| matches!(step, Found::Part(_))).count();
        let is_own_check = parts == 1 && matches!(self.steps.first(), Some(Found::Part(_)));
        let mut checks = Vec::new();
        if foreign.is_some() && !is_own_check {
            checks.push(Check { excerpt: cut(Wanted::Backend, Purpose::Check)?, refusals: Refusals::Count });
        }
        checks.extend(self.collector.users_check()?);
        let step = |found| match found {
            Found::Field(field) => Ok(Step::Field(field)),
            // What conditions leave out is validated, too, and is in no answer.
            Found::Part(keys) => {
                let excerpt = cut(if is_own_check { Wanted::Backend } else { Wanted::Keys(&keys) }, Purpose::Run)?;
                Ok(Step::Part(Part { keys: keys.into_iter().map(str::to_owned).collect(), excerpt }))
            }
        };
        let introspection = (!self.introspection.is_empty()).then(|| {
            let excerpt = self.steps.iter().any(Found::is_own).then(|| cut(Wanted::Introspection, Purpose::Run));
            let keys = self.introspection.iter().map(|asked| asked.key.clone()).collect();
            let instead = excerpt.transpose()?.map(|excerpt| Part { keys, excerpt });
            Ok(Introspection { instead, own: Arc::clone(scope.schema.own()), asked: self.introspection.into() })
        });
        let keys = self.keys.into_iter().map(str::to_owned).collect();
        let steps = self.steps.into_iter().map(step).collect::<Result<_, GraphqlError>>()?;
        Ok(Owned { checks, introspection: introspection.transpose()?, steps, keys })
    }
}

/// The fields of one `user` that only the backend has.
struct Asked<'d> {
    user: &'d str,
    keys: Vec<&'d str>,
    fields: Group<'d>,
}

impl<'d> Collector<'_, 'd> {
    /// What is to be asked for one root field, a request for each `user` that it shows.
    pub(super) fn users(
        &self,
        root: &ObjectType,
        fields: &[&'d Positioned<Field>],
    ) -> Result<Vec<UserPart>, GraphqlError> {
        let asked = self.asked(root, fields, Conditions::Apply)?;
        let part = |asked: Asked<'d>| UserPart {
            key: asked.user.to_owned(),
            fields: asked.keys.iter().map(|key| (*key).to_owned()).collect(),
            excerpt: excerpt::user(self.scope, self.operation, &[asked.fields], Purpose::Run, self.given),
        };
        Ok(asked.into_iter().map(part).collect())
    }

    /// All that could be asked for any root field, to be validated by the backend.
    fn users_check(&self) -> Result<Option<Check>, GraphqlError> {
        let Some(root) = self.scope.schema.root(self.operation.definition.ty) else { return Ok(None) };
        let (mut fields, mut groups) = (ByKey::new(), Vec::new());
        self.collect(&self.operation.definition.selection_set.node, Conditions::Ignore, &mut fields)?;
        for fields in fields.values() {
            let asked = self.asked(root, fields, Conditions::Ignore)?;
            groups.extend(asked.into_iter().map(|asked| asked.fields));
        }
        Ok((!groups.is_empty()).then(|| Check {
            excerpt: excerpt::user(self.scope, self.operation, &groups, Purpose::Check, self.given),
            refusals: Refusals::DoNotCount,
        }))
    }

    fn asked(
        &self,
        root: &ObjectType,
        fields: &[&'d Positioned<Field>],
        conditions: Conditions,
    ) -> Result<Vec<Asked<'d>>, GraphqlError> {
        let Some(payload) = self.object(root, fields) else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for (user, fields) in self.inside(fields, conditions)? {
            let Some(object) = self.object(payload, &fields).filter(|object| self.scope.schema.is_open(object)) else {
                continue;
            };
            let mut asked = Asked { user, keys: Vec::new(), fields: Vec::new() };
            for (key, fields) in self.inside(&fields, conditions)? {
                if fields.iter().any(|field| self.scope.schema.field(object, &field.node.name.node).is_none()) {
                    asked.keys.push(key);
                    let places = fields.iter().map(|field| field.pos);
                    asked.fields.extend(places.filter_map(|place| self.scope.document.selection_at(place)));
                }
            }
            all.extend(Some(asked).filter(|asked| !asked.keys.is_empty()));
        }
        Ok(all)
    }

    /// The object type of these fields, which are one field of `parent`.
    fn object(&self, parent: &ObjectType, fields: &[&'d Positioned<Field>]) -> Option<&ObjectType> {
        let schema = self.scope.schema;
        schema.object_of(&schema.field(parent, &fields.first()?.node.name.node)?.ty)
    }
}

fn shared(foreign: Pos) -> GraphqlError {
    let message = "A fragment holds fields that the gateway answers (login, logout …) and is used below a field of the \
                   backend, too. Use two fragments.";
    GraphqlError::at(message, foreign).with_code("MIXED_DOCUMENT")
}
