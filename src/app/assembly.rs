//! The parts of the gateway, put together as the configuration says.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::runtime::{Handle, Runtime};

use super::{
    assertion,
    directory::{self, Neighbours, Users},
    factors, graphql, hashing, keys,
    stores::{Stores, stores},
    throttle, tls,
    tokens::{access_tokens, carried, spans},
};
use crate::{
    auth::{
        backend::BackendPasswords,
        django_session::{DjangoSessions, Engine, Trust},
        endings::Endings,
        factors::{BackupCodes, TrustTokens},
        identity::{BackendBearer, MintedBearer, UpstreamBearer},
        revocations::{Followed, Follower},
        service::{AuthHandle, Parts, Spans},
        standing::{Freshness, Sources, Standings},
        throttle::Throttle,
        tokens::{AccessTokens, Authenticator, ChallengeTokens, KnownDevices, PasswordMarks, RefreshTokens, Revoked},
    },
    config::{Bearer, Config, DjangoSessionSettings, SessionEngine, SessionSettings},
    directory::{BackendSessions, BackendTokens, Directory, Factors},
    http,
    model::{Clock, Entropy, SystemClock, SystemEntropy},
    store::{ChallengeStore, SessionStore},
};

/// How long a start waits for what other gateways have ended.
const CATCH_UP: Duration = Duration::from_secs(10);

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
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    spans: Spans,
}

/// Opens what is kept, and connects to nothing else.
pub(super) fn assemble(config: &Config, services: &Runtime) -> anyhow::Result<http::Parts> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keys = keys::load(&config.tokens.keys, &config.state_dir, &*entropy)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let spans = spans(config.tokens.access_lifetime, config.sessions);
    let Stores { sessions: store, challenges, throttle, tokens, vault } =
        stores(&config.store, spans.end_matters(), &clock, services)?;
    let revoked: Arc<Revoked> = Arc::default();
    let neighbours = Neighbours {
        keys: &keys,
        tokens,
        throttle: Arc::clone(&throttle),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let Users { directory, factors, backend_sessions, backend_tokens, passwords } =
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
    let standings = standings(config, &common, follow(&common, services), services.handle())?;
    let (scanner, planner) = graphql::readers(config, &common.clock)?;
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
        scanner: Arc::new(scanner),
        planner: Arc::new(planner),
        clock: Arc::clone(&common.clock),
        entropy: Arc::clone(&common.entropy),
        connector: tls::connector(config, config.upstream.protocol, services.handle())?,
        commands: commands(config, common, standings, services)?,
    })
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

fn commands(config: &Config, common: Common, standings: Standings, services: &Runtime) -> anyhow::Result<AuthHandle> {
    let parts = Parts {
        store: common.store,
        challenges: common.challenges,
        throttle: common.throttle,
        known: common.known,
        factors: common.factors,
        mfa: factors::rules(&config.mfa),
        codes: common.codes,
        trust: common.trust,
        passwords: hashing::passwords(&config.hashing)?,
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
    Ok(AuthHandle::new(parts, services.handle().clone()))
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
