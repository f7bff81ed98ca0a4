//! How much memory a decision takes, so that a cache of them can be bounded.

use std::mem::size_of;

use async_graphql_parser::{
    Pos,
    types::{BaseType, Type},
};
use serde_json::Value;

use super::{
    Lasting, Work,
    guarded::{Executed, Guarded},
    owned::Shown,
    prepared::{
        Argument, AskedUser, Condition, Entry, Field, Given, Ours, Prepared, Root, Selected, Selection, Tree, Variable,
        What,
    },
};

/// What the allocator takes for a block beside its bytes, rounding included; and the counts of an `Arc`.
const BLOCK: usize = 16;

/// The bytes on the heap behind a decision.
pub(super) fn of(decision: &Lasting) -> usize {
    let work = match &decision.work {
        Work::Forward => 0,
        Work::Run(prepared) => 2 * BLOCK + size_of::<Prepared>() + prepared.heap(),
    };
    let guarded = decision.guarded.as_ref();
    work + guarded.map_or(0, |guarded| 2 * BLOCK + size_of::<Guarded>() + guarded.fields.heap())
}

/// What a value owns on the heap, in bytes, not counting itself.
trait Heap {
    fn heap(&self) -> usize;
}

impl<T: Heap> Heap for [T] {
    fn heap(&self) -> usize {
        self.iter().map(Heap::heap).sum()
    }
}

impl<T: Heap> Heap for Vec<T> {
    fn heap(&self) -> usize {
        if self.capacity() == 0 { 0 } else { BLOCK + self.capacity() * size_of::<T>() + self.as_slice().heap() }
    }
}

impl<T: Heap> Heap for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, Heap::heap)
    }
}

impl Heap for String {
    fn heap(&self) -> usize {
        BLOCK + self.capacity()
    }
}

impl Heap for Value {
    fn heap(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 0,
            // None such is kept: of literals only flags are.
            other => BLOCK + size_of::<Self>() * other.to_string().len(),
        }
    }
}

impl Heap for Type {
    fn heap(&self) -> usize {
        match &self.base {
            BaseType::Named(name) => 2 * BLOCK + name.len(),
            BaseType::List(item) => BLOCK + size_of::<Self>() + item.heap(),
        }
    }
}

impl Heap for Pos {
    fn heap(&self) -> usize {
        0
    }
}

impl Heap for Condition {
    fn heap(&self) -> usize {
        0
    }
}

impl Heap for Prepared {
    fn heap(&self) -> usize {
        let selected = match &self.selected {
            Selected::Settled(roots) => roots.heap(),
            Selected::Open(tree) => tree.heap(),
        };
        self.variables.heap() + selected
    }
}

impl Heap for Variable {
    fn heap(&self) -> usize {
        self.name.heap() + self.ty.heap() + self.default.heap()
    }
}

impl Heap for Tree {
    fn heap(&self) -> usize {
        self.root.heap() + self.selections.heap() + self.fragments.heap()
    }
}

impl Heap for Selection {
    fn heap(&self) -> usize {
        let what = match &self.what {
            What::Field(field) => field.heap(),
            What::Inline(selections) => selections.heap(),
            What::Spread(_) => 0,
        };
        self.conditions.heap() + what
    }
}

impl Heap for Field {
    fn heap(&self) -> usize {
        self.key.heap() + self.name.heap() + self.arguments.heap() + self.inside.heap()
    }
}

impl Heap for Argument {
    fn heap(&self) -> usize {
        let given = match &self.given {
            Given::Fixed(value) => value.heap(),
            Given::Variable { default, ty, .. } => default.heap() + ty.heap(),
        };
        self.name.heap() + given
    }
}

impl Heap for Root {
    fn heap(&self) -> usize {
        let entry = match &self.entry {
            Entry::Ours(Ours::TypeName(name)) => name.heap(),
            Entry::Ours(Ours::Field { name, alias_of: _, arguments, shown, users }) => {
                // What is kept has no errors: they come with variables.
                let shown =
                    shown.as_ref().map_or(0, |shown| 2 * BLOCK + size_of::<Shown>() * shown.len() + shown.heap());
                name.heap() + arguments.heap() + shown + users.heap()
            }
            // Neither is kept: the backend is asked.
            Entry::Introspection { arguments, .. } => arguments.heap(),
            Entry::Backends => 0,
        };
        self.key.heap() + self.places.heap() + entry
    }
}

impl Heap for Executed {
    fn heap(&self) -> usize {
        self.key.heap() + self.name.heap() + self.places.heap()
    }
}

impl Heap for AskedUser {
    fn heap(&self) -> usize {
        self.key.heap() + self.fields.heap() + self.places.heap()
    }
}

impl Heap for Shown {
    fn heap(&self) -> usize {
        self.key.heap() + self.field.heap() + self.inside.heap()
    }
}
