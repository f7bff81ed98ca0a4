//! The admin listener, and the questions by which it is known how those are whom the gateway asks.
//!
//! Store, directory and backend are asked every few seconds, traffic or not: by the smallest question that each has to answer by
//! itself. To the backend a connection is opened, and nothing is said on it.

use std::{error::Error, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    time::{sleep, timeout},
};

use super::{
    Common,
    metrics::{Info, Services},
};
use crate::{
    auth::revocations::Followed,
    config::{AdminSettings, Config, UpstreamSettings},
    directory::Directory,
    http::{
        self, KeySet,
        admin::{Dependency, Readiness},
        counts::Cores,
    },
    model::{Clock as _, SessionId, SystemClock, UserId},
    store::{SessionKey, SessionStore},
    telemetry::Process,
};

/// How often each is asked.
const EVERY: Duration = Duration::from_secs(5);
/// Nobody has this key: what counts is that the question is answered.
const NOBODY: &str = "0";

/// A listener that answers.
pub(super) struct Admin(Arc<http::admin::Admin>);

impl Admin {
    /// Answers from now on, that the gateway is starting.
    pub(super) fn open(settings: AdminSettings, config: &Config, services: &Handle) -> anyhow::Result<Self> {
        let why = || format!("[admin] address {}", settings.address);
        let listener = http::admin::bind(settings.address).with_context(why)?;
        let address = listener.local_addr().with_context(why)?;
        let shared = Arc::new(http::admin::Admin::new(Readiness::starting(config.sessions.max_staleness)));
        shared.metrics.add(Process { started: SystemClock.now() });
        shared.metrics.add(Info::of(config));
        let _runtime = services.enter();
        let serving = Arc::clone(&shared).serve(TcpListener::from_std(listener).with_context(why)?);
        services.spawn(serving);
        tracing::info!(%address, "the admin listener answers");
        Ok(Self(shared))
    }

    /// Asks those whom the gateway asks, from now on.
    pub(super) fn watch(&self, config: &Config, common: &Common, followed: Arc<Followed>, services: &Handle) {
        self.0.metrics.add(Services::of(common, Arc::clone(&followed)));
        self.0.readiness.follows(followed);
        let Readiness { store, directory, upstream, .. } = &*self.0.readiness;
        let sessions = Arc::clone(&common.store);
        services.spawn(ask("store", Arc::clone(store), move || find_nobody(Arc::clone(&sessions))));
        let users = Arc::clone(&common.directory);
        services.spawn(ask("directory", Arc::clone(directory), move || know_nobody(Arc::clone(&users))));
        let backend = Arc::new(config.upstream.clone());
        services.spawn(ask("upstream", Arc::clone(upstream), move || connect(Arc::clone(&backend))));
    }

    /// What is public of these, and what cores count.
    pub(super) fn publish(&self, config: &Config, parts: &http::Parts, counts: &Arc<Cores>) {
        self.0.metrics.add(Arc::clone(counts));
        let settings = config.upstream.identity.assertion.as_ref();
        if let Some((settings, assertions)) = settings.zip(parts.assertions.as_ref()) {
            self.0.publish(KeySet::new(settings, assertions));
        }
    }

    /// Requests are answered from now on.
    pub(super) fn serves(&self) {
        self.0.readiness.serves();
    }

    /// Nobody is to be sent here any more.
    pub(super) fn drain(&self) {
        self.0.readiness.drain();
    }
}

type Answer = Result<(), Box<dyn Error + Send + Sync>>;

/// Asks as long as the process lives, and tells of what changes.
async fn ask<F: Future<Output = Answer>>(name: &'static str, asked: Arc<Dependency>, question: impl Fn() -> F) {
    loop {
        let answer = question().await;
        match (asked.note(answer.is_ok()), &answer) {
            (true, Ok(())) => tracing::info!(dependency = name, "it answers again"),
            (true, Err(error)) => {
                let error: &dyn Error = &**error;
                tracing::warn!(dependency = name, error, "it does not answer");
            }
            (false, _) => {}
        }
        sleep(EVERY).await;
    }
}

async fn find_nobody(store: Arc<dyn SessionStore>) -> Answer {
    let key = SessionKey::of(&UserId::new(NOBODY), SessionId::from_bytes([0; 16]));
    store.find(key).await?;
    Ok(())
}

async fn know_nobody(directory: Arc<dyn Directory>) -> Answer {
    directory.state_of(&UserId::new(NOBODY)).await?;
    Ok(())
}

async fn connect(backend: Arc<UpstreamSettings>) -> Answer {
    timeout(backend.connect_timeout, TcpStream::connect((backend.host(), backend.port()))).await??;
    Ok(())
}
