//! The request that is worked on, for the events of the log.

use std::{cell::RefCell, rc::Rc};

use crate::model::{RequestId, TraceContext};

thread_local! {
    static CURRENT: RefCell<Option<Rc<Current>>> = const { RefCell::new(None) };
}

/// What tells of which request an event is. On a thread that works on one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its id.
    pub request: RequestId,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
}

impl Current {
    /// From now on this thread works on that request, or on none.
    pub fn set(current: Option<Rc<Self>>) {
        CURRENT.set(current);
    }

    /// What this thread works on.
    #[must_use]
    pub fn get() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }
}
