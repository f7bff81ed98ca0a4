//! Takes spans from their queue to the collector.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Span, Value,
    wire::{self, Resource},
};
use crate::telemetry::lines::Ledger;

/// Spans that are sent at once.
const BATCH: usize = 512;
/// How long the first of them waits for others.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pauses after a failure that may pass; after the last of them the spans are lost.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Who the collector is told that the spans come from (`service.…`).
#[derive(Clone, Debug)]
pub struct Service {
    /// What all gateways of a deployment have in common.
    pub name: String,
    /// This run of this one; random.
    pub instance: [u8; 8],
}

/// Where spans are sent.
pub trait Collector: Send + Sync + 'static {
    /// Why a request was not taken.
    type Error: Error + Send + 'static;

    /// Sends a request of OTLP.
    fn send(&self, request: Bytes) -> impl Future<Output = Result<(), Refused<Self::Error>>> + Send;
}

/// A request that was not taken.
#[derive(Debug)]
pub enum Refused<E> {
    /// Another try may go better.
    ForNow(E),
    /// It won't.
    ForGood(E),
}

/// What empties the queue.
#[derive(Debug)]
pub struct Exporter {
    spans: Receiver<Span>,
    /// Taken, and not sent yet.
    in_hand: Vec<Span>,
    ledger: Ledger,
}

impl Exporter {
    pub(super) const fn new(spans: Receiver<Span>, ledger: Ledger) -> Self {
        Self { spans, in_hand: Vec::new(), ledger }
    }

    /// Sends what comes, until nobody is left who could record anything and all is sent. Ended before that, what is left is
    /// lost.
    pub async fn run(mut self, service: Service, collector: impl Collector) {
        let resource = resource(service);
        while self.gather().await {
            let request = Bytes::from(wire::request(&resource, &self.in_hand));
            let outcome = self.persist(&request, &collector).await;
            let spans = self.in_hand.len() as u64;
            self.in_hand.clear();
            match outcome {
                Ok(()) => self.ledger.counts().add_written(spans),
                Err(_) => self.ledger.counts().add_failed(spans),
            }
            self.ledger.tell(outcome.as_ref().err().map(|error| error as &(dyn Error + 'static)));
        }
    }

    /// Takes what there is to be sent at once; `false` when there will be nothing more.
    async fn gather(&mut self) -> bool {
        if self.spans.recv_many(&mut self.in_hand, BATCH).await == 0 {
            return false;
        }
        let until = Instant::now() + PATIENCE;
        while self.in_hand.len() < BATCH {
            let room = BATCH - self.in_hand.len();
            match timeout_at(until, self.spans.recv_many(&mut self.in_hand, room)).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        true
    }

    async fn persist<C: Collector>(&mut self, request: &Bytes, collector: &C) -> Result<(), C::Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let (error, pause) = match collector.send(request.clone()).await {
                Ok(()) => return Ok(()),
                Err(Refused::ForGood(error)) => return Err(error),
                Err(Refused::ForNow(error)) => (error, pauses.next()),
            };
            match pause {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.spans.close();
        let mut left = self.in_hand.len() as u64;
        while let Ok(_span) = self.spans.try_recv() {
            left += 1;
        }
        self.ledger.counts().add_failed(left);
        self.ledger.tell_at_the_end();
    }
}

fn resource(service: Service) -> Resource {
    let instance = format!("{:016x}", u64::from_be_bytes(service.instance));
    Resource {
        attributes: vec![
            ("service.name", Value::from(service.name)),
            ("service.version", Value::from(env!("CARGO_PKG_VERSION"))),
            ("service.instance.id", Value::from(instance)),
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::telemetry::spans::{Tracer, tests::span};

    /// Gives these answers, one after the other, then takes everything.
    #[derive(Clone, Default)]
    struct Scripted {
        answers: Arc<Mutex<Vec<Refused<io::Error>>>>,
        sizes: Arc<Mutex<Vec<usize>>>,
    }

    impl Collector for Scripted {
        type Error = io::Error;

        async fn send(&self, request: Bytes) -> Result<(), Refused<io::Error>> {
            self.sizes.lock().unwrap().push(request.len());
            self.answers.lock().unwrap().pop().map_or(Ok(()), Err)
        }
    }

    fn exported(spans: usize, answers: Vec<Refused<io::Error>>) -> (usize, [u64; 3]) {
        let ledger = Ledger::of_spans();
        let (tracer, exporter) = Tracer::new([7; 8], 2_000, &ledger);
        (0..spans).for_each(|_| tracer.record(span("a")));
        drop(tracer);
        let collector = Scripted { answers: Arc::new(Mutex::new(answers)), ..Scripted::default() };
        let service = Service { name: "test".to_owned(), instance: [0; 8] };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(exporter.run(service, collector.clone()));
        let (sent, counts) = (collector.sizes.lock().unwrap().len(), ledger.counts());
        (sent, [counts.written(), counts.dropped(), counts.failed()])
    }

    #[test]
    fn spans_go_in_batches() {
        assert_eq!(exported(0, Vec::new()), (0, [0, 0, 0]));
        assert_eq!(exported(1_100, Vec::new()), (3, [1_100, 0, 0]));
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_lost() {
        assert_eq!(exported(3, vec![Refused::ForNow(io::Error::other("busy"))]), (2, [3, 0, 0]));
        assert_eq!(exported(3, vec![Refused::ForGood(io::Error::other("no"))]), (1, [0, 0, 3]));
    }
}
