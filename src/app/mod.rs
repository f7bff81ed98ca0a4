//! The composition root: the only place that names concrete backends.
//!
//! Two kinds of threads. The data path has one per core, each with its own runtime, listeners and upstream connections
//! ([`http::Server`]). Commands, the session store and the directory live on a runtime of one worker beside them, and
//! passwords are hashed on threads of their own: neither a slow database nor a rush of logins holds up what is forwarded. The
//! admin listener is there, too.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use self::{admin::Admin, lasting::Lasting, reload::Reloader, told::Carriers, watched::Watch};
use crate::{
    config::{Config, FilesRead},
    http::{self, counts::Cores},
    telemetry::{Control, audit::Sinks},
};

mod admin;
mod assembly;
mod assertion;
mod audit;
mod directory;
mod factors;
mod graphql;
mod hashing;
pub(crate) mod import;
mod kept;
pub(crate) mod keys;
mod lasting;
pub(crate) mod logs;
mod metrics;
mod reload;
mod shadow;
mod stop;
mod stores;
pub(crate) mod survey;
mod throttle;
mod tls;
mod tokens;
mod told;
mod traces;
pub(crate) mod users;
mod watched;

pub use throttle::unlock;

/// How long the services may take to stop once nobody waits for them any more.
const SERVICES_GRACE: Duration = Duration::from_secs(1);

/// Serves by this configuration until SIGTERM or SIGINT, then lets requests in flight finish. At SIGHUP it is read again from
/// `path`, and when one of the files has changed that it was `read` from.
///
/// # Errors
/// When it can't start: an address that is taken, a key that can't be read, a store that can't be opened. A database or
/// Redis that is down is none of these: the gateway starts and answers logins with an error until it is back.
pub fn run(path: &Path, (config, read): (Config, FilesRead), log: Control) -> anyhow::Result<()> {
    let services = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("services")
        .enable_all()
        .build()
        .context("starting a runtime")?;
    // Before anything else: it would end a process that doesn't listen for it.
    let hangups = services.block_on(async { signal(SignalKind::hangup()) }).context("listening for SIGHUP")?;
    let admin = config.admin.map(|settings| Admin::open(settings, &config, services.handle())).transpose()?;
    let mut carriers = Carriers::default();
    let lasting = Lasting::open(&config, &services)?;
    let assembled = assembly::assemble(config, &lasting, &mut carriers, None)?;
    let audit = Arc::clone(&lasting.audit);
    audit.keep_in(assembled.kept.told.audit.clone());
    let (reloads, counts) = (Arc::default(), Arc::new(Cores::new(&assembled.kept.config.routes)));
    if let Some(admin) = &admin {
        admin.watch(&assembled, &lasting, &reloads);
        admin.count(&counts);
    }
    if lasting.shadow.is_some() {
        tracing::warn!("shadow mode: the backend answers all requests, and nobody is kept from anything here");
    }
    let server = bind(&assembled.kept.config, counts)?;
    let endpoints = server.addresses()?;
    let (stop, stopping) = watch::channel(false);
    let mut running = server.start(assembled.generation, stopping).context("starting the data path")?;
    let kept = assembled.kept;
    for address in endpoints {
        tracing::info!(%address, upstream = %kept.config.upstream.url, "listening");
    }
    if let Some(admin) = &admin {
        admin.serves();
    }
    let (path, successor) = (path.to_owned(), running.successor());
    let watch = Watch::over(read, &kept.config);
    let drained = stop::drain(admin.as_ref(), successor.clone());
    let (carried, asked) = (&mut carriers, admin.clone());
    let reloader = Reloader { path, lasting, carriers: carried, kept, successor, log, watch, reloads, admin: asked };
    services.block_on(async {
        tokio::select! {
            told = stop::begins(&mut running, drained) => told,
            never = reloader.run(hangups) => match never {},
        }
    })?;
    tracing::info!("stopping: requests in flight may finish");
    // A thread that ended by itself ends the gateway; joining it says why.
    let _ = stop.send(true);
    running.join().context("the data path")?;
    // Whoever counts what was told may be asked until the end; nothing more is.
    audit.keep_in(Sinks::default());
    services.block_on(carriers.end());
    // A thread that looks up a name would be waited for as long as the resolver likes.
    services.shutdown_timeout(SERVICES_GRACE);
    tracing::info!("stopped");
    Ok(())
}

fn bind(config: &Config, counts: Arc<Cores>) -> anyhow::Result<http::Server> {
    let threads = config.server.threads;
    let endpoints = config.listeners.iter().map(|listener| {
        let listeners = http::listener::bind_each(listener.address, threads)
            .with_context(|| format!("[[listeners]] address {}", listener.address))?;
        Ok(http::Endpoint { listeners, max_connections: listener.max_connections })
    });
    Ok(http::Server { endpoints: endpoints.collect::<anyhow::Result<_>>()?, threads, counts })
}
