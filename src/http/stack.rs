//! The tower stack of a core, in order. This is the path of every request.

use std::{
    convert::Infallible,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use ipnet::IpNet;
use tower::{Service, ServiceBuilder};

use super::{
    cookies::{DjangoCookie, Jar},
    cors::Cors,
    credentials::Authenticate,
    csrf::{self, Csrf},
    forward_auth::{Allow, Questions, Verdicts},
    graphql::Graphql,
    hygiene::{Hygiene, Sanitised, TrustedProxies},
    identity::Identity,
    in_force::InForce,
    published::{KeySet, Published},
    reply::Reply,
    require::Require,
    respond::Response,
    routes::Routes,
    shadow::{Held, Rehearsal, Replay, Shadow, Tally},
    sockets::{Places, Sockets},
    stage::Staged,
    tls::Connector,
    upstream::{Forward, Pool},
};
use crate::{
    auth::{
        assertion::Assertions,
        identity::UpstreamBearer,
        rehearsal::Scope,
        service::AuthHandle,
        standing::Standings,
        tokens::{Authenticator, Remembered},
    },
    config::{
        AddressHeader, Config, CookieSettings, CorsSettings, DjangoSessionSettings, ForwardAuthSettings,
        GraphqlSettings, Register, RouteSettings, TraceSource, UpstreamSettings, WebsocketSettings,
    },
    graphql::{Planner, Registration, Scanner},
    model::{AuditSink, Clock, Entropy, Language},
};

/// What the stack needs, shared by all cores.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Rules and limits.
    pub config: Settings,
    /// Tells who a token speaks for.
    pub authenticator: Arc<Authenticator>,
    /// Tells whether that caller may still come in.
    pub standings: Standings,
    /// Mints what the backend believes.
    pub bearer: Option<UpstreamBearer>,
    /// Signs what the backend is told.
    pub assertions: Option<Arc<Assertions>>,
    /// Finds owned names.
    pub scanner: Arc<Scanner>,
    /// Decides what happens to a document.
    pub planner: Arc<Planner>,
    /// Runs auth operations.
    pub commands: AuthHandle,
    /// Keeps what became of them.
    pub audit: Arc<dyn AuditSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Speaks TLS with the backend; `None`: it is spoken to in clear.
    pub connector: Option<Connector>,
    /// Counts the sockets that there are.
    pub sockets: Places,
    /// The backend answers, and the gateway looks on.
    pub shadow: Option<Looking>,
}

/// How the gateway looks on.
#[derive(Clone, Debug)]
pub struct Looking {
    /// What it can tell without side effects.
    pub scope: Scope,
    /// Where that is counted.
    pub tally: Arc<Tally>,
}

/// What the stack reads of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    upstream: UpstreamSettings,
    graphql: GraphqlSettings,
    routes: Vec<RouteSettings>,
    cookies: CookieSettings,
    django_sessions: DjangoSessionSettings,
    cors: CorsSettings,
    forward_auth: Option<ForwardAuthSettings>,
    trusted_proxies: Vec<IpNet>,
    client_address_header: AddressHeader,
    body_limit: u64,
    body_timeout: Duration,
    language: Language,
    websocket: WebsocketSettings,
    traces: TraceSource,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            upstream: config.upstream.clone(),
            graphql: config.graphql.clone(),
            routes: config.routes.clone(),
            cookies: CookieSettings {
                enabled: config.cookies.enabled && config.authenticates(),
                ..config.cookies.clone()
            },
            django_sessions: config.django_sessions.clone(),
            cors: config.cors.clone(),
            forward_auth: config.forward_auth.clone(),
            trusted_proxies: config.server.trusted_proxies.clone(),
            client_address_header: config.server.client_address_header,
            body_limit: config.server.body_limit,
            body_timeout: config.server.body_timeout,
            language: config.messages.language,
            websocket: config.websocket,
            traces: config.telemetry.trace_context,
        }
    }
}

/// The stack, from the client's side to the backend's.
#[derive(Clone, Debug)]
pub struct Stack(pub(super) Staged<Cors, Staged<Questions, Staged<Hygiene, Way>>>);

/// What a request goes through once it has one reading, on its way to the backend, or to a verdict.
type Admitted = Staged<Published, Staged<Authenticate, Staged<Csrf, Attended>>>;

/// What a request goes through once it is known who makes it.
type Attended = Staged<Verdicts, Staged<Sockets, Staged<Graphql, Staged<Require, Sent>>>>;

/// What a request goes through in shadow mode.
type Watched = Staged<Shadow, Staged<Sockets, Sent>>;

/// The rest of the way.
type Sent = Staged<Identity, Forward>;

/// Who answers.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// The gateway, where it has to.
    Guarded(Admitted),
    /// The backend, always.
    Watched(Watched),
}

impl Service<Sanitised> for Way {
    type Response = Response;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match self {
            Self::Guarded(stages) => stages.poll_ready(cx),
            Self::Watched(stages) => stages.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Sanitised) -> Reply {
        match self {
            Self::Guarded(stages) => stages.call(request),
            Self::Watched(stages) => stages.call(request),
        }
    }
}

/// Builds the stack of one core, for as long as these parts are in force.
pub(super) fn build(parts: &Parts, in_force: &InForce) -> Stack {
    let config = &parts.config;
    let way = match &parts.shadow {
        None => Way::Guarded(admitted(parts, in_force)),
        Some(looking) => Way::Watched(watched(parts, looking, in_force)),
    };
    let stages = ServiceBuilder::new()
        // Around everything, since a page has to be able to read any refusal.
        .layer_fn(|next| Staged::new(Cors::from(&config.cors), next))
        // Before anything looks at a request: what another proxy asks becomes the request that it asks about.
        .layer_fn(|next| Staged::new(questions(config), next))
        // Before anything looks at a request, so that everything behind it sees one reading of framing, path and headers, and no header of a client's
        // that passes for the gateway's.
        .layer_fn(|next| Staged::new(hygiene(config), next))
        .service(way);
    Stack(stages)
}

/// Where the gateway answers what is its own.
fn admitted(parts: &Parts, in_force: &InForce) -> Admitted {
    let config = &parts.config;
    let jar = jar(config);
    ServiceBuilder::new()
        // On a canonical path, and before anything that asks who calls: public keys are for everybody.
        .layer_fn(|next| Staged::new(published(parts), next))
        // Before anything that asks who calls.
        .layer_fn(|next| Staged::new(authenticate(parts, &jar), next))
        // Before anything happens in the caller's name: a refresh or a logout by cookie, too.
        .layer_fn(|next| Staged::new(proof(config), next))
        // Before `Graphql`, which reads bodies: of what another proxy asks about there is none.
        .layer_fn(|next| Staged::new(verdicts(parts, &jar), next))
        // Behind the proof that an upgrade needs; before `Graphql`, which a socket's own requests to the backend pass by.
        .layer_fn(|next| Staged::new(sockets(parts, &jar, in_force), next))
        // Before `Require`: a login needs no login. Behind it nothing runs an auth operation.
        .layer_fn(|next| Staged::new(graphql(parts, &jar), next))
        // Before the backend hears of the request.
        .layer_fn(|next| Staged::new(require(parts), next))
        // Last before the backend: nothing can take away or change what is told it.
        .layer_fn(|next| Staged::new(identity(parts, &jar, parts.bearer.clone()), next))
        .service(forward(parts, &jar))
}

/// Where the backend answers: nothing is taken away or added that is not a plain proxy's.
fn watched(parts: &Parts, looking: &Looking, in_force: &InForce) -> Watched {
    let none = CookieSettings { enabled: false, ..parts.config.cookies.clone() };
    let jar = Rc::new(Jar::new(none, django_cookie(&parts.config.django_sessions)));
    ServiceBuilder::new()
        // Before everything: what is behind it has not been looked into, and what it works out nobody else sees.
        .layer_fn(|next| Staged::new(shadow(parts, looking), next))
        // All sockets are tunnels here.
        .layer_fn(|next| Staged::new(sockets(parts, &jar, in_force), next))
        // As above.
        .layer_fn(|next| Staged::new(unnamed(parts, &jar), next))
        .service(forward(parts, &jar))
}

fn shadow(parts: &Parts, looking: &Looking) -> Shadow {
    let Looking { scope, tally } = looking.clone();
    let jar = jar(&parts.config);
    Shadow {
        cookies: jar.names().into_iter().chain([csrf::COOKIE_NAME]).map(str::to_owned).collect(),
        rehearsal: rehearsal(parts, jar),
        scope,
        tally,
        body_limit: parts.config.graphql.body_limit,
        held: Held::default(),
        at_work: Rc::default(),
    }
}

/// The same stages as where the gateway answers, as far as they decide anything.
fn rehearsal(parts: &Parts, jar: Rc<Jar>) -> Rehearsal {
    ServiceBuilder::new()
        .layer_fn(|next| Staged::new(authenticate(parts, &jar), next))
        .layer_fn(|next| Staged::new(proof(&parts.config), next))
        .layer_fn(|next| Staged::new(graphql(parts, &jar), next))
        .layer_fn(|next| Staged::new(require(parts), next))
        .service(Replay { jar: Rc::clone(&jar) })
}

fn jar(config: &Settings) -> Rc<Jar> {
    Rc::new(Jar::new(config.cookies.clone(), django_cookie(&config.django_sessions)))
}

fn forward(parts: &Parts, jar: &Rc<Jar>) -> Forward {
    let upstream = &parts.config.upstream;
    let pool = Pool::start(upstream, parts.connector.clone());
    Forward { pool, jar: Rc::clone(jar), response_timeout: upstream.response_timeout }
}

fn proof(config: &Settings) -> Csrf {
    Csrf { trusted_origins: trusted_origins(config) }
}

fn django_cookie(settings: &DjangoSessionSettings) -> DjangoCookie {
    DjangoCookie { name: settings.cookie_name.clone(), is_accepted: settings.accepted.is_some() }
}

fn trusted_proxies(config: &Settings) -> TrustedProxies {
    TrustedProxies { networks: config.trusted_proxies.clone(), header: config.client_address_header }
}

fn require(parts: &Parts) -> Require {
    Require { clock: Arc::clone(&parts.clock) }
}

fn questions(config: &Settings) -> Questions {
    Questions { settings: config.forward_auth.clone(), trusted_proxies: trusted_proxies(config) }
}

/// A token that the backend believes is in no answer.
fn verdicts(parts: &Parts, jar: &Rc<Jar>) -> Verdicts {
    Verdicts { answer: Staged::new(require(parts), Staged::new(identity(parts, jar, None), Allow)) }
}

fn hygiene(config: &Settings) -> Hygiene {
    Hygiene {
        trusted_proxies: trusted_proxies(config),
        graphql_paths: config.graphql.paths.clone(),
        routes: Routes::new(&config.routes),
        body_limit: config.body_limit,
        traces: config.traces,
    }
}

fn published(parts: &Parts) -> Published {
    let settings = parts.config.upstream.identity.assertion.as_ref();
    Published {
        key_set: settings
            .zip(parts.assertions.as_ref())
            .map(|(settings, assertions)| KeySet::new(settings, assertions)),
    }
}

fn authenticate(parts: &Parts, jar: &Rc<Jar>) -> Authenticate {
    Authenticate {
        tokens: Remembered::new(Arc::clone(&parts.authenticator)),
        standings: parts.standings.clone(),
        jar: Rc::clone(jar),
    }
}

fn trusted_origins(config: &Settings) -> Rc<[String]> {
    config.cookies.trusted_origins.as_slice().into()
}

fn sockets(parts: &Parts, jar: &Rc<Jar>, in_force: &InForce) -> Sockets {
    Sockets {
        settings: parts.config.websocket,
        places: parts.sockets.clone(),
        in_force: in_force.clone(),
        authenticator: Arc::clone(&parts.authenticator),
        standings: parts.standings.clone(),
        jar: Rc::clone(jar),
        bearer: parts.bearer.clone(),
        scanner: Arc::clone(&parts.scanner),
        planner: Arc::clone(&parts.planner),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    }
}

fn graphql(parts: &Parts, jar: &Rc<Jar>) -> Graphql {
    Graphql {
        scanner: Arc::clone(&parts.scanner),
        planner: Arc::clone(&parts.planner),
        commands: parts.commands.clone(),
        audit: Arc::clone(&parts.audit),
        authenticator: Arc::clone(&parts.authenticator),
        jar: Rc::clone(jar),
        trusted_origins: trusted_origins(&parts.config),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
        closed_paths: parts.config.graphql.closed_paths.clone(),
        batching: parts.config.graphql.batching,
        body_limit: parts.config.graphql.body_limit,
        body_timeout: parts.config.body_timeout,
        response_timeout: parts.config.upstream.response_timeout,
        language: parts.config.language,
        registration: match parts.config.graphql.register {
            Register::Adopt | Register::Forward => Registration::Adopt,
            Register::Create => Registration::Create,
            Register::Refuse => Registration::Refuse,
        },
    }
}

/// Tells nothing of callers.
fn unnamed(parts: &Parts, jar: &Rc<Jar>) -> Identity {
    Identity { headers: false, permissions: false, assertions: None, ..identity(parts, jar, None) }
}

fn identity(parts: &Parts, jar: &Rc<Jar>, bearer: Option<UpstreamBearer>) -> Identity {
    let identity = &parts.config.upstream.identity;
    Identity {
        headers: identity.headers,
        permissions: identity.permissions,
        forwarded: parts.config.upstream.forwarded,
        bearer,
        assertions: parts.assertions.clone(),
        clock: Arc::clone(&parts.clock),
        jar: Rc::clone(jar),
    }
}
