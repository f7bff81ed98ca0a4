//! What an operation finds out on its way that its result doesn't say: whom it is about, which session, and why it was
//! refused. The service notes it where it knows it, and [`Audited`](super::Audited) writes it down.
//!
//! A trail belongs to the task that runs the operation, so that no function of the service has to hand it on. Notes of an
//! operation that nobody audits go nowhere.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::model::{SessionId, Step, UserId};

tokio::task_local! {
    static TRAIL: Trail;
}

/// The notes of one operation. The clones are the same trail.
#[derive(Clone, Debug, Default)]
pub(in crate::auth) struct Trail(Arc<Mutex<Notes>>);

/// What is known by now.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// Whom it is about.
    pub(super) user: Option<UserId>,
    /// A name that nobody has, as a MAC: what is typed there may be a password.
    pub(super) unknown: Option<String>,
    pub(super) session: Option<SessionId>,
    pub(super) reason: Option<&'static str>,
    pub(super) steps: Vec<Step>,
}

impl Trail {
    /// The trail of the task that asks; one that leads nowhere when it has none.
    pub(in crate::auth) fn current() -> Self {
        TRAIL.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs `work` on this trail.
    pub(in crate::auth) async fn along<T>(self, work: impl Future<Output = T>) -> T {
        TRAIL.scope(self, work).await
    }

    pub(super) fn notes(&self) -> Notes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(change: impl FnOnce(&mut Notes)) {
        let _nobody_asks = TRAIL.try_with(|trail| change(&mut trail.0.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

/// Notes whom the operation of this task is about.
pub(in crate::auth) fn about(user: &UserId) {
    Trail::note(|notes| notes.user = Some(user.clone()));
}

/// Notes a name that nobody may have, of which `mac` shows nothing.
pub(in crate::auth) fn about_nobody(mac: String) {
    Trail::note(|notes| notes.unknown = Some(mac));
}

/// Notes which session the operation opened, went on with, or ended.
pub(in crate::auth) fn session(id: SessionId) {
    Trail::note(|notes| notes.session = Some(id));
}

/// Notes what has been done since then.
pub(in crate::auth) fn step(name: &'static str, begun: Instant) {
    Trail::note(|notes| notes.steps.push(Step { name, begun, took: begun.elapsed() }));
}

/// Notes why the operation is being refused; the client is told less.
pub(in crate::auth) fn because(reason: &'static str) {
    Trail::note(|notes| notes.reason = Some(reason));
}
