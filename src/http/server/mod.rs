//! Threads, connections, and their end.
//!
//! One thread per core, each with a single-threaded runtime, its own sockets and its own stack. A request stays on the core
//! that accepted its connection, so the data path shares nothing and locks nothing.
//!
//! When it is told to stop, a thread closes its listeners, lets requests in flight finish (idle connections are closed),
//! and ends when all are done or the grace is over.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::LocalRuntime,
    sync::{Semaphore, mpsc, watch},
};

use self::serve::Core;
use super::{access::Access, counts::Cores, drain::Drain, stack::Stack, tls::Acceptor};
use crate::{
    config::{AuthPolicy, RefusalForm, ServerSettings, TelemetrySettings},
    model::{Clock, Entropy},
    telemetry::access::Log,
};

mod http2;
mod proxy;
mod resets;
mod serve;
mod stream;
mod taken;

/// After a failure to accept, usually for want of file descriptors: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One address that clients connect to.
#[derive(Debug)]
pub struct Endpoint {
    /// A socket for each core, all of the same address.
    pub listeners: Vec<TcpListener>,
    /// What a request must show here, where no route says otherwise.
    pub auth: AuthPolicy,
    /// How one is refused on GraphQL paths.
    pub refusal: RefusalForm,
    /// Speaks TLS with those who connect; `None`: they speak in clear.
    pub tls: Option<Acceptor>,
    /// A proxy says first, by the PROXY protocol, who connects.
    pub proxy_protocol: bool,
    /// Connections at once, of all cores together; further ones wait.
    pub max_connections: usize,
}

/// What connections that come in at one address have in common.
#[derive(Clone, Debug)]
struct Door {
    auth: AuthPolicy,
    refusal: RefusalForm,
    tls: Option<Acceptor>,
    proxy_protocol: bool,
    /// One for each connection that there may be.
    places: Arc<Semaphore>,
}

impl Door {
    fn of(endpoint: Endpoint) -> (Vec<TcpListener>, Self) {
        let Endpoint { listeners, auth, refusal, tls, proxy_protocol, max_connections } = endpoint;
        let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        (listeners, Self { auth, refusal, tls, proxy_protocol, places })
    }
}

/// Addresses and limits, not serving yet.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect.
    pub endpoints: Vec<Endpoint>,
    /// Limits and timeouts.
    pub settings: ServerSettings,
    /// What requests are told of by.
    pub telling: Telling,
}

/// What requests are told of by.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The access log; none, and there is none.
    pub access: Option<Log>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of requests.
    pub entropy: Arc<dyn Entropy>,
    /// The traces that begin with them.
    pub traces: TelemetrySettings,
    /// How many there are of them.
    pub counts: Arc<Cores>,
}

impl Telling {
    /// On this core, whose runtime it is called in.
    fn on_this_core(&self, stopping: watch::Receiver<bool>) -> Access {
        self.counts.begin_here();
        let log = self.access.as_ref().map(Log::on_this_core);
        if let Some(log) = log.clone() {
            tokio::task::spawn_local(async move { log.keep_moving().await });
        }
        Access::new(log, Arc::clone(&self.clock), Arc::clone(&self.entropy), self.traces, stopping)
    }
}

/// A server at work.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<io::Result<()>>>,
    ended: mpsc::Receiver<()>,
}

impl Running {
    /// Returns when a thread has ended, told to or not.
    pub async fn ended(&mut self) {
        self.ended.recv().await;
    }

    /// Waits for the threads.
    ///
    /// # Errors
    /// When one could not serve, or panicked.
    pub fn join(self) -> io::Result<()> {
        self.threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_panic| Err(io::Error::other("a thread of the data path panicked")))
        })
    }
}

impl Server {
    /// The addresses that are listened on, with the ports that were free.
    ///
    /// # Errors
    /// When the operating system doesn't tell.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.listeners.first()).map(TcpListener::local_addr).collect()
    }

    /// Starts the threads. Each builds a stack of its own; all stop when `stopping` says so or its sender is gone.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        self,
        build: impl Fn() -> Stack + Clone + Send + 'static,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<Running> {
        let (end, ended) = mpsc::channel(1);
        let mut cores: Vec<Vec<(TcpListener, Door)>> = Vec::new();
        cores.resize_with(self.settings.threads, Vec::new);
        for endpoint in self.endpoints {
            let (listeners, door) = Door::of(endpoint);
            for (core, listener) in cores.iter_mut().zip(listeners) {
                core.push((listener, door.clone()));
            }
        }
        let mut threads = Vec::with_capacity(cores.len());
        for (number, listeners) in cores.into_iter().enumerate() {
            let (build, stopping, settings) = (build.clone(), stopping.clone(), self.settings.clone());
            let telling = self.telling.clone();
            let end = TellsWhenDropped(end.clone());
            let thread = thread::Builder::new().name(format!("core-{number}"));
            threads.push(thread.spawn(move || {
                // Dropped also when the thread panics.
                let _end = end;
                serve_core(listeners, build, &settings, &telling, stopping)
            })?);
        }
        Ok(Running { threads, ended })
    }
}

struct TellsWhenDropped(mpsc::Sender<()>);

impl Drop for TellsWhenDropped {
    fn drop(&mut self) {
        // A full channel has told it already.
        let _ = self.0.try_send(());
    }
}

fn serve_core(
    listeners: Vec<(TcpListener, Door)>,
    build: impl Fn() -> Stack,
    settings: &ServerSettings,
    telling: &Telling,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    to_its_end(runtime, async {
        let (stop, local_stop) = watch::channel(false);
        let (busy, mut all_done) = mpsc::channel::<Infallible>(1);
        let core = Rc::new(Core::new(build(), settings, telling.on_this_core(local_stop.clone())));
        let mut accepting = Vec::new();
        for (listener, door) in listeners {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let drain = Drain::new(local_stop.clone(), busy.clone(), settings.shutdown_grace);
            let accepted = accept(Rc::clone(&core), listener, Rc::new(door), drain);
            accepting.push(tokio::task::spawn_local(accepted));
        }
        drop((busy, local_stop));
        // A sender that is gone means the same as being told.
        let _ = stopping.wait_for(|stopping| *stopping).await;
        for task in &accepting {
            task.abort();
        }
        let _ = stop.send(true);
        if tokio::time::timeout(settings.shutdown_grace, all_done.recv()).await.is_err() {
            tracing::warn!("requests were still in flight at the end of the grace");
        }
        Ok(())
    })
}

/// Runs a thread's work, and then waits for nothing: the look-up of a backend's name blocks a thread of its own, for as
/// long as the resolver likes.
fn to_its_end<T>(runtime: LocalRuntime, work: impl Future<Output = T>) -> T {
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

async fn accept(core: Rc<Core>, listener: tokio::net::TcpListener, door: Rc<Door>, drain: Drain) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Before it is asked for: a core that waited with a place and without a client would keep it from others.
                let Ok(place) = Arc::clone(&door.places).acquire_owned().await else { return };
                let drain = drain.with(place);
                tokio::task::spawn_local(serve::serve(Rc::clone(&core), Rc::clone(&door), stream, peer.ip(), drain));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        thread,
        time::{Duration, Instant},
    };

    use super::to_its_end;

    #[test]
    fn a_thread_ends_without_what_blocks() {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        let begun = Instant::now();
        to_its_end(runtime, async {
            tokio::task::spawn_blocking(|| thread::sleep(Duration::from_secs(5)));
        });
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}
