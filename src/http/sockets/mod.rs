//! WebSockets: what an upgrade comes to.
//!
//! An upgrade is a request like any other until the backend agrees: the same stages see who asks, and the backend is told. Only
//! then the client gets its 101, and bytes go to and fro. What a client has sent behind its upgrade waits until then; if the
//! backend answers anything else, that is the answer, and what waits is the next request.
//!
//! A socket ends with the session that opened it, and when the gateway stops ([`life`]).

use std::rc::Rc;

use http::StatusCode;

use super::{
    cookies::Jar,
    credentials::{Identified, Who},
    hygiene::Speaks,
    reply::Reply,
    respond::{self, Response, ResponseBody},
    stage::{Next, Stage},
    upstream::ask_for_websocket,
};
use crate::{auth::standing::Standings, config::WebsocketSettings};

mod life;
mod tunnel;

use life::Life;

/// The stage. It stands behind the proof of where a request comes from, which an upgrade needs, too.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) settings: WebsocketSettings,
    pub(super) standings: Standings,
    pub(super) jar: Rc<Jar>,
}

impl Stage for Sockets {
    type Takes = Identified;
    type Gives = Identified;

    fn handle(self: &Rc<Self>, mut call: Identified, next: &mut impl Next<Identified>) -> Reply {
        let Some(client) = call.request.websocket.take() else { return next.call(call) };
        match (self.settings.enabled, call.request.speaks) {
            (true, Speaks::Other) => {}
            // The wish is ignored.
            (false, Speaks::Other) => return next.call(call),
            (_, Speaks::Graphql) => return unsupported().into(),
        }
        let mut life = self.life(&call);
        ask_for_websocket(call.request.request.headers_mut());
        let reply = next.call(call);
        Reply::later(async move {
            let Ok(response) = reply.await;
            let (parts, body) = response.into_parts();
            let ResponseBody::Switched(backend) = body else { return Response::from_parts(parts, body) };
            tokio::task::spawn_local(async move { tunnel::relay(client, backend, &mut life).await });
            Response::from_parts(parts, ResponseBody::Own(bytes::Bytes::new()))
        })
    }
}

impl Sockets {
    /// How long a socket may last that this request opens.
    fn life(&self, call: &Identified) -> Life {
        let Who::Known(caller) = &call.who else { return Life::new(call.request.connection.drain.clone(), None) };
        let django = caller.is_by_django().then(|| self.jar.djangos(call.request.request.headers())).flatten();
        Life::new(call.request.connection.drain.clone(), Some(self.standings.watch(caller, django)))
    }
}

fn unsupported() -> Response {
    let message = "WebSockets on GraphQL paths are not supported by this version of the gateway.";
    respond::error(StatusCode::NOT_IMPLEMENTED, "WEBSOCKET_UNSUPPORTED", message)
}
