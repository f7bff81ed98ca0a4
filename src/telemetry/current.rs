//! The request that is worked on, for the events of the log.

use std::cell::Cell;

use crate::model::{RequestId, TraceContext};

thread_local! {
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
}

/// What tells of which request an event is. On a thread that works on one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its id.
    pub request: RequestId,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
}

impl Current {
    /// From now on this thread works on that request, or on none.
    pub fn set(current: Option<Self>) {
        CURRENT.set(current);
    }

    /// What this thread works on.
    #[must_use]
    pub fn get() -> Option<Self> {
        CURRENT.get()
    }
}
