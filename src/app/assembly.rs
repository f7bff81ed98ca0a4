//! The parts of the gateway, put together as the configuration says.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::runtime::Handle;

use super::{
    assertion,
    directory::{self, Neighbours, Users},
    factors, graphql, hashing,
    kept::Kept,
    keys,
    lasting::Lasting,
    shadow,
    stores::Stores,
    throttle, tls,
    tokens::{access_tokens, carried, spans},
    told::{Carriers, Told, telling, told},
};
use crate::{
    auth::{
        backend::BackendPasswords,
        django_session::{DjangoSessions, Engine, Trust},
        endings::Endings,
        factors::{BackupCodes, TrustTokens},
        identity::{BackendBearer, MintedBearer, UpstreamBearer},
        passwords::Passwords,
        service::{AuthHandle, Parts, Spans},
        standing::{Freshness, Sources, Standings},
        throttle::Throttle,
        timed::Timed,
        tokens::{AccessTokens, Authenticator, ChallengeTokens, KeyRing, KnownDevices, PasswordMarks, RefreshTokens},
    },
    config::{Bearer, Config, DjangoSessionSettings, Listener, SessionEngine, SessionSettings},
    directory::{BackendSessions, BackendTokens, Directory, Factors},
    http,
    model::{Clock, Entropy},
    store::{ChallengeStore, SessionStore},
    telemetry::audit::Traced,
};

/// What the services and the data path have in common.
struct Common {
    access: Arc<AccessTokens>,
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

/// What comes of a configuration: what is served by, and what the next one may take over.
pub(super) struct Assembled {
    pub(super) generation: http::Generation,
    pub(super) kept: Kept,
}

/// Puts together what this configuration says, with what it shares with the `former` one. Connects to nothing, and has nothing
/// told yet: the places are open where it would be.
///
/// # Errors
/// When something can't be read that it speaks of, or does not go together.
pub(super) fn assemble(
    config: Config,
    lasting: &Lasting,
    carriers: &mut Carriers,
    former: Option<&Kept>,
) -> anyhow::Result<Assembled> {
    let config = if lasting.shadow.is_some() { shadow::harmless(config) } else { config };
    let keys = keys::load(&config.tokens.keys, &config.state_dir, &*lasting.entropy)?;
    let key_ids = keys::ids(&keys);
    let heir = former.map(|former| former.for_next(&config, &key_ids)).unwrap_or_default();
    let users = heir.users.cloned().map_or_else(|| users(&config, lasting, &keys), Ok)?;
    let shadow = lasting.shadow.as_ref().map(|tally| shadow::looking(&config, &users, tally));
    let factors = heir.factors.cloned().map_or_else(|| factors(&config, lasting, &users, &keys), Ok)?;
    let passwords = heir.passwords.cloned().map_or_else(|| hashing::passwords(&config.hashing), Ok)?;
    let common = common(&config, lasting, (users.clone(), Arc::clone(&factors)), &keys);
    let standings = standings(&config, lasting, &common, heir.standings)?;
    let doors = doors(&config, &lasting.services)?;
    let parts = parts(&config, lasting, common, (standings.clone(), passwords.clone()))?;
    // Last: what is refused for another reason has made no file.
    let told = told(&config, lasting, carriers, former)?;
    let generation = http::Generation {
        settings: config.server.clone(),
        doors,
        telling: telling(&config, lasting, &told),
        parts: http::Parts { shadow, ..parts(&told) },
    };
    // Before anything lives longer by it than is remembered.
    lasting.horizon.reach(spans(config.tokens.access_lifetime, config.sessions).end_matters());
    Ok(Assembled { generation, kept: Kept { config, keys: key_ids, users, factors, passwords, standings, told } })
}

fn users(config: &Config, lasting: &Lasting, keys: &KeyRing) -> anyhow::Result<Users> {
    let neighbours = Neighbours {
        keys,
        tokens: Arc::clone(&lasting.stores.tokens),
        throttle: Arc::clone(&lasting.stores.throttle),
        clock: Arc::clone(&lasting.clock),
        entropy: Arc::clone(&lasting.entropy),
    };
    let users = directory::users(config, neighbours, &lasting.services)?;
    Ok(if lasting.shadow.is_some() { shadow::read_only(users) } else { users })
}

fn factors(config: &Config, lasting: &Lasting, users: &Users, keys: &KeyRing) -> anyhow::Result<Arc<dyn Factors>> {
    let (in_directory, vault) = (users.factors.clone(), Arc::clone(&lasting.stores.vault));
    factors::keep(&config.mfa, in_directory, vault, keys, &lasting.entropy, &lasting.services)
}

fn common(config: &Config, lasting: &Lasting, (users, factors): (Users, Arc<dyn Factors>), keys: &KeyRing) -> Common {
    let Users { directory, factors: _, backend_sessions, backend_tokens, passwords, meter: _ } = users;
    let Stores { sessions: store, challenges, throttle, .. } = lasting.stores.clone();
    let (revoked, clock) = (Arc::clone(&lasting.revoked), Arc::clone(&lasting.clock));
    Common {
        access: Arc::new(access_tokens(&config.tokens, keys)),
        marks: Arc::new(PasswordMarks::new(keys)),
        refresh: Arc::new(RefreshTokens::new(keys)),
        endings: Endings::new(Arc::clone(&store), revoked, clock, lasting.horizon.clone()),
        challenge: ChallengeTokens::new(keys),
        codes: BackupCodes::new(keys),
        trust: TrustTokens::new(keys),
        throttle: Throttle::new(throttle, keys, throttle::limits(&config.throttle)),
        known: KnownDevices::new(keys),
        factors: Arc::new(Timed(factors)),
        store,
        backend_sessions,
        backend_tokens,
        passwords,
        directory: Arc::new(Timed(directory)),
        challenges,
        clock: Arc::clone(&lasting.clock),
        entropy: Arc::clone(&lasting.entropy),
        spans: spans(config.tokens.access_lifetime, config.sessions),
    }
}

/// All of them, but for those who are told of what happens.
fn parts(
    config: &Config,
    lasting: &Lasting,
    common: Common,
    (standings, passwords): (Standings, Passwords),
) -> anyhow::Result<impl FnOnce(&Told) -> http::Parts> {
    let (scanner, planner) = graphql::readers(config, &common.clock)?;
    let bearer = bearer(config, &common, &lasting.services)?;
    let assertions = assertion::assertions(config, &*common.entropy)?;
    let connector = tls::connector(config, config.upstream.protocol, &lasting.services)?;
    Ok(move |told: &Told| http::Parts {
        config: http::stack::Settings::from(config),
        authenticator: Arc::new(Authenticator::new(
            Arc::clone(&common.access),
            Arc::clone(&lasting.revoked),
            Arc::clone(&common.clock),
        )),
        standings: standings.clone(),
        bearer,
        assertions,
        scanner: Arc::new(scanner),
        planner: Arc::new(planner),
        clock: Arc::clone(&common.clock),
        entropy: Arc::clone(&common.entropy),
        connector,
        sockets: lasting.sockets.clone(),
        shadow: None,
        audit: Arc::new(Traced { log: Arc::clone(&lasting.audit), tracer: told.tracer.clone() }),
        commands: commands(config, common, (standings, passwords), &lasting.services),
    })
}

fn doors(config: &Config, services: &Handle) -> anyhow::Result<Vec<http::Door>> {
    let doors = config.listeners.iter().map(|listener| {
        let tls = listener.tls.as_ref().map(|settings| tls::acceptor(settings, services)).transpose()?;
        let &Listener { auth, refusal, proxy_protocol, .. } = listener;
        Ok(http::Door { auth, refusal, tls, proxy_protocol })
    });
    doors.collect()
}

fn standings(
    config: &Config,
    lasting: &Lasting,
    common: &Common,
    former: Option<&Standings>,
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
        followed: Arc::clone(&lasting.followed),
    };
    let SessionSettings { recheck, max_staleness, .. } = config.sessions;
    let freshness = Freshness { recheck, max_staleness };
    let (clock, services) = (Arc::clone(&common.clock), lasting.services.clone());
    Ok(match former {
        Some(former) => former.followed_by(sources, freshness, clock, services),
        None => Standings::new(sources, freshness, clock, services),
    })
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

fn commands(
    config: &Config,
    common: Common,
    (standings, passwords): (Standings, Passwords),
    services: &Handle,
) -> AuthHandle {
    let parts = Parts {
        store: common.store,
        challenges: common.challenges,
        throttle: common.throttle,
        known: common.known,
        factors: common.factors,
        mfa: factors::rules(&config.mfa),
        codes: common.codes,
        trust: common.trust,
        passwords,
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
    AuthHandle::new(parts, services.clone())
}
