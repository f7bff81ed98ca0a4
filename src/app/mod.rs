//! The composition root: the only place that names concrete backends.
//!
//! Two kinds of threads. The data path has one per core, each with its own runtime, listeners and upstream connections
//! ([`http::Server`]). Commands, the session store and the directory live on a runtime of one worker beside them, and
//! passwords are hashed on threads of their own: neither a slow database nor a rush of logins holds up what is forwarded.

use std::{net::TcpListener, time::Duration};

use anyhow::Context as _;
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    config::{Config, Listener},
    http,
};

mod assembly;
mod assertion;
mod directory;
mod factors;
mod graphql;
mod hashing;
pub(crate) mod keys;
pub(crate) mod logs;
mod stores;
mod throttle;
mod tls;
mod tokens;
pub(crate) mod users;

pub use throttle::unlock;

/// How long the services may take to stop once nobody waits for them any more.
const SERVICES_GRACE: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT, then lets requests in flight finish.
///
/// # Errors
/// When it can't start: an address that is taken, a key that can't be read, a store that can't be opened. A database or
/// Redis that is down is none of these: the gateway starts and answers logins with an error until it is back.
pub fn run(config: Config) -> anyhow::Result<()> {
    let services = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("services")
        .enable_all()
        .build()
        .context("starting a runtime")?;
    let parts = assembly::assemble(&config, &services)?;
    let (stop, stopping) = watch::channel(false);
    let (_writer, telling) = logs::telling(&config, &parts)?;
    let server = bind(&config, telling, services.handle())?;
    let endpoints = server.addresses()?;
    let mut running = server.start(move || http::stack::build(&parts), stopping).context("starting the data path")?;
    for address in endpoints {
        tracing::info!(%address, upstream = %config.upstream.url, "listening");
    }
    services.block_on(async {
        tokio::select! {
            told = told_to_stop() => told.context("waiting for a signal"),
            () = running.ended() => Ok(()),
        }
    })?;
    tracing::info!("stopping: requests in flight may finish");
    // A thread that ended by itself ends the gateway; joining it says why.
    let _ = stop.send(true);
    running.join().context("the data path")?;
    // A thread that looks up a name would be waited for as long as the resolver likes.
    services.shutdown_timeout(SERVICES_GRACE);
    tracing::info!("stopped");
    Ok(())
}

async fn told_to_stop() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn bind(config: &Config, telling: http::Telling, services: &Handle) -> anyhow::Result<http::Server> {
    let cores = config.server.threads;
    let endpoints = config.listeners.iter().map(|listener| {
        let listeners: Vec<TcpListener> = http::listener::bind_each(listener.address, cores)
            .with_context(|| format!("[[listeners]] address {}", listener.address))?;
        let tls = listener.tls.as_ref().map(|settings| tls::acceptor(settings, services)).transpose()?;
        let &Listener { auth, refusal, proxy_protocol, max_connections, .. } = listener;
        Ok(http::Endpoint { listeners, auth, refusal, tls, proxy_protocol, max_connections })
    });
    Ok(http::Server { endpoints: endpoints.collect::<anyhow::Result<_>>()?, settings: config.server.clone(), telling })
}
