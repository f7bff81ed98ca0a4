//! Threads, connections, and their end.
//!
//! One thread per core, each with a single-threaded runtime, its own sockets and its own stack. A request stays on the core
//! that accepted its connection, so the data path shares nothing and locks nothing. What it is served by may be replaced
//! ([`generation`]).
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

use self::generation::{Core, Handed};
pub use self::generation::{Door, Generation, Telling};
use super::{counts::Cores, drain::Drain};
use crate::config::ServerSettings;

mod generation;
mod http2;
mod peer;
mod proxy;
mod resets;
mod serve;
mod stream;
mod taken;

/// After a failure to accept, usually for want of file descriptors: time for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One address that clients connect to, for as long as the process lives.
#[derive(Debug)]
pub struct Endpoint {
    /// A socket for each core, all of the same address.
    pub listeners: Vec<TcpListener>,
    /// Connections at once, of all cores together; further ones wait.
    pub max_connections: usize,
}

/// A core's part of an endpoint.
struct Entrance {
    listener: TcpListener,
    endpoint: usize,
    /// One for each connection that there may be, of all cores.
    places: Arc<Semaphore>,
}

impl Endpoint {
    /// One for each core.
    fn entrances(self, endpoint: usize) -> impl Iterator<Item = Entrance> {
        let places = Arc::new(Semaphore::new(self.max_connections.min(Semaphore::MAX_PERMITS)));
        self.listeners.into_iter().map(move |listener| Entrance { listener, endpoint, places: Arc::clone(&places) })
    }
}

/// Addresses, not serving yet.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect.
    pub endpoints: Vec<Endpoint>,
    /// Cores, of which each endpoint has a listener.
    pub threads: usize,
    /// How many requests there are, and connections.
    pub counts: Arc<Cores>,
}

/// A server at work.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<io::Result<()>>>,
    ended: mpsc::Receiver<()>,
    handed: watch::Sender<Arc<Handed>>,
}

/// Replaces what a server serves by.
#[derive(Clone, Debug)]
pub struct Successor {
    handed: watch::Sender<Arc<Handed>>,
    cores: usize,
}

impl Successor {
    /// The limits and timeouts in force.
    #[must_use]
    pub fn settings(&self) -> ServerSettings {
        self.handed.borrow().settings().clone()
    }

    /// Puts this into force, and returns when every core serves by it: requests that begin from then on are served by
    /// nothing else. Of a server that stops it may never return.
    pub async fn succeed(&self, generation: Generation) {
        let handed = Arc::new(Handed::new(generation));
        self.handed.send_replace(Arc::clone(&handed));
        handed.taken_by(self.cores).await;
    }
}

impl Running {
    /// Replaces what is served by.
    #[must_use]
    pub fn successor(&self) -> Successor {
        Successor { handed: self.handed.clone(), cores: self.threads.len() }
    }

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

    /// Starts the threads, which serve by `first`. Each builds a stack of its own; all stop when `stopping` says so or its
    /// sender is gone.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(self, first: Generation, stopping: watch::Receiver<bool>) -> io::Result<Running> {
        let (end, ended) = mpsc::channel(1);
        let mut cores: Vec<Vec<Entrance>> = Vec::new();
        cores.resize_with(self.threads, Vec::new);
        for (number, endpoint) in self.endpoints.into_iter().enumerate() {
            for (core, entrance) in cores.iter_mut().zip(endpoint.entrances(number)) {
                core.push(entrance);
            }
        }
        let handed = watch::Sender::new(Arc::new(Handed::new(first)));
        let mut threads = Vec::with_capacity(cores.len());
        for (number, entrances) in cores.into_iter().enumerate() {
            let (handed, stopping, counts) = (handed.subscribe(), stopping.clone(), Arc::clone(&self.counts));
            let end = TellsWhenDropped(end.clone());
            let thread = thread::Builder::new().name(format!("core-{number}"));
            threads.push(thread.spawn(move || {
                // Dropped also when the thread panics.
                let _end = end;
                serve_core(entrances, handed, &counts, stopping)
            })?);
        }
        Ok(Running { threads, ended, handed })
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
    entrances: Vec<Entrance>,
    mut handed: watch::Receiver<Arc<Handed>>,
    counts: &Cores,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    to_its_end(runtime, async {
        let (stop, local_stop) = watch::channel(false);
        let (busy, mut all_done) = mpsc::channel::<Infallible>(1);
        counts.begin_here();
        let core = Rc::new(Core::new(&handed.borrow_and_update(), local_stop.clone()));
        let drain = Drain::new(local_stop, busy);
        let mut accepting = Vec::new();
        for entrance in entrances {
            let Entrance { listener, endpoint, places } = entrance;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let accepted = accept(Rc::clone(&core), listener, (endpoint, places), drain.clone());
            accepting.push(tokio::task::spawn_local(accepted));
        }
        drop(drain);
        tokio::select! {
            biased;
            // A sender that is gone means the same as being told.
            _ = stopping.wait_for(|stopping| *stopping) => {}
            never = core.follow(handed) => match never {},
        }
        for task in &accepting {
            task.abort();
        }
        let _ = stop.send(true);
        let grace = core.current().settings.shutdown_grace;
        if tokio::time::timeout(grace, all_done.recv()).await.is_err() {
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

async fn accept(
    core: Rc<Core>,
    listener: tokio::net::TcpListener,
    (endpoint, places): (usize, Arc<Semaphore>),
    drain: Drain,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Before it is asked for: a core that waited with a place and without a client would keep it from others.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let drain = drain.with(place);
                tokio::task::spawn_local(serve::serve(Rc::clone(&core), endpoint, stream, peer.ip(), drain));
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
