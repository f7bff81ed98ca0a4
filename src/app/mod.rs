//! The composition root: the only place that names concrete backends.
//!
//! Two kinds of threads. The data path has one per core, each with its own runtime, listeners and upstream connections
//! ([`http::Server`]). Commands, the session store and the directory live on a runtime of one worker beside them, and
//! passwords are hashed on threads of their own: neither a slow database nor a rush of logins holds up what is forwarded. The
//! admin listener is there, too.

use std::{net::TcpListener, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    runtime::{Handle, Runtime},
    sync::watch,
};

use crate::{
    auth::{
        backend::BackendPasswords,
        django_session::{DjangoSessions, Engine, Trust},
        endings::Endings,
        factors::{BackupCodes, TrustTokens},
        identity::{BackendBearer, MintedBearer, UpstreamBearer},
        passwords::Passwords,
        revocations::{Followed, Follower},
        service::{AuthHandle, Parts, Spans},
        standing::{Freshness, Sources, Standings},
        throttle::Throttle,
        tokens::{
            AccessFormat, AccessTokens, Authenticator, ChallengeTokens, KeyRing, KnownDevices, OptionalClaims,
            PasswordMarks, RailTokens, RefreshTokens, Revoked,
        },
    },
    config::{
        Bearer, Claim, Config, DjangoSessionSettings, Listener, Register, SessionEngine, SessionSettings,
        StoreSettings, TokenFormat, TokenSettings,
    },
    directory::{BackendSessions, BackendTokens, Directory, Factors},
    graphql::{self, FieldRules, Planner, Scanner, schema::Schema},
    http,
    model::{Clock, Entropy, Meter, SystemClock, SystemEntropy},
    store::{
        ChallengeStore, Lifetimes, SessionStore, ThrottleStore, TokenStore, VaultStore, embedded::EmbeddedStore,
        redis::RedisStore,
    },
};

mod admin;
mod assertion;
mod directory;
mod factors;
mod hashing;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod logs;
mod metrics;
mod stop;
pub(crate) mod survey;
mod throttle;
mod tls;
pub(crate) mod users;

use admin::Admin;
use directory::{Neighbours, Users};
pub use throttle::unlock;

/// How long the services may take to stop once nobody waits for them any more.
const SERVICES_GRACE: Duration = Duration::from_secs(1);

/// How long a start waits for what other gateways have ended.
const CATCH_UP: Duration = Duration::from_secs(10);

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
    let admin = config.admin.map(|settings| Admin::open(settings, &config, services.handle())).transpose()?;
    let parts = assemble(&config, &services, admin.as_ref())?;
    let (stop, stopping) = watch::channel(false);
    let (_writer, telling) = logs::telling(&config, &parts)?;
    if let Some(admin) = &admin {
        admin.publish(&config, &parts, &telling.counts);
    }
    let server = bind(&config, telling, services.handle())?;
    let endpoints = server.addresses()?;
    let mut running = server.start(move || http::stack::build(&parts), stopping).context("starting the data path")?;
    for address in endpoints {
        tracing::info!(%address, upstream = %config.upstream.url, "listening");
    }
    if let Some(admin) = &admin {
        admin.serves();
    }
    services.block_on(stop::begins(&mut running, stop::drain(admin.as_ref(), config.server.drain_delay)))?;
    tracing::info!("stopping: requests in flight may finish");
    // A thread that ended by itself ends the gateway; joining it says why.
    let _ = stop.send(true);
    running.join().context("the data path")?;
    // A thread that looks up a name would be waited for as long as the resolver likes.
    services.shutdown_timeout(SERVICES_GRACE);
    tracing::info!("stopped");
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

/// What the services and the data path have in common.
struct Common {
    access: Arc<AccessTokens>,
    revoked: Arc<Revoked>,
    marks: Arc<PasswordMarks>,
    refresh: Arc<RefreshTokens>,
    challenge: ChallengeTokens,
    codes: BackupCodes,
    trust: TrustTokens,
    store: Arc<dyn SessionStore>,
    challenges: Arc<dyn ChallengeStore>,
    throttle: Throttle,
    known: KnownDevices,
    factors: Arc<dyn Factors>,
    endings: Endings,
    directory: Arc<dyn Directory>,
    /// The directory once more, where the backend's sessions are in the database of its users.
    backend_sessions: Option<Arc<dyn BackendSessions>>,
    /// The same, where it has the backend's own tokens.
    backend_tokens: Option<Arc<dyn BackendTokens>>,
    /// Who checks passwords where the gateway can't.
    passwords: Option<Arc<BackendPasswords>>,
    /// Who computes hashes.
    hashing: Passwords,
    store_meter: Arc<Meter>,
    directory_meter: Arc<Meter>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    spans: Spans,
}

fn assemble(config: &Config, services: &Runtime, admin: Option<&Admin>) -> anyhow::Result<http::Parts> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = keys::load(&config.tokens.keys, &config.state_dir, &*entropy)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let spans = spans(config.tokens.access_lifetime, config.sessions);
    let Stores { sessions: store, challenges, throttle, tokens, vault, meter: store_meter } =
        stores(&config.store, spans.end_matters(), &clock, services)?;
    let revoked: Arc<Revoked> = Arc::default();
    let neighbours = Neighbours {
        keys: &keys,
        tokens,
        throttle: Arc::clone(&throttle),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let Users { directory, factors, backend_sessions, backend_tokens, passwords, meter: directory_meter } =
        directory::users(config, neighbours, services.handle())?;
    let common = Common {
        access: Arc::new(access_tokens(&config.tokens, &keys)),
        marks: Arc::new(PasswordMarks::new(&keys)),
        refresh: Arc::new(RefreshTokens::new(&keys)),
        endings: Endings::new(Arc::clone(&store), Arc::clone(&revoked), Arc::clone(&clock), spans.end_matters()),
        challenge: ChallengeTokens::new(&keys),
        codes: BackupCodes::new(&keys),
        trust: TrustTokens::new(&keys),
        factors: factors::keep(&config.mfa, factors, vault, &keys, &entropy, services.handle())?,
        throttle: Throttle::new(throttle, &keys, throttle::limits(&config.throttle)),
        known: KnownDevices::new(&keys),
        hashing: hashing::passwords(&config.hashing)?,
        store_meter,
        directory_meter,
        revoked,
        store,
        backend_sessions,
        backend_tokens,
        passwords,
        directory,
        challenges,
        clock,
        entropy,
        spans,
    };
    let followed = follow(&common, services);
    if let Some(admin) = admin {
        admin.watch(config, &common, Arc::clone(&followed), services.handle());
    }
    let standings = standings(config, &common, followed, services.handle())?;
    let schema = Arc::new(Schema::without(left_to_the_backend(config)).context("auth.graphql")?);
    let rules = Arc::new(field_rules(config, &schema, &common.clock));
    Ok(http::Parts {
        config: http::stack::Settings::from(config),
        authenticator: Arc::new(Authenticator::new(
            Arc::clone(&common.access),
            Arc::clone(&common.revoked),
            Arc::clone(&common.clock),
        )),
        standings: standings.clone(),
        bearer: bearer(config, &common, services.handle())?,
        assertions: assertion::assertions(config, &*common.entropy)?,
        scanner: Arc::new(Scanner::with_rules(&schema, &rules)),
        planner: Arc::new(Planner::new(schema, limits(config)).with_rules(rules).with_cache(config.graphql.plan_cache)),
        clock: Arc::clone(&common.clock),
        entropy: Arc::clone(&common.entropy),
        connector: tls::connector(config, config.upstream.protocol, services.handle())?,
        commands: commands(config, common, standings, services),
    })
}

fn access_tokens(settings: &TokenSettings, keys: &KeyRing) -> AccessTokens {
    let format = match &settings.format {
        TokenFormat::Paseto => AccessFormat::Paseto,
        TokenFormat::Jwt { secret, others } => AccessFormat::Jwt { secret: secret.clone(), others: others.clone() },
    };
    let rail = settings
        .accept_rail_jwt
        .as_ref()
        .map(|rail| RailTokens { secret: rail.secret.clone(), cut_over: rail.cut_over });
    AccessTokens::new(format, keys, rail, carried(settings))
}

fn carried(settings: &TokenSettings) -> OptionalClaims {
    let carries = |claim| settings.claims.contains(&claim);
    OptionalClaims {
        email: carries(Claim::Email),
        roles: carries(Claim::Roles),
        permissions: carries(Claim::Permissions),
    }
}

fn standings(
    config: &Config,
    common: &Common,
    followed: Arc<Followed>,
    services: &Handle,
) -> anyhow::Result<Standings> {
    let sources = Sources {
        store: Arc::clone(&common.store),
        directory: Arc::clone(&common.directory),
        factors: Arc::clone(&common.factors),
        policy: factors::rules(&config.mfa).policy,
        marks: Arc::clone(&common.marks),
        refresh: Arc::clone(&common.refresh),
        endings: common.endings.clone(),
        facts: carried(&config.tokens),
        idle_lifetime: config.sessions.idle_lifetime,
        django: django_sessions(&config.django_sessions, common)?,
        followed,
    };
    let SessionSettings { recheck, max_staleness, .. } = config.sessions;
    Ok(Standings::new(sources, Freshness { recheck, max_staleness }, Arc::clone(&common.clock), services.clone()))
}

fn django_sessions(settings: &DjangoSessionSettings, common: &Common) -> anyhow::Result<Option<DjangoSessions>> {
    let Some(accepted) = &settings.accepted else { return Ok(None) };
    let engine = match accepted.engine {
        SessionEngine::Database => {
            let kept = common.backend_sessions.clone();
            Engine::Database(kept.context("[sessions.django] engine: the directory has no sessions of Django's")?)
        }
        SessionEngine::SignedCookies { lifetime } => Engine::SignedCookies { lifetime },
    };
    let trust = Trust { secrets: accepted.secrets.clone(), backends: accepted.backends.clone() };
    Ok(Some(DjangoSessions::new(engine, trust)))
}

fn bearer(config: &Config, common: &Common, services: &Handle) -> anyhow::Result<Option<UpstreamBearer>> {
    Ok(match &config.upstream.identity.bearer {
        Bearer::None => None,
        Bearer::RailJwt { secret, lifetime } => Some(UpstreamBearer::Minted(MintedBearer::new(
            secret,
            *lifetime,
            Arc::clone(&common.directory),
            Arc::clone(&common.clock),
            services.clone(),
        ))),
        Bearer::Backend => {
            let tokens = common.backend_tokens.clone().context("[upstream.identity] bearer: nobody has such tokens")?;
            Some(UpstreamBearer::Backend(BackendBearer::new(tokens, Arc::clone(&common.clock), services.clone())))
        }
    })
}

fn commands(config: &Config, common: Common, standings: Standings, services: &Runtime) -> AuthHandle {
    let parts = Parts {
        store: common.store,
        challenges: common.challenges,
        throttle: common.throttle,
        known: common.known,
        factors: common.factors,
        mfa: factors::rules(&config.mfa),
        codes: common.codes,
        trust: common.trust,
        passwords: common.hashing,
        backend: common.passwords,
        refresh: common.refresh,
        challenge: common.challenge,
        directory: common.directory,
        access: common.access,
        marks: common.marks,
        endings: common.endings,
        standings,
        clock: common.clock,
        entropy: common.entropy,
        spans: common.spans,
        session_limit: config.sessions.limit,
    };
    AuthHandle::new(parts, services.handle().clone())
}

/// Follows what other gateways end, and first reads what they have ended: a token that they refuse is not taken by one
/// that has just started.
fn follow(common: &Common, services: &Runtime) -> Arc<Followed> {
    let (revoked, clock) = (Arc::clone(&common.revoked), Arc::clone(&common.clock));
    let mut follower = Follower::new(common.store.feed(), revoked, clock, common.spans.end_matters());
    let followed = follower.followed();
    services.block_on(async {
        if tokio::time::timeout(CATCH_UP, follower.catch_up()).await.is_err() {
            tracing::warn!("starting without having read all that other gateways have ended; reading goes on");
        }
    });
    services.spawn(follower.run());
    followed
}

/// One backend, as each of those who work with it knows it.
struct Stores {
    sessions: Arc<dyn SessionStore>,
    challenges: Arc<dyn ChallengeStore>,
    throttle: Arc<dyn ThrottleStore>,
    tokens: Arc<dyn TokenStore>,
    vault: Arc<dyn VaultStore>,
    meter: Arc<Meter>,
}

impl Stores {
    fn of<S: SessionStore + ChallengeStore + ThrottleStore + TokenStore + VaultStore>(
        store: S,
        meter: Arc<Meter>,
    ) -> Self {
        let store = Arc::new(store);
        Self {
            sessions: Arc::clone(&store) as _,
            challenges: Arc::clone(&store) as _,
            throttle: Arc::clone(&store) as _,
            tokens: Arc::clone(&store) as _,
            vault: store,
            meter,
        }
    }
}

fn stores(
    settings: &StoreSettings,
    end_matters: Duration,
    clock: &Arc<dyn Clock>,
    services: &Runtime,
) -> anyhow::Result<Stores> {
    match settings {
        StoreSettings::Embedded { path } => {
            let store = services.block_on(EmbeddedStore::open(path, Arc::clone(clock)));
            let store = store.with_context(|| format!("session store {}", path.display()))?;
            let meter = store.meter();
            Ok(Stores::of(store, meter))
        }
        StoreSettings::Redis { url, key_prefix, timeout } => {
            let store = RedisStore::connect(url, key_prefix.as_str(), *timeout, end_matters);
            let store = store.context("[store] url")?;
            let meter = store.meter();
            Ok(Stores::of(store, meter))
        }
    }
}

fn spans(access: Duration, sessions: SessionSettings) -> Spans {
    Spans {
        access,
        max_staleness: sessions.max_staleness,
        session: Lifetimes { idle: sessions.idle_lifetime, absolute: sessions.absolute_lifetime },
        refresh_grace: sessions.refresh_grace,
    }
}

/// Of the root fields that are the gateway's, those that this deployment leaves to the backend.
fn left_to_the_backend(config: &Config) -> &'static [&'static str] {
    match config.graphql.register {
        Register::Forward => &["register"],
        Register::Adopt | Register::Create | Register::Refuse => &[],
    }
}

fn field_rules(config: &Config, schema: &Schema, clock: &Arc<dyn Clock>) -> FieldRules {
    let rules = FieldRules::new(config.fields.clone(), schema, Arc::clone(clock));
    let rules = if config.graphql.deny_generated_mfa { rules.without_generated_mfa() } else { rules };
    if config.graphql.deny_table_extension { rules.without_table_extension() } else { rules }
}

fn limits(config: &Config) -> graphql::Limits {
    let limits = config.graphql.limits;
    graphql::Limits {
        bytes: limits.bytes,
        tokens: limits.tokens,
        depth: limits.depth,
        operations: limits.operations,
        fields: limits.fields,
        batch: limits.batch,
    }
}
