//! How many sockets there are.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the sockets of all cores, whatever configuration they began under. Cheap to clone; the clones share it.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<AtomicUsize>);

/// A socket's place, as long as it lasts.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Places {
    /// One of so many; `None` where all are taken.
    pub(super) fn take(&self, limit: usize) -> Option<Place> {
        let taken =
            self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < limit).then(|| taken + 1));
        taken.is_ok().then(|| Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn a_place_is_free_again_at_its_end_and_a_limit_may_change() {
        let places = Places::default();
        let [one, other] = [(); 2].map(|()| places.take(2));
        assert!(one.is_some() && other.is_some() && places.take(2).is_none());
        assert!(places.take(3).is_some(), "and it is given back at once");
        drop(one);
        assert!(places.take(1).is_none(), "the other one counts");
        assert!(places.take(2).is_some());
    }
}
