//! The admin listener, and the questions by which it is known how those are whom the gateway asks.
//!
//! Store, directory and backend are asked every few seconds, traffic or not: by the smallest question that each has to answer by
//! itself. To the backend a connection is opened, and nothing is said on it.

use std::{error::Error, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    assembly::Assembled,
    kept::Kept,
    lasting::Lasting,
    metrics::{Info, Services},
};
use crate::{
    auth::passwords::Passwords,
    config::{AdminSettings, Config, UpstreamSettings},
    directory::Directory,
    http::{
        KeySet,
        admin::{self, Dependency, Readiness},
        counts::Cores,
    },
    model::{Clock as _, Meter, SessionId, SystemClock, UserId},
    store::{SessionKey, SessionStore},
    telemetry::{Process, reloads::Reloads},
};

/// How often each is asked.
const EVERY: Duration = Duration::from_secs(5);
/// Nobody has this key: what counts is that the question is answered.
const NOBODY: &str = "0";

/// A listener that answers.
#[derive(Clone)]
pub(super) struct Admin {
    shared: Arc<admin::Admin>,
    services: Handle,
    /// `None` before the first.
    in_force: Arc<watch::Sender<Option<InForce>>>,
}

/// Those whom the gateway asks by the configuration in force, and what it is by that. The store is not among them: it lasts.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    directory: Arc<dyn Directory>,
    backend: Arc<UpstreamSettings>,
    pub(super) directory_meter: Arc<Meter>,
    pub(super) passwords: Passwords,
    pub(super) info: Info,
}

impl InForce {
    fn of(kept: &Kept) -> Self {
        Self {
            directory: Arc::clone(&kept.users.directory),
            backend: Arc::new(kept.config.upstream.clone()),
            directory_meter: Arc::clone(&kept.users.meter),
            passwords: kept.passwords.clone(),
            info: Info::of(&kept.config),
        }
    }
}

impl Admin {
    /// Answers from now on, that the gateway is starting.
    pub(super) fn open(settings: AdminSettings, config: &Config, services: &Handle) -> anyhow::Result<Self> {
        let why = || format!("[admin] address {}", settings.address);
        let listener = admin::bind(settings.address).with_context(why)?;
        let address = listener.local_addr().with_context(why)?;
        let shared = Arc::new(admin::Admin::new(Readiness::starting(config.sessions.max_staleness)));
        shared.metrics.add(Process { started: SystemClock.now() });
        let _runtime = services.enter();
        let serving = Arc::clone(&shared).serve(TcpListener::from_std(listener).with_context(why)?);
        services.spawn(serving);
        tracing::info!(%address, "the admin listener answers");
        Ok(Self { shared, services: services.clone(), in_force: Arc::new(watch::Sender::new(None)) })
    }

    /// Asks those whom the gateway asks, from now on.
    pub(super) fn watch(&self, assembled: &Assembled, lasting: &Lasting, reloads: &Arc<Reloads>) {
        self.follow(assembled);
        if let Some(tally) = &lasting.shadow {
            self.shared.metrics.add(Arc::clone(tally));
        }
        self.shared.metrics.add(Services::of(lasting, reloads, self.in_force.subscribe()));
        self.shared.readiness.follows(Arc::clone(&lasting.followed));
        let Readiness { store, directory, upstream, .. } = &*self.shared.readiness;
        let (sessions, redis) = (Arc::clone(&lasting.stores.sessions), lasting.stores.redis.clone());
        let known = Arc::clone(store);
        self.services.spawn(ask("store", Arc::clone(store), move || {
            known.note_policies(redis.as_ref().map(|redis| redis.policies()).unwrap_or_default());
            find_nobody(Arc::clone(&sessions))
        }));
        let in_force = self.in_force.subscribe();
        self.services.spawn(ask("directory", Arc::clone(directory), move || know_nobody(in_force.borrow().clone())));
        let in_force = self.in_force.subscribe();
        self.services.spawn(ask("upstream", Arc::clone(upstream), move || connect(in_force.borrow().clone())));
    }

    /// From now on this configuration says whom the gateway asks, and what is public.
    pub(super) fn follow(&self, assembled: &Assembled) {
        let kept = &assembled.kept;
        self.in_force.send_replace(Some(InForce::of(kept)));
        self.shared.readiness.bears(kept.config.sessions.max_staleness);
        let settings = kept.config.upstream.identity.assertion.as_ref();
        let assertions = assembled.generation.parts.assertions.as_ref();
        self.shared.publish(settings.zip(assertions).map(|(settings, assertions)| KeySet::new(settings, assertions)));
    }

    /// What cores count is told, too.
    pub(super) fn count(&self, counts: &Arc<Cores>) {
        self.shared.metrics.add(Arc::clone(counts));
    }

    /// Requests are answered from now on.
    pub(super) fn serves(&self) {
        self.shared.readiness.serves();
    }

    /// Nobody is to be sent here any more.
    pub(super) fn drain(&self) {
        self.shared.readiness.drain();
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

async fn know_nobody(in_force: Option<InForce>) -> Answer {
    let Some(InForce { directory, .. }) = in_force else { return Ok(()) };
    directory.state_of(&UserId::new(NOBODY)).await?;
    Ok(())
}

async fn connect(in_force: Option<InForce>) -> Answer {
    let Some(InForce { backend, .. }) = in_force else { return Ok(()) };
    timeout(backend.connect_timeout, TcpStream::connect((backend.host(), backend.port()))).await??;
    Ok(())
}
