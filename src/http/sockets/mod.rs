//! WebSockets: what an upgrade comes to.
//!
//! An upgrade is a request like any other until the backend agrees: the same stages see who asks, and the backend is told. Only
//! then the client gets its 101, and bytes go to and fro. What a client has sent behind its upgrade waits until then; if the
//! backend answers anything else, that is the answer, and what waits is the next request.
//!
//! On GraphQL paths the socket ends here, and another one to the backend begins: its messages are looked into, as requests are
//! ([`conversation`], [`relay`]). On other paths nobody looks into the bytes ([`tunnel`]).
//!
//! A socket ends with the session that opened it, or with the token where there is none, and when the gateway stops ([`life`]).

use std::{rc::Rc, sync::Arc, time::Duration};

use http::StatusCode;
use hyper::upgrade::OnUpgrade;

use super::{
    access::Socket,
    cookies::Jar,
    credentials::{Identified, Who},
    hygiene::Speaks,
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
    model::{Clock, Entropy, Shortfall},
};

mod close;
mod conversation;
mod frames;
mod handshake;
mod init;
mod life;
mod operations;
mod relay;
mod tunnel;

use conversation::Conversation;
use handshake::Handshake;
use life::Life;

/// The stage. It stands behind the proof of where a request comes from, which an upgrade needs, too.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) settings: WebsocketSettings,
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
        let Some(client) = call.request.websocket.take() else { return next.call(call) };
        match (self.settings.enabled, call.request.speaks) {
            (true, Speaks::Other) => self.tunnel(client, call, next),
            (true, Speaks::Graphql) => self.converse(client, call, next).into(),
            // The wish is ignored.
            (false, Speaks::Other) => next.call(call),
            (false, Speaks::Graphql) => switched_off().into(),
        }
    }
}

impl Sockets {
    fn tunnel(&self, client: OnUpgrade, mut call: Identified, next: &mut impl Next<Identified>) -> Reply {
        let mut life = self.life(&call.who, &call).at_most(self.lease(&call.who));
        ask_for_websocket(call.request.request.headers_mut());
        let reply = next.call(call);
        Reply::later(async move {
            let Ok(response) = reply.await;
            let (parts, body) = response.into_parts();
            let ResponseBody::Switched(backend) = body else { return Response::from_parts(parts, body) };
            let socket = Socket::opened();
            let counts = socket.counts();
            tokio::task::spawn_local(
                socket.along(async move { tunnel::relay(client, backend, counts, &mut life).await }),
            );
            Response::from_parts(parts, ResponseBody::Own(bytes::Bytes::new()))
        })
    }

    fn converse(self: &Rc<Self>, client: OnUpgrade, call: Identified, next: &impl Next<Identified>) -> Response {
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
        tokio::task::spawn_local(socket.along(conversation.serve(client, counts)));
        response
    }

    /// How long a tunnel may last by what was shown. A token of a session is good for as long as the session; one that has none
    /// is good until it runs out, and nothing else tells of its end.
    fn lease(&self, who: &Who) -> Option<Duration> {
        match who {
            Who::Known(caller) if caller.session.is_none() => Some(caller.expires.since(self.clock.now())),
            Who::Known(_) | Who::Anonymous | Who::Expired(_) | Who::Unconfirmed(_) => None,
        }
    }

    /// How long a socket may last that this request opens for this caller.
    fn life(&self, who: &Who, call: &Identified) -> Life {
        let Who::Known(caller) = who else { return Life::new(call.request.connection.drain.clone(), None) };
        let django = caller.is_by_django().then(|| self.jar.djangos(call.request.request.headers())).flatten();
        Life::new(call.request.connection.drain.clone(), Some(self.standings.watch(caller, django)))
    }
}

fn switched_off() -> Response {
    let message = "This gateway takes no WebSockets.";
    respond::error(StatusCode::NOT_IMPLEMENTED, "WEBSOCKET_UNSUPPORTED", message)
}
