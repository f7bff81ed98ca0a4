//! What of an operation with owned fields is the backend's, and in which order things happen.
//!
//! Root fields of a mutation run one after the other (GraphQL October 2021 §6.2.2), so each run of neighbours that are
//! the backend's is a part of its own. Those of a query may run in any order: they are one part, which comes first.
//!
//! Before anything owned runs, the backend validates what it will be asked, and what other operations of the document
//! would ask it. Where its only part comes first, that part is its own check.

use std::sync::Arc;

use async_graphql_parser::{
    Pos, Positioned,
    types::{Field, OperationType, Selection, SelectionSet},
};
use indexmap::IndexMap;

use super::{
    super::{
        Request,
        document::Operation,
        error::GraphqlError,
        excerpt::{self, Cutter, Group, Purpose, Shared, Wanted},
        introspection::Asked,
        schema::ObjectType,
        validate::Scope,
    },
    owned::{Action, Check, Instead, Introspection, Owned, Part, Refusals, RootField, Step, UserPart, UsersPart},
    prepared::AskedUser,
};

/// What the backend's part is cut out of.
pub(super) struct Backend<'s, 'd> {
    pub(super) scope: &'s Scope<'d>,
    pub(super) operation: &'s Operation<'d>,
    /// Its variables as the client gave them are what the backend gets.
    pub(super) request: &'s Request,
}

/// Steps as they are found; what the backend is asked is cut out in the end.
pub(super) struct Sequence<'b, 's, 'd> {
    backend: &'b Backend<'s, 'd>,
    keys: Vec<String>,
    steps: Vec<Found>,
    introspection: Vec<Asked>,
}

enum Found {
    Field(RootField),
    Part(Vec<String>),
}

impl Found {
    /// A field that nobody but the gateway can answer.
    const fn is_own(&self) -> bool {
        matches!(self, Self::Field(_)) && !self.is_nobodys()
    }

    const fn is_nobodys(&self) -> bool {
        matches!(self, Self::Field(RootField { action: Action::TypeName(_), .. }))
    }
}

impl<'b, 's, 'd> Sequence<'b, 's, 'd> {
    pub(super) const fn new(backend: &'b Backend<'s, 'd>) -> Self {
        Self { backend, keys: Vec::new(), steps: Vec::new(), introspection: Vec::new() }
    }

    /// A field of the gateway's.
    pub(super) fn field(&mut self, field: RootField) {
        self.keys.push(field.key.clone());
        self.steps.push(Found::Field(field));
    }

    /// A field about the schema.
    pub(super) fn introspection(&mut self, asked: Asked) {
        self.keys.push(asked.key.clone());
        self.introspection.push(asked);
    }

    /// A field of the backend's.
    pub(super) fn backend(&mut self, key: &str) {
        let key = key.to_owned();
        self.keys.push(key.clone());
        let is_serial = self.backend.operation.definition.ty == OperationType::Mutation;
        // A `__typename` in between parts nothing: there may be thousands of them.
        let neighbour = if is_serial {
            self.steps.iter_mut().rev().find(|step| !step.is_nobodys())
        } else {
            self.steps.first_mut()
        };
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
        let Backend { scope, operation, request } = *self.backend;
        let given = &request.variables;
        let foreign = scope.roots(operation).foreign;
        let shared = |Shared| shared(foreign.unwrap_or(operation.at));
        let cutter = Cutter::new(scope, operation);
        let parts = self.steps.iter().filter(|step| matches!(step, Found::Part(_))).count();
        let is_alone = self.backend.others().next().is_none();
        let is_own_check = is_alone && parts == 1 && matches!(self.steps.first(), Some(Found::Part(_)));
        let mut checks = Vec::new();
        if !is_own_check {
            let refusals = if foreign.is_some() { Refusals::Count } else { Refusals::DoNotCount };
            checks.extend(cutter.check(given).map_err(shared)?.map(|excerpt| Check { excerpt, refusals }));
        }
        checks.extend(self.backend.users_check());
        let step = |found| match found {
            Found::Field(field) => Ok(Step::Field(field)),
            // What conditions leave out is validated, too, and is in no answer.
            Found::Part(keys) => {
                let wanted = if is_own_check { Wanted::Backend } else { Wanted::Keys(&keys) };
                let excerpt = cutter.part(wanted, given).map_err(shared)?;
                Ok(Step::Part(Part { keys, excerpt }))
            }
        };
        let introspection = (!self.introspection.is_empty()).then(|| {
            let instead = if self.steps.iter().any(Found::is_own) {
                let excerpt = cutter.part(Wanted::Introspection, given).map_err(shared)?;
                Instead::Part(Part {
                    keys: self.introspection.iter().map(|asked| asked.key.clone()).collect(),
                    excerpt,
                })
            } else {
                Instead::Whole(request.clone())
            };
            Ok(Introspection { instead, own: Arc::clone(scope.schema.own()), asked: self.introspection.into() })
        });
        let introspection = introspection.transpose()?;
        let steps = self.steps.into_iter().map(step).collect::<Result<_, GraphqlError>>()?;
        Ok(Owned { checks, introspection, steps, keys: self.keys })
    }
}

/// The fields that answer under one key, whatever conditions say.
type ByKey<'d> = IndexMap<&'d str, Vec<&'d Positioned<Field>>>;

impl<'d> Backend<'_, 'd> {
    /// The operations that do not run and have fields of the backend's.
    fn others(&self) -> impl Iterator<Item = &Operation<'d>> {
        let others = self.scope.operations.iter().filter(|other| other.at != self.operation.at);
        others.filter(|other| self.scope.roots(other).foreign.is_some())
    }

    /// What is to be asked of the users of one payload.
    pub(super) fn users(&self, asked: &[AskedUser]) -> Option<Box<UsersPart>> {
        if asked.is_empty() {
            return None;
        }
        let fields = |user: &AskedUser| {
            user.places.iter().filter_map(|place| self.scope.document.selection_at(*place)).collect()
        };
        let groups: Vec<Group<'d>> = asked.iter().map(fields).collect();
        let users = asked.iter().map(|user| UserPart { key: user.key.clone(), fields: user.fields.clone() });
        let excerpt = excerpt::user(self.scope, self.operation, &groups, Purpose::Run, &self.request.variables);
        Some(Box::new(UsersPart { users: users.collect(), excerpt }))
    }

    /// All that could be asked of any `user`, to be validated by the backend.
    fn users_check(&self) -> Option<Check> {
        let root = self.scope.schema.root(self.operation.definition.ty)?;
        let (mut fields, mut groups) = (ByKey::new(), Vec::new());
        self.collect(&self.operation.definition.selection_set.node, &mut fields);
        for fields in fields.values() {
            let Some(payload) = self.object(root, fields) else { continue };
            for fields in self.inside(fields).values() {
                groups.extend(self.object(payload, fields).map(|user| self.asked(user, fields)));
            }
        }
        groups.retain(|group| !group.is_empty());
        (!groups.is_empty()).then(|| Check {
            excerpt: excerpt::user(self.scope, self.operation, &groups, Purpose::Check, &self.request.variables),
            refusals: Refusals::DoNotCount,
        })
    }

    /// What only the backend has, of these fields of a user.
    fn asked(&self, user: &ObjectType, fields: &[&'d Positioned<Field>]) -> Group<'d> {
        let inside = self.inside(fields);
        let unknown = inside.into_values().flatten().filter(|field| {
            self.scope.schema.is_open(user) && self.scope.schema.field(user, &field.node.name.node).is_none()
        });
        unknown.filter_map(|field| self.scope.document.selection_at(field.pos)).collect()
    }

    /// The object type of these fields, which are one field of `parent`.
    fn object(&self, parent: &ObjectType, fields: &[&'d Positioned<Field>]) -> Option<&ObjectType> {
        let schema = self.scope.schema;
        schema.object_of(&schema.field(parent, &fields.first()?.node.name.node)?.ty)
    }

    fn inside(&self, fields: &[&'d Positioned<Field>]) -> ByKey<'d> {
        let mut inside = ByKey::new();
        for field in fields {
            self.collect(&field.node.selection_set.node, &mut inside);
        }
        inside
    }

    fn collect(&self, set: &'d SelectionSet, fields: &mut ByKey<'d>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    fields.entry(field.node.response_key().node.as_str()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => self.collect(&fragment.node.selection_set.node, fields),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.scope.fragment(&spread.node.fragment_name.node) {
                        self.collect(&fragment.definition.selection_set.node, fields);
                    }
                }
            }
        }
    }
}

fn shared(foreign: Pos) -> GraphqlError {
    let message = "A fragment holds fields that the gateway answers (login, logout …) and is used below a field of the \
                   backend, too. Use two fragments.";
    GraphqlError::at(message, foreign).with_code("MIXED_DOCUMENT")
}
