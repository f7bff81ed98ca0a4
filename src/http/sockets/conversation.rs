//! A socket on a GraphQL path, from the upgrade to its end.
//!
//! 1. The client says who it is by `connection_init`, if the upgrade hasn't; before that, nothing is heard of it.
//! 2. The backend is asked for a socket, on the way that any request takes, with what it is told of every caller.
//! 3. It gets a `connection_init` of the gateway's, and agrees.
//! 4. Messages go to and fro ([`relay`](super::relay)).
//!
//! One credential counts. A token in `connection_init` comes before a cookie, as a bearer token does; beside a bearer token
//! of the upgrade it has to be the same. One that is no good ends the socket. So does none where the listener wants one.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use http::{header::AUTHORIZATION, uri::PathAndQuery};
use hyper::upgrade::OnUpgrade;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};

use super::{
    Sockets,
    close::Close,
    frames::{Frames, GOODBYE, Heard, Largest, PINGS, frames, next_of, say_goodbye},
    handshake,
    init::{Init, Unfit},
    life::Life,
    operations::Operations,
    relay::Relay,
};
use crate::{
    auth::{
        Refusal,
        standing::{Look, Shown},
        tokens::TokenError,
    },
    graphql::{BackendMessage, ClientMessage, Dialect, socket::heard},
    http::{
        access::{self, Counts},
        credentials::{Authorization, Identified, Who, bearer},
        respond::ResponseBody,
        stage::Next,
    },
    model::{AuthMethod, PlainToken, Principal},
};

/// Largest message of a backend's, in bytes.
const LARGEST_RESULT: usize = 16 << 20;

/// A conversation that begins.
pub(super) struct Conversation<N> {
    pub(super) sockets: Rc<Sockets>,
    pub(super) dialect: Dialect,
    /// The upgrade.
    pub(super) call: Identified,
    pub(super) next: N,
}

/// What a conversation has once the backend has agreed to it.
struct Agreed {
    backend: Frames,
    life: Life,
    who: Who,
}

impl<N: Next<Identified>> Conversation<N> {
    /// Serves the client until the socket is closed.
    pub(super) async fn serve(self, client: OnUpgrade, counts: Counts) {
        let client = match client.await {
            Ok(client) => client,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a socket broke off before it began");
                return;
            }
        };
        let largest = Largest { heard: self.sockets.settings.max_message, said: LARGEST_RESULT };
        let mut client = frames(client, counts, Role::Server, largest).await;
        let close = self.converse(&mut client).await;
        tracing::debug!(?close, "a socket was closed");
        say_goodbye(client, close).await;
    }

    async fn converse(self, client: &mut Frames) -> Option<Close> {
        let (sockets, dialect) = (Rc::clone(&self.sockets), self.dialect);
        let mut drain = self.call.request.connection.drain.clone();
        let agreed = tokio::select! {
            agreed = self.agree(client) => agreed,
            () = drain.begun() => Err(Some(Close::STOPPING)),
        };
        let Agreed { mut backend, mut life, who } = match agreed {
            Ok(agreed) => agreed,
            Err(close) => return close,
        };
        let relay = Relay { sockets, dialect, operations: Operations::default(), who: RefCell::new(who) };
        let close = relay.run(client, &mut backend, &mut life).await;
        // In its own time: the client is not to wait for it.
        tokio::task::spawn_local(say_goodbye(backend, Some(Close::NORMAL)));
        close
    }

    /// Has the client say who it is, and the backend agree. A refusal is told in the words of the subprotocol, too.
    async fn agree(self, client: &mut Frames) -> Result<Agreed, Option<Close>> {
        let (dialect, patience) = (self.dialect, self.sockets.settings.init_timeout);
        let init = match tokio::time::timeout(patience, self.init(client)).await {
            Ok(init) => init?,
            Err(_elapsed) => return Err(Some(Close::INIT_TIMEOUT)),
        };
        let reached = tokio::time::timeout(patience, self.reach(init));
        let refusal = match reached.await.unwrap_or(Err(Close::BACKEND_GONE)) {
            Ok((agreed, ack)) => {
                client.send(Message::text(ack)).await.map_err(|_gone| None)?;
                return Ok(agreed);
            }
            Err(refusal) => refusal,
        };
        if dialect == Dialect::Older {
            let error = json!({ "type": "connection_error", "payload": { "message": refusal.reason } });
            let told = tokio::time::timeout(GOODBYE, client.send(Message::text(error.to_string())));
            let Ok(Ok(())) = told.await else { return Err(None) };
        }
        Err(Some(refusal))
    }

    async fn init(&self, client: &mut Frames) -> Result<Init, Option<Close>> {
        let mut pings = 0;
        loop {
            // All of it together has its time.
            let text = match next_of(client, Duration::MAX).await? {
                Heard::Text(text) => text,
                Heard::Ping if pings == PINGS => return Err(Some(Close::PINGS_ONLY)),
                Heard::Ping => {
                    pings += 1;
                    continue;
                }
            };
            match self.dialect.read(&text).ok_or(Close::INVALID)? {
                ClientMessage::Init(payload) => {
                    return Init::read(payload).map_err(|unfit| match unfit {
                        Unfit::SeveralCredentials => Some(Close::SEVERAL_CREDENTIALS),
                        Unfit::Headers => Some(Close::INVALID),
                    });
                }
                ClientMessage::Start(_) | ClientMessage::Stop(_) => return Err(Some(Close::UNAUTHORIZED)),
                ClientMessage::Terminate => return Err(Some(Close::NORMAL)),
                // Nobody is there yet who could answer.
                ClientMessage::Beat(_) => {}
            }
        }
    }

    /// The backend's side of the socket, and its `connection_ack`.
    async fn reach(self, init: Init) -> Result<(Agreed, String), Close> {
        let who = self.who(init.token.as_ref()).await?;
        access::caller(&who);
        let (sockets, dialect) = (Rc::clone(&self.sockets), self.dialect);
        let life = sockets.life_of(&who, &self.call);
        let bearer = match (&who, &sockets.bearer) {
            (Who::Known(caller), Some(bearer)) => {
                Some(bearer.token_for(caller).await.map_err(|refusal| match refusal {
                    Refusal::Unavailable | Refusal::Busy(_) => Close::TRY_AGAIN,
                    _ => Close::FORBIDDEN,
                })?)
            }
            (Who::Known(_) | Who::Anonymous | Who::Expired(_) | Who::Unconfirmed(_), _) => None,
        };
        let mut backend = self.upgraded(who.clone()).await?;
        let payload = init.for_backend(bearer.as_deref());
        let init = json!({ "type": "connection_init", "payload": payload });
        backend.send(Message::text(init.to_string())).await.map_err(|_gone| Close::BACKEND_GONE)?;
        let ack = acknowledged(&mut backend, dialect).await?;
        Ok((Agreed { backend, life, who }, ack))
    }

    /// Who calls, by the token of `connection_init`, or by the upgrade. Whether that is enough is asked on the way to the backend, as
    /// of any request.
    async fn who(&self, token: Option<&PlainToken>) -> Result<Who, Close> {
        match token {
            Some(token) if self.is_another_than_the_upgrades(token) => Err(Close::SEVERAL_CREDENTIALS),
            Some(token) => Ok(Who::Known(self.sockets.caller(token).await?)),
            None => Ok(self.call.who.clone()),
        }
    }

    fn is_another_than_the_upgrades(&self, token: &PlainToken) -> bool {
        let line = self.call.request.request.headers().get(AUTHORIZATION);
        self.call.authorization == Authorization::Bearer && line.and_then(bearer) != Some(token.expose())
    }

    /// The backend's side of the socket. Of the client's request it gets the path and the headers that describe the client; no
    /// query string, in which some backends look for a token.
    async fn upgraded(self, who: Who) -> Result<Frames, Close> {
        let Self { sockets, dialect, mut call, mut next } = self;
        let request = &mut call.request.request;
        let path = request.uri().path().parse::<PathAndQuery>().map_err(|_| Close::NO_SOCKETS)?;
        *request.uri_mut() = path.into();
        let nonce = sockets.entropy.bytes().map_err(|_| Close::TRY_AGAIN)?;
        let accepts = handshake::offer(request.headers_mut(), dialect, nonce);
        call.who = who;
        let Ok(response) = next.call(call).await;
        let (parts, body) = response.into_parts();
        let ResponseBody::Switched(backend) = body else { return Err(Close::by_status(parts.status)) };
        if !accepts.is_met(&parts.headers) {
            return Err(Close::NO_SOCKETS);
        }
        let backend = backend.await.map_err(|_gone| Close::BACKEND_GONE)?;
        let largest = Largest::of_backend(LARGEST_RESULT, sockets.settings.max_message);
        // There it is the backend whose pings are answered.
        Ok(frames(backend, Counts::default(), Role::Client, largest).await)
    }
}

impl Sockets {
    /// Whom a token of `connection_init` speaks for.
    async fn caller(&self, token: &PlainToken) -> Result<Principal, Close> {
        let caller = self.authenticator.authenticate(token.expose(), AuthMethod::Bearer).map_err(|why| match why {
            TokenError::Expired => Close::TOKEN_EXPIRED,
            TokenError::Malformed | TokenError::Revoked => Close::FORBIDDEN,
        })?;
        let verdict = match self.standings.look(Shown::Token(caller)) {
            Look::Now(verdict) => verdict,
            Look::Later(verdict) => verdict.await,
        };
        match Who::from(verdict) {
            Who::Known(caller) => Ok(caller),
            Who::Anonymous | Who::Expired(_) => Err(Close::FORBIDDEN),
            Who::Unconfirmed(_) => Err(Close::TRY_AGAIN),
        }
    }

    /// A socket lasts no longer than the token by which it was opened: there is no way to bring another one. A session's cookie
    /// is good as long as its session.
    fn life_of(&self, who: &Who, call: &Identified) -> Life {
        let life = self.life(who, call);
        let Who::Known(caller) = who else { return life };
        let by_session = caller.method == AuthMethod::Cookie && self.jar.hides_tokens();
        life.at_most((!by_session).then(|| caller.expires.since(self.clock.now())))
    }
}

/// Waits for the backend to agree, and gives its words.
async fn acknowledged(backend: &mut Frames, dialect: Dialect) -> Result<String, Close> {
    loop {
        let text = match backend.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(frame))) => return Err(Close::by_backend(frame)),
            Some(Ok(Message::Binary(_)) | Err(_)) | None => return Err(Close::BACKEND_GONE),
        };
        match (heard(text.as_str()), dialect) {
            (BackendMessage::Ack, _) => return Ok(text.as_str().to_owned()),
            (BackendMessage::ConnectionError, _) => return Err(Close::FORBIDDEN),
            (BackendMessage::Ping, Dialect::Current) => {
                let pong = Message::text(json!({ "type": "pong" }).to_string());
                backend.send(pong).await.map_err(|_gone| Close::BACKEND_GONE)?;
            }
            // `ka` of the older protocol may come before.
            (BackendMessage::Ping | BackendMessage::Said(_) | BackendMessage::Ended(_) | BackendMessage::Other, _) => {}
        }
    }
}
