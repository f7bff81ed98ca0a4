//! Ids of requests, and of the traces that begin with them.

use std::{cell::RefCell, sync::Arc};

use crate::{
    config::{TelemetrySettings, TraceSource},
    model::{Entropy, RequestId, TraceContext},
    telemetry::Current,
};

/// Random bytes that are fetched at once: a system call for each request would cost more than all else about its id.
const STOCK: usize = 1024;

/// Makes ids, from random bytes in stock.
#[derive(Debug)]
pub(super) struct Ids {
    entropy: Arc<dyn Entropy>,
    traces: TelemetrySettings,
    stock: RefCell<Stock>,
}

#[derive(Debug)]
struct Stock {
    bytes: [u8; STOCK],
    used: usize,
}

impl Ids {
    pub(super) fn new(entropy: Arc<dyn Entropy>, traces: TelemetrySettings) -> Self {
        Self { entropy, traces, stock: RefCell::new(Stock { bytes: [0; STOCK], used: STOCK }) }
    }

    /// What a request is called: `given`, or an id that no other request has. The trace that begins with it has the same id
    /// in the latter case. Without randomness it is zero, and there is no trace: no tokens are made then, and nothing is
    /// opened under it.
    pub(super) fn next(&self, given: Option<RequestId>) -> Current {
        let id = self.bytes();
        let begins = self.traces.trace_context != TraceSource::Off;
        let request = given.unwrap_or_else(|| RequestId::from_bytes(id));
        Current { request, trace: begins.then(|| self.begun(id)).flatten() }
    }

    fn begun(&self, id: [u8; 16]) -> Option<TraceContext> {
        let span: [u8; 8] = self.bytes();
        let sampled = u64::from_be_bytes(span) % 100 < u64::from(self.traces.sampled_percent);
        TraceContext::begun(id, span, sampled)
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut stock = self.stock.borrow_mut();
        let Stock { bytes, used } = &mut *stock;
        if *used + N > STOCK {
            if self.entropy.fill(bytes).is_err() {
                return [0; N];
            }
            *used = 0;
        }
        let id = bytes.get(*used..).and_then(|rest| rest.first_chunk()).copied();
        *used += N;
        id.unwrap_or([0; N])
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::{Current, Ids};
    use crate::{
        config::{TelemetrySettings, TraceSource},
        model::{Entropy, NoEntropy, RequestId, SystemEntropy},
    };

    const EVERY: TelemetrySettings =
        TelemetrySettings { trace_context: TraceSource::TrustedProxies, sampled_percent: 100 };

    #[derive(Debug)]
    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
            buffer.fill(1);
            Err(NoEntropy)
        }
    }

    #[test]
    fn no_two_are_alike() {
        let ids = Ids::new(Arc::new(SystemEntropy), EVERY);
        let made: Vec<_> = (0..10_000).map(|_| ids.next(None)).collect();
        let requests: HashSet<_> = made.iter().map(|made| made.request.to_string()).collect();
        let spans: HashSet<_> = made.iter().map(|made| made.trace.unwrap().span_hex()).collect();
        assert_eq!((requests.len(), spans.len()), (10_000, 10_000));
        assert!(made.iter().all(|made| made.trace.unwrap().trace_hex() == made.request.as_str().as_bytes()));
    }

    #[test]
    fn what_a_proxy_calls_a_request_is_no_trace_of_its() {
        let ids = Ids::new(Arc::new(SystemEntropy), EVERY);
        let made = ids.next(RequestId::parse(b"r-1"));
        assert_eq!(made.request.as_str(), "r-1");
        assert_ne!(made.trace.unwrap().trace_hex(), [b'0'; 32]);
    }

    #[test]
    fn so_many_of_a_hundred_are_sampled() {
        for (percent, range) in [(0, 0..=0), (10, 500..=1_500), (100, 10_000..=10_000)] {
            let ids = Ids::new(Arc::new(SystemEntropy), TelemetrySettings { sampled_percent: percent, ..EVERY });
            let is_sampled = |_: &i32| ids.next(None).trace.unwrap().to_header().ends_with(b"-01");
            let sampled = (0..10_000).filter(is_sampled).count();
            assert!(range.contains(&sampled), "{percent}: {sampled}");
        }
        let off = TelemetrySettings { trace_context: TraceSource::Off, ..EVERY };
        assert_eq!(Ids::new(Arc::new(SystemEntropy), off).next(None).trace, None);
    }

    #[test]
    fn without_randomness_there_is_none_of_what_a_source_left() {
        let ids = Ids::new(Arc::new(Nothing), EVERY);
        let none = Current { request: RequestId::from_bytes([0; 16]), trace: None };
        assert_eq!([ids.next(None), ids.next(None)], [none.clone(), none]);
    }
}
