//! Copies of bodies, within what a core may hold of them.

use std::{cell::Cell, rc::Rc};

use bytes::Bytes;

/// Largest body that is held to be looked at, in bytes.
pub(super) const LARGEST: usize = 256 << 10;
/// So much a core holds of all of them that are still under way, in bytes.
const ALL: usize = 16 << 20;

/// What a core holds.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Held(Rc<Cell<usize>>);

/// A copy of a body, as it comes. One that is too large, or finds no room, is dropped at once.
#[derive(Debug)]
pub(in crate::http) struct Kept {
    /// `None` once it is dropped.
    bytes: Option<Vec<u8>>,
    is_whole: bool,
    held: Held,
}

impl Kept {
    pub(super) fn new(held: &Held) -> Self {
        Self { bytes: Some(Vec::new()), is_whole: false, held: held.clone() }
    }

    /// A piece of it has come.
    pub(in crate::http) fn add(&mut self, piece: &[u8]) {
        let Some(bytes) = &mut self.bytes else { return };
        if bytes.len().saturating_add(piece.len()) > LARGEST || self.held.0.get().saturating_add(piece.len()) > ALL {
            return self.drop_bytes();
        }
        self.held.0.update(|held| held + piece.len());
        bytes.extend_from_slice(piece);
    }

    /// All of it has come.
    pub(in crate::http) const fn end(&mut self) {
        self.is_whole = true;
    }

    /// All of it, if it is all.
    pub(in crate::http) fn into_whole(mut self) -> Option<Bytes> {
        let whole = if self.is_whole { self.bytes.clone() } else { None };
        self.drop_bytes();
        whole.map(Bytes::from)
    }

    fn drop_bytes(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.held.0.update(|held| held.saturating_sub(bytes.len()));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.drop_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, Held, Kept, LARGEST};

    #[test]
    fn a_body_is_kept_whole_or_not_at_all() {
        let held = Held::default();
        let mut kept = Kept::new(&held);
        kept.add(b"ab");
        kept.add(b"c");
        kept.end();
        assert_eq!(held.0.get(), 3);
        assert_eq!((kept.into_whole().as_deref(), held.0.get()), (Some(b"abc".as_slice()), 0));
        let mut broken_off = Kept::new(&held);
        broken_off.add(b"ab");
        assert_eq!((broken_off.into_whole(), held.0.get()), (None, 0));
        let mut large = Kept::new(&held);
        large.add(&vec![0; LARGEST]);
        large.add(b"x");
        assert_eq!(held.0.get(), 0, "what is too large is let go of at once");
        large.end();
        assert_eq!(large.into_whole(), None);
    }

    #[test]
    fn a_core_holds_no_more_than_it_may_of_all_together() {
        let held = Held::default();
        let mut all: Vec<Kept> = (0..ALL / LARGEST + 5).map(|_| Kept::new(&held)).collect();
        for kept in &mut all {
            kept.add(&vec![0; LARGEST]);
            kept.end();
        }
        assert_eq!(held.0.get(), ALL);
        let whole = all.into_iter().filter_map(Kept::into_whole).count();
        assert_eq!((whole, held.0.get()), (ALL / LARGEST, 0));
    }
}
