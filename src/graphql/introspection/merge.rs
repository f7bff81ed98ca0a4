//! The backend's schema with the gateway's additions, each name once, ours first in line for it.
//!
//! Types that only replaced fields referred to stay: nothing is wrong with a type that nothing is of.

use super::{
    model::{Field, Model, RootName, TypeDef},
    own::{Own, bare},
};
use crate::graphql::schema;

/// The backend's field that gives the caller's own user: what a login shows of its user comes from there, too.
const USER_FIELD: &str = "me";

impl Model {
    /// What clients see.
    pub(super) fn merged(mut self, own: &Own) -> Self {
        let further = self.further_fields();
        for ty in &own.types {
            self.add(ty, &further);
        }
        let query = self.query_type.name.clone();
        self.root(&query, &own.query);
        let mutation = self.mutation_type.get_or_insert_with(|| RootName { name: schema::MUTATION.to_owned() });
        let mutation = mutation.name.clone();
        self.root(&mutation, &own.mutation);
        self
    }

    /// Every field that the backend's own user has.
    fn further_fields(&self) -> Vec<Field> {
        let fields = |name: &str| self.types.get(name).and_then(|ty| ty.fields.as_ref());
        let me = fields(&self.query_type.name).and_then(|fields| fields.iter().find(|field| field.name == USER_FIELD));
        me.and_then(|me| fields(me.ty.named())).cloned().unwrap_or_default()
    }

    fn add(&mut self, own: &TypeDef, further: &[Field]) {
        // A scalar is what the backend says it is.
        if own.fields.is_none() {
            self.types.entry(own.name.clone()).or_insert_with(|| own.clone());
            return;
        }
        let mut ty = own.clone();
        if ty.name == schema::OPEN {
            let fields = ty.fields.get_or_insert_default();
            for field in further {
                if fields.iter().all(|own| own.name != field.name) {
                    fields.push(field.clone());
                }
            }
        }
        if let Some(replaced) = self.types.insert(own.name.clone(), ty) {
            self.implements_no_more(&replaced);
        }
    }

    /// The type that took its place has no interfaces.
    fn implements_no_more(&mut self, replaced: &TypeDef) {
        for interface in replaced.interfaces.iter().flatten() {
            let possible = self.types.get_mut(interface.named()).and_then(|ty| ty.possible_types.as_mut());
            if let Some(possible) = possible {
                possible.retain(|ty| ty.named() != replaced.name);
            }
        }
    }

    fn root(&mut self, name: &str, own: &[Field]) {
        let root = self.types.entry(name.to_owned()).or_insert_with(|| bare("OBJECT", name));
        root.interfaces.get_or_insert_default();
        let fields = root.fields.get_or_insert_default();
        fields.retain(|field| own.iter().all(|own| own.name != field.name));
        fields.extend_from_slice(own);
    }
}
