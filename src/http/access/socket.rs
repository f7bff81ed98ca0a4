//! The line of a socket, when it has ended. It begins as that of the upgrade.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
};

use super::{
    counted::Counts,
    notes::{self, End, Notes, along},
};
use crate::{
    http::counts::{Kind, Open},
    telemetry::access::Outcome,
};

/// A socket that has not been told of yet. The line is written when this is dropped.
#[derive(Debug)]
pub(in crate::http) struct Socket {
    notes: Option<Box<Notes>>,
    counts: Counts,
    _open: Open,
}

impl Socket {
    /// One that the request that is worked on becomes.
    pub(in crate::http) fn opened() -> Self {
        let notes = notes::copy().map(|notes| Box::new(notes.of_socket()));
        Self { notes, counts: Counts::default(), _open: Open::now(Kind::Socket) }
    }

    /// What is counted of the client's side of it.
    pub(in crate::http) fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Serves it to its end.
    pub(in crate::http) async fn along(mut self, serve: impl Future<Output = ()>) {
        let mut serve = pin!(serve);
        std::future::poll_fn(|cx: &mut Context<'_>| -> Poll<()> {
            let polled: Pin<&mut _> = serve.as_mut();
            along(&mut self.notes, || polled.poll(cx))
        })
        .await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Some(notes) = &self.notes else { return };
        notes.write(&End {
            outcome: notes.unfinished(Outcome::Ok),
            status: None,
            received: Some(self.counts.received()),
            sent: self.counts.sent(),
        });
    }
}
