//! Which operations run on a socket.

use std::{cell::RefCell, collections::HashSet};

use tokio::sync::Notify;

/// The ids of the operations that run.
#[derive(Debug, Default)]
pub(super) struct Operations {
    running: RefCell<HashSet<String>>,
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

impl Operations {
    /// Whether another one may begin, of at most `limit`.
    pub(super) fn may_begin(&self, id: &str, limit: usize) -> Result<(), Unable> {
        let running = self.running.borrow();
        match running.contains(id) {
            true => Err(Unable::Duplicate),
            false if running.len() >= limit => Err(Unable::TooMany),
            false => Ok(()),
        }
    }

    pub(super) fn begin(&self, id: &str) {
        self.running.borrow_mut().insert(id.to_owned());
    }

    /// Whether there was one with this id.
    pub(super) fn end(&self, id: &str) -> bool {
        let was_running = self.running.borrow_mut().remove(id);
        self.fewer.notify_one();
        was_running
    }

    /// Returns when none runs.
    pub(super) async fn none(&self) {
        while !self.running.borrow().is_empty() {
            self.fewer.notified().await;
        }
    }
}
