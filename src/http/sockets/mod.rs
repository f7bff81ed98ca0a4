//! WebSockets: what an upgrade comes to.
//!
//! An upgrade is a request like any other until the backend agrees: the same stages see who asks, and the backend is told. Only
//! then the client gets its 101, and bytes go to and fro. What a client has sent behind its upgrade waits until then; if the
//! backend answers anything else, that is the answer, and what waits is the next request.
//!
//! On GraphQL paths the socket ends here, and another one to the backend begins: its messages are looked into, as requests are
//! ([`conversation`], [`relay`]). On other paths nobody looks into the bytes ([`tunnel`]).
//!
//! A socket ends with the session that opened it, or with the token where there is none, some time after its configuration was
//! replaced, and when the gateway stops ([`life`]).
//! So does an answer that goes on for as long ([`streams`]).

use std::{rc::Rc, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER};
use hyper::upgrade::OnUpgrade;

use super::{
    access::Socket,
    cookies::Jar,
    credentials::{Identified, Who},
    drain::Drain,
    hygiene::Speaks,
    in_force::InForce,
    refusal,
    reply::Reply,
    respond::{self, Response, ResponseBody},
    stage::{Next, Stage},
    upstream::ask_for_websocket,
};
use crate::{
    auth::{identity::UpstreamBearer, standing::Standings, tokens::Authenticator},
    config::WebsocketSettings,
    graphql::{Planner, Scanner},
    model::{Clock, Entropy, PlainToken, Principal, Shortfall},
};

mod close;
mod conversation;
mod frames;
mod handshake;
mod init;
mod life;
mod operations;
mod places;
mod relay;
mod streams;
mod tunnel;

use conversation::Conversation;
use handshake::Handshake;
use life::Life;
use places::Place;
pub use places::Places;
pub(super) use streams::{Lasting, Watch, goes_on};

/// The stage. It stands behind the proof of where a request comes from, which an upgrade needs, too.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) settings: WebsocketSettings,
    /// Counts the sockets that there are.
    pub(super) places: Places,
    pub(super) in_force: InForce,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) standings: Standings,
    pub(super) jar: Rc<Jar>,
    pub(super) bearer: Option<UpstreamBearer>,
    pub(super) scanner: Arc<Scanner>,
    pub(super) planner: Arc<Planner>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Stage for Sockets {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, mut call: Identified, next: &mut impl Next<Identified>) -> Reply {
        let Some(client) = call.request.websocket.take() else { return self.answer(call, next) };
        match (self.settings.enabled, call.request.speaks) {
            (true, _) => {}
            // The wish is ignored.
            (false, Speaks::Other) => return self.answer(call, next),
            (false, Speaks::Graphql) => return switched_off().into(),
        }
        let Some(place) = self.places.take(self.settings.max_sockets) else { return too_many().into() };
        match call.request.speaks {
            Speaks::Other => self.tunnel(client, place, call, next),
            Speaks::Graphql => self.converse(client, place, call, next).into(),
        }
    }
}

impl Sockets {
    /// What is no socket, and may all the same go on for as long.
    fn answer(self: &Rc<Self>, call: Identified, next: &mut impl Next<Identified>) -> Reply {
        match Watch::over_answer_to(&call, self) {
            Some(watch) => next.call(call).watched(watch),
            None => next.call(call),
        }
    }

    fn tunnel(&self, client: OnUpgrade, place: Place, mut call: Identified, next: &mut impl Next<Identified>) -> Reply {
        let lease = if let Who::Known(caller) = &call.who { self.lease(caller) } else { None };
        let mut life = self.life(&call.who, &call).at_most(lease);
        ask_for_websocket(call.request.request.headers_mut());
        let reply = next.call(call);
        Reply::later(async move {
            let Ok(response) = reply.await;
            let (parts, body) = response.into_parts();
            let ResponseBody::Switched(backend) = body else { return Response::from_parts(parts, body) };
            let socket = Socket::opened();
            let counts = socket.counts();
            let relayed = async move {
                let _place = place;
                tunnel::relay(client, backend, counts, &mut life).await;
            };
            tokio::task::spawn_local(socket.along(relayed));
            Response::from_parts(parts, ResponseBody::Own(bytes::Bytes::new()))
        })
    }

    fn converse(
        self: &Rc<Self>,
        client: OnUpgrade,
        place: Place,
        call: Identified,
        next: &impl Next<Identified>,
    ) -> Response {
        // Not as nobody: the client would believe that its session is over.
        if matches!(call.who, Who::Unconfirmed(_)) {
            return refusal::by_status(Shortfall::Unconfirmed);
        }
        let handshake = match Handshake::read(call.request.request.headers()) {
            Ok(handshake) => handshake,
            Err(unfit) => return unfit.into(),
        };
        let response = handshake.answer();
        let dialect = handshake.dialect;
        let conversation = Conversation { sockets: Rc::clone(self), dialect, call, next: next.clone() };
        let socket = Socket::opened();
        let counts = socket.counts();
        let served = async move {
            let _place = place;
            conversation.serve(client, counts).await;
        };
        tokio::task::spawn_local(socket.along(served));
        response
    }

    /// How long a tunnel may last by what was shown. A token of a session is good for as long as the session; one that has none
    /// is good until it runs out, and nothing else tells of its end.
    fn lease(&self, caller: &Principal) -> Option<Duration> {
        caller.session.is_none().then(|| caller.expires.since(self.clock.now()))
    }

    /// How long a socket may last that this request opens for this caller.
    fn life(&self, who: &Who, call: &Identified) -> Life {
        let drain = call.request.connection.drain.clone();
        let Who::Known(caller) = who else { return Life::new(drain, self.in_force.clone(), None) };
        self.life_by(caller, self.djangos(caller, call.request.request.headers()), drain)
    }

    /// The same of a caller whom this cookie of Django's has let in, or none of Django's.
    fn life_by(&self, caller: &Principal, django: Option<PlainToken>, drain: Drain) -> Life {
        Life::new(drain, self.in_force.clone(), Some(self.standings.watch(caller, django)))
    }

    /// The cookie of Django's that has let this caller in.
    fn djangos(&self, caller: &Principal, headers: &HeaderMap) -> Option<PlainToken> {
        caller.is_by_django().then(|| self.jar.djangos(headers)).flatten()
    }
}

fn too_many() -> Response {
    tracing::warn!("a socket was refused: there are as many as there may be");
    let message = "There are as many WebSockets as there may be. Try again shortly.";
    let mut response = respond::error(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_SOCKETS", message);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn switched_off() -> Response {
    let message = "This gateway takes no WebSockets.";
    respond::error(StatusCode::NOT_IMPLEMENTED, "WEBSOCKET_UNSUPPORTED", message)
}
