//! Which operations run on a socket, and how the backend calls them.
//!
//! To the backend an operation has the client's own id. A client may use one again as soon as it has stopped the operation
//! that had it, while the backend may still have something to say about that one: its end would count for the new one. So as
//! long as the backend hasn't said that the old one is over, the new one has another id there.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use indexmap::IndexSet;
use tokio::sync::Notify;

use crate::graphql::BackendMessage;

/// Operations that were stopped and of whose end the backend has said nothing that are remembered; it may never say it.
const STOPPED: usize = 1000;

/// The operations that run.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// The backend's ids, by the client's.
    running: RefCell<HashMap<String, String>>,
    /// The client's ids, by those of the backend's that are not the same.
    renamed: RefCell<HashMap<String, String>>,
    /// The backend's ids of those that the client has stopped, the latest last.
    stopped: RefCell<IndexSet<String>>,
    count: Cell<u64>,
    fewer: Notify,
}

/// Why an operation may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unable {
    /// There is one with this id.
    Duplicate,
    /// There are as many as there may be.
    TooMany,
}

/// What becomes of a message of the backend's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Addressed {
    /// It goes on as it is.
    AsItIs,
    /// It is for the client's operation with this id.
    To(String),
    /// It is about an operation that the client has stopped, and has another of this id since.
    Nobody,
}

impl Operations {
    /// Whether another one may begin, of at most `limit`.
    pub(super) fn may_begin(&self, id: &str, limit: usize) -> Result<(), Unable> {
        let running = self.running.borrow();
        match running.contains_key(id) {
            true => Err(Unable::Duplicate),
            false if running.len() >= limit => Err(Unable::TooMany),
            false => Ok(()),
        }
    }

    /// The id that one would have at the backend that begins now.
    pub(super) fn id_for(&self, id: &str) -> String {
        let mut own = id.to_owned();
        while self.stopped.borrow().contains(&own) || self.is_others(&own, id) {
            self.count.update(|count| count + 1);
            own = format!("{id}~{}", self.count.get());
        }
        own
    }

    fn is_others(&self, own: &str, id: &str) -> bool {
        self.renamed.borrow().contains_key(own) || (own != id && self.running.borrow().contains_key(own))
    }

    /// One begins, with this id at the backend.
    pub(super) fn begin(&self, id: &str, own: String) {
        if own != id {
            self.renamed.borrow_mut().insert(own.clone(), id.to_owned());
        }
        self.running.borrow_mut().insert(id.to_owned(), own);
    }

    /// The client stops one; its id at the backend, if there is one.
    pub(super) fn stop(&self, id: &str) -> Option<String> {
        let own = self.running.borrow_mut().remove(id)?;
        self.renamed.borrow_mut().remove(&own);
        let mut stopped = self.stopped.borrow_mut();
        if stopped.len() == STOPPED {
            stopped.shift_remove_index(0);
        }
        stopped.insert(own.clone());
        self.fewer.notify_one();
        Some(own)
    }

    /// Whom a message of the backend's is for.
    pub(super) fn address(&self, message: &BackendMessage) -> Addressed {
        let (BackendMessage::Said(own) | BackendMessage::Ended(own)) = message else { return Addressed::AsItIs };
        if self.stopped.borrow().contains(own) {
            let is_in_use = self.running.borrow().contains_key(own);
            return if is_in_use { Addressed::Nobody } else { Addressed::AsItIs };
        }
        self.renamed.borrow().get(own).cloned().map_or(Addressed::AsItIs, Addressed::To)
    }

    /// The backend says that one is over.
    pub(super) fn end(&self, own: &str) {
        if self.stopped.borrow_mut().shift_remove(own) {
            return;
        }
        let id = self.renamed.borrow_mut().remove(own);
        self.running.borrow_mut().remove(id.as_deref().unwrap_or(own));
        self.fewer.notify_one();
    }

    /// Returns when none runs.
    pub(super) async fn none(&self) {
        while !self.running.borrow().is_empty() {
            self.fewer.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Addressed, Operations, STOPPED, Unable};
    use crate::graphql::BackendMessage;

    fn begun(operations: &Operations, id: &str) -> String {
        operations.may_begin(id, 10).unwrap();
        let own = operations.id_for(id);
        operations.begin(id, own.clone());
        own
    }

    fn addressed(operations: &Operations, own: &str) -> Addressed {
        let [said, ended] = [BackendMessage::Said(own.to_owned()), BackendMessage::Ended(own.to_owned())]
            .map(|message| operations.address(&message));
        assert_eq!(said, ended);
        said
    }

    #[test]
    fn what_is_said_of_an_operation_that_was_stopped_counts_for_no_other() {
        let operations = Operations::default();
        assert_eq!(begun(&operations, "a"), "a");
        assert_eq!(operations.may_begin("a", 10), Err(Unable::Duplicate));
        assert_eq!(operations.stop("a"), Some("a".to_owned()));
        assert_eq!(addressed(&operations, "a"), Addressed::AsItIs, "the client may hear of its end");
        let again = begun(&operations, "a");
        assert_ne!(again, "a");
        assert_eq!(addressed(&operations, "a"), Addressed::Nobody);
        assert_eq!(addressed(&operations, &again), Addressed::To("a".to_owned()));
        operations.end("a");
        assert_eq!(operations.may_begin("a", 10), Err(Unable::Duplicate), "it was the old one's end");
        operations.end(&again);
        assert_eq!(begun(&operations, "a"), "a", "nothing more is to be said of either");
        operations.end("a");
        assert!(operations.may_begin("a", 10).is_ok());
    }

    #[test]
    fn no_two_have_one_id_at_the_backend() {
        let operations = Operations::default();
        begun(&operations, "a");
        operations.stop("a");
        assert_eq!(begun(&operations, "a~1"), "a~1", "a client may call one so");
        let again = begun(&operations, "a");
        assert_eq!((again.as_str(), operations.stop("a").as_deref()), ("a~2", Some("a~2")));
        assert_eq!(begun(&operations, "a~2"), "a~2~3");
    }

    #[test]
    fn those_that_were_stopped_are_remembered_for_a_while() {
        let operations = Operations::default();
        for number in 0..2 * STOPPED {
            begun(&operations, &number.to_string());
            operations.stop(&number.to_string());
        }
        assert_eq!(operations.stopped.borrow().len(), STOPPED);
        assert_eq!(begun(&operations, "0"), "0");
        assert_ne!(begun(&operations, &STOPPED.to_string()), STOPPED.to_string());
    }
}
