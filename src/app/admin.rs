//! The admin listener, and the questions by which it is known how those are whom the gateway asks.
//!
//! Store, directory and backend are asked every few seconds, traffic or not: by the smallest question that each has to answer by
//! itself. To the backend a connection is opened, and nothing is said on it.

use std::{error::Error, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{kept::Kept, lasting::Lasting};
use crate::{
    config::{AdminSettings, Config, UpstreamSettings},
    directory::Directory,
    http::{
        self, KeySet,
        admin::{Dependency, Readiness},
    },
    model::{SessionId, UserId},
    store::{SessionKey, SessionStore},
};

/// How often each is asked.
const EVERY: Duration = Duration::from_secs(5);
/// Nobody has this key: what counts is that the question is answered.
const NOBODY: &str = "0";

/// Those who ask. Dropped, they ask no more.
pub(super) struct Asking {
    _tasks: JoinSet<()>,
}

/// A listener that answers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Admin(Arc<http::admin::Admin>);

impl Admin {
    /// Answers from now on, that the gateway is starting.
    pub(super) fn open(settings: AdminSettings, config: &Config, services: &Handle) -> anyhow::Result<Self> {
        let why = || format!("[admin] address {}", settings.address);
        let listener = http::admin::bind(settings.address).with_context(why)?;
        let address = listener.local_addr().with_context(why)?;
        let shared = Arc::new(http::admin::Admin::new(Readiness::starting(config.sessions.max_staleness)));
        let _runtime = services.enter();
        let serving = Arc::clone(&shared).serve(TcpListener::from_std(listener).with_context(why)?);
        services.spawn(serving);
        tracing::info!(%address, "the admin listener answers");
        Ok(Self(shared))
    }

    /// Tells of what this configuration says from now on, and asks those whom it names for as long as what is returned lives.
    pub(super) fn tell_of(&self, parts: &http::Parts, kept: &Kept, lasting: &Lasting) -> Asking {
        let (config, readiness) = (&kept.config, &self.0.readiness);
        readiness.follows(Arc::clone(&lasting.followed));
        readiness.bears(config.sessions.max_staleness);
        let settings = config.upstream.identity.assertion.as_ref().zip(parts.assertions.as_ref());
        self.0.publish(settings.map(|(settings, assertions)| KeySet::new(settings, assertions)));
        let Readiness { store, directory, upstream, .. } = readiness;
        let mut asking = JoinSet::new();
        let sessions = Arc::clone(&lasting.stores.sessions);
        let find = ask("store", Arc::clone(store), move || find_nobody(Arc::clone(&sessions)));
        asking.spawn_on(find, &lasting.services);
        let users = Arc::clone(&kept.users.directory);
        let know = ask("directory", Arc::clone(directory), move || know_nobody(Arc::clone(&users)));
        asking.spawn_on(know, &lasting.services);
        let backend = Arc::new(config.upstream.clone());
        let reach = ask("upstream", Arc::clone(upstream), move || connect(Arc::clone(&backend)));
        asking.spawn_on(reach, &lasting.services);
        Asking { _tasks: asking }
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

/// Asks for ever, and tells of what changes.
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
