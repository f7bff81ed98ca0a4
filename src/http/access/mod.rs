//! What the access log, and a collector of traces, are told of a request, from its head to the end of its answer.
//!
//! Each stage notes what it finds out, where it finds it out ([`notes`]). Notes are taken along by the request, then by its
//! answer's body ([`entry`]); whoever drops the last of them writes the line. So a request whose client goes away leaves one,
//! too, wherever that happens, and no stage has to hand anything on.

use std::{rc::Rc, sync::Arc};

use tokio::sync::watch;

use super::server::Telling;
use crate::{
    model::Clock,
    telemetry::access::{CoreLog, Log},
};

mod asking;
mod counted;
mod entry;
mod ids;
mod notes;
mod socket;
mod spans;

pub(super) use asking::Asking;
pub(super) use counted::{Counted, Counts};
pub(super) use entry::{Answered, Tracked};
use ids::Ids;
pub(super) use notes::{caller, code, credential, operations, rejected, settled, trace, within};
pub(super) use socket::Socket;
pub use spans::Spans;

/// The status of an answer that its client did not wait for, as nginx has it.
const NOT_WAITED_FOR: u16 = 499;

/// What the requests of a core have in common that are served by one configuration.
#[derive(Debug)]
pub(super) struct Access {
    log: Option<Rc<CoreLog>>,
    spans: Option<Spans>,
    clock: Arc<dyn Clock>,
    ids: Ids,
    /// Not what keeps the gateway waiting: a socket is told of when it has no time left.
    stopping: watch::Receiver<bool>,
}

impl Access {
    /// On this core, whose runtime it is called in.
    pub(super) fn on_this_core(telling: &Telling, stopping: watch::Receiver<bool>) -> Self {
        let Telling { access, spans, traces, clock, entropy } = telling;
        let log = access.as_ref().map(Log::on_this_core);
        if let Some(log) = &log {
            tokio::task::spawn_local(log.keep_moving());
        }
        let (spans, clock, entropy) = (spans.clone(), Arc::clone(clock), Arc::clone(entropy));
        Self { log, spans, clock, ids: Ids::new(entropy, *traces), stopping }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
