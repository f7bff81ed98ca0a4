//! What requests are served by, and how that is replaced while they come.
//!
//! All cores are handed the same [`Generation`], and each makes a stack of it for itself. A request is served to its end by what
//! is in force on its core when its head is there: never by one rule of this configuration and another rule of that. A
//! connection that stays open asks again at each of its requests, which costs a comparison of numbers; what concerns
//! the connection itself, its timers and TLS, is what was in force when it began.

use std::{cell::RefCell, convert::Infallible, rc::Rc, sync::Arc};

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::sync::watch;

use crate::{
    config::{AuthPolicy, RefusalForm, ServerSettings, TelemetrySettings},
    http::{
        access::{Access, Spans},
        hygiene::TrustedProxies,
        in_force::{InForce, Replaced},
        stack::{self, Parts, Stack},
        tls::Acceptor,
    },
    model::{Clock, Entropy},
    telemetry::access::Log,
};

/// hyper reads heads into a buffer that it can't make smaller.
const SMALLEST_BUFFER: usize = 8192;

/// A whole configuration, ready to serve by.
#[derive(Debug)]
pub struct Generation {
    /// What the stack needs.
    pub parts: Parts,
    /// Limits and timeouts.
    pub settings: ServerSettings,
    /// What goes at each of the [endpoints](super::Endpoint), in their order.
    pub doors: Vec<Door>,
    /// What requests are told of by.
    pub telling: Telling,
}

/// What requests are told of by.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The access log; none, and there is none.
    pub access: Option<Log>,
    /// Tells a collector of traces; none, and nobody is told.
    pub spans: Option<Spans>,
    /// The traces that begin with requests.
    pub traces: TelemetrySettings,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of requests.
    pub entropy: Arc<dyn Entropy>,
}

/// What goes for those who connect to an endpoint.
#[derive(Clone, Debug)]
pub struct Door {
    /// What a request must show here, where no route says otherwise.
    pub auth: AuthPolicy,
    /// How one is refused on GraphQL paths.
    pub refusal: RefusalForm,
    /// Speaks TLS with those who connect; `None`: they speak in clear.
    pub tls: Option<Acceptor>,
    /// A proxy says first, by the PROXY protocol, who connects.
    pub proxy_protocol: bool,
}

/// A generation on its way to the cores.
#[derive(Debug)]
pub(super) struct Handed {
    generation: Generation,
    /// How many cores serve by it.
    taken: watch::Sender<usize>,
}

impl Handed {
    pub(super) fn new(generation: Generation) -> Self {
        Self { generation, taken: watch::Sender::new(0) }
    }

    pub(super) const fn settings(&self) -> &ServerSettings {
        &self.generation.settings
    }

    /// Returns when so many cores serve by it.
    pub(super) async fn taken_by(&self, cores: usize) {
        // The sender is here.
        let _ = self.taken.subscribe().wait_for(|taken| *taken >= cores).await;
    }
}

/// What is in force on a core.
pub(super) struct Core {
    current: RefCell<Rc<Current>>,
    stopping: watch::Receiver<bool>,
}

/// A generation as a core has it.
pub(super) struct Current {
    /// Counts those of this core.
    pub(super) number: u64,
    pub(super) stack: Stack,
    pub(super) http1: http1::Builder,
    pub(super) settings: ServerSettings,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) access: Rc<Access>,
    doors: Vec<Rc<Door>>,
    replaced: Replaced,
}

impl Core {
    pub(super) fn new(handed: &Handed, stopping: watch::Receiver<bool>) -> Self {
        let current = Current::of(&handed.generation, &stopping, 0);
        let core = Self { current: RefCell::new(Rc::new(current)), stopping };
        handed.taken.send_modify(|taken| *taken += 1);
        core
    }

    /// What is in force now. To hold it is to keep it alive: a connection may not, between two requests.
    pub(super) fn current(&self) -> Rc<Current> {
        Rc::clone(&self.current.borrow())
    }

    /// Takes what is handed from now on.
    pub(super) async fn follow(&self, mut next: watch::Receiver<Arc<Handed>>) -> Infallible {
        while next.changed().await.is_ok() {
            let handed = Arc::clone(&next.borrow_and_update());
            self.take(&handed);
        }
        std::future::pending().await
    }

    fn take(&self, handed: &Handed) {
        let number = self.current().number + 1;
        let current = Rc::new(Current::of(&handed.generation, &self.stopping, number));
        let grace = current.settings.reload_grace;
        let former = self.current.replace(current);
        former.replaced.after(grace);
        handed.taken.send_modify(|taken| *taken += 1);
    }
}

impl Current {
    fn of(generation: &Generation, stopping: &watch::Receiver<bool>, number: u64) -> Self {
        let Generation { parts, settings, doors, telling } = generation;
        let (replaced, in_force) = InForce::begin();
        let (networks, header) = (settings.trusted_proxies.clone(), settings.client_address_header);
        Self {
            number,
            stack: stack::build(parts, &in_force),
            http1: http1(settings),
            settings: settings.clone(),
            trusted_proxies: TrustedProxies { networks, header },
            access: Rc::new(Access::on_this_core(telling, stopping.clone())),
            doors: doors.iter().cloned().map(Rc::new).collect(),
            replaced,
        }
    }

    /// What goes at the endpoint with this number.
    pub(super) fn door(&self, endpoint: usize) -> Option<Rc<Door>> {
        self.doors.get(endpoint).cloned()
    }
}

fn http1(settings: &ServerSettings) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_header_size(settings.header_limit)
        .max_buf_size(settings.header_limit.max(SMALLEST_BUFFER));
    protocol
}
