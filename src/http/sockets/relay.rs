//! A conversation that both sides have agreed to: messages to and fro, the client's looked into.
//!
//! Three things go on at once: the client is read, the backend is read, the client is written to. Between the last two is a
//! short queue. A client that takes nothing stops the backend, a backend that takes nothing stops the client, and neither
//! of it keeps the socket from ending.
//!
//! A client is asked at fixed times whether it is there, however much it is told in between: one that only listens says
//! nothing but that it is. It is asked for every so many pings of its own, too, and not read until the question is in the
//! queue: so one that takes no answers is stopped.

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use futures_util::{
    Sink, SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    Sockets,
    close::Close,
    frames::{Frames, GOODBYE, Heard, PINGS, next_of},
    life::{End, Life},
    operations::{Addressed, Operations, Unable},
};
use crate::{
    graphql::{
        BackendMessage, ClientMessage, Dialect, Settled,
        socket::{heard, readdressed},
    },
    http::credentials::Who,
};

/// Messages for a client that wait until it has taken those before.
const QUEUE: usize = 4;

/// What is the same for both directions.
pub(super) struct Relay {
    pub(super) sockets: Rc<Sockets>,
    pub(super) dialect: Dialect,
    pub(super) operations: Operations,
    /// By whom operations are asked for, as far as is known now.
    pub(super) who: RefCell<Who>,
}

impl Relay {
    /// Relays until it is over, and tells what the client is to hear; `None` when it has said goodbye or is gone.
    pub(super) async fn run(&self, client: &mut Frames, backend: &mut Frames, life: &mut Life) -> Option<Close> {
        let (mut to_client, from_client) = client.split();
        let (to_backend, from_backend) = backend.split();
        let (outbox, mut queue) = mpsc::channel(QUEUE);
        let over = life.over(self.operations.none(), |caller| *self.who.borrow_mut() = Who::Known(caller));
        let end = tokio::select! {
            biased;
            end = over => end,
            close = self.hear_client(from_client, to_backend, &outbox) => return close,
            close = self.write(&mut queue, &mut to_client) => return close,
            never = self.hear_backend(from_backend, &outbox) => match never {},
        };
        if matches!(end, End::Stopping | End::Replaced) {
            say_the_rest(&mut queue, &mut to_client).await;
        }
        Some(end.into())
    }

    async fn hear_client(
        &self,
        mut client: SplitStream<&mut Frames>,
        mut backend: SplitSink<&mut Frames, Message>,
        outbox: &mpsc::Sender<Message>,
    ) -> Option<Close> {
        let patience = self.sockets.settings.ping_interval * 2;
        let mut pings = 0_usize;
        loop {
            let text = match next_of(&mut client, patience).await {
                Ok(Heard::Text(text)) => text,
                Ok(Heard::Ping) => {
                    pings += 1;
                    if pings.is_multiple_of(PINGS) {
                        let _ = outbox.send(ask()).await;
                    }
                    continue;
                }
                Err(close) => return close,
            };
            let message = match self.judge(&text) {
                Ok(Judged::Forward(message)) => message,
                Ok(Judged::Refuse(message)) => {
                    let _ = outbox.send(message.into()).await;
                    continue;
                }
                Ok(Judged::Ignore) => continue,
                Err(close) => return Some(close),
            };
            match backend.send(message.into()).await {
                Ok(()) => {}
                Err(Error::WriteBufferFull(_)) => {
                    tracing::warn!("a backend's socket takes nothing, and asks whether the gateway is there");
                    return Some(Close::BACKEND_STUCK);
                }
                // Why it takes nothing any more, the other direction hears.
                Err(_gone) => return std::future::pending().await,
            }
        }
    }

    /// What becomes of a client's message.
    fn judge(&self, text: &str) -> Result<Judged, Close> {
        let (dialect, limit) = (self.dialect, self.sockets.settings.max_operations);
        match dialect.read(text).ok_or(Close::INVALID)? {
            ClientMessage::Init(_) => Err(Close::SECOND_INIT),
            ClientMessage::Terminate => Err(Close::NORMAL),
            ClientMessage::Beat(beat) => Ok(Judged::Forward(beat)),
            // It may have ended a moment ago.
            ClientMessage::Stop(id) => Ok(match self.operations.stop(&id) {
                Some(own) => Judged::Forward(dialect.stopped(&own)),
                None => Judged::Ignore,
            }),
            ClientMessage::Start(operation) => match self.operations.may_begin(&operation.id, limit) {
                Err(Unable::Duplicate) => Err(Close::DUPLICATE_ID),
                Err(Unable::TooMany) => {
                    let message = "Too many operations run on this socket.";
                    Ok(Judged::Refuse(dialect.refusal(&operation.id, message, "TOO_MANY_OPERATIONS")))
                }
                Ok(()) => {
                    let (id, own) = (operation.id.clone(), self.operations.id_for(&operation.id));
                    let who = self.who.borrow();
                    let Sockets { scanner, planner, .. } = &*self.sockets;
                    match dialect.settle(operation, &own, scanner, planner, who.as_asker()) {
                        Settled::Forward(message) => {
                            self.operations.begin(&id, own);
                            Ok(Judged::Forward(message))
                        }
                        Settled::Refuse(message) => Ok(Judged::Refuse(message)),
                    }
                }
            },
        }
    }

    /// Passes on what the backend says, as it says it but for ids; its goodbye, too, so that it comes behind what was said before.
    async fn hear_backend(&self, mut backend: SplitStream<&mut Frames>, outbox: &mpsc::Sender<Message>) -> Infallible {
        loop {
            let message = match backend.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Text(text))) => Message::Text(text),
                Some(Ok(Message::Close(frame))) => Message::Close(Some(Close::by_backend(frame).into())),
                Some(Ok(Message::Binary(_)) | Err(_)) | None => Message::Close(Some(Close::BACKEND_GONE.into())),
            };
            let said = match &message {
                Message::Text(text) => heard(text.as_str()),
                _ => BackendMessage::Other,
            };
            let is_last = message.is_close();
            if let Some(message) = self.addressed(message, &said) {
                let _ = outbox.send(message).await;
            }
            if let BackendMessage::Ended(id) = said {
                self.operations.end(&id);
            }
            if is_last {
                return std::future::pending().await;
            }
        }
    }

    /// A message for the client, as it calls the operation that it is about; `None` where that is none of its any more.
    fn addressed(&self, message: Message, said: &BackendMessage) -> Option<Message> {
        match (self.operations.address(said), message) {
            (Addressed::AsItIs, message) => Some(message),
            (Addressed::To(id), Message::Text(text)) => readdressed(text.as_str(), &id).map(Message::text),
            (Addressed::To(_) | Addressed::Nobody, _) => None,
        }
    }

    /// Writes what is queued, and asks the client every now and then whether it is there.
    async fn write(
        &self,
        queue: &mut mpsc::Receiver<Message>,
        client: &mut SplitSink<&mut Frames, Message>,
    ) -> Option<Close> {
        let every = self.sockets.settings.ping_interval;
        let mut times = tokio::time::interval_at(Instant::now() + every, every);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                biased;
                _ = times.tick() => ask(),
                queued = queue.recv() => match queued {
                    Some(Message::Close(frame)) => return Some(Close::by_backend(frame)),
                    Some(message) => message,
                    None => return None,
                },
            };
            if client.send(message).await.is_err() {
                return None;
            }
        }
    }
}

/// Asks the client whether it is there.
const fn ask() -> Message {
    Message::Ping(bytes::Bytes::new())
}

/// Writes what is still queued: the last result of the last operation may have come a moment ago. A client that takes nothing
/// is not waited for.
async fn say_the_rest(queue: &mut mpsc::Receiver<Message>, client: &mut (impl Sink<Message> + Unpin)) {
    let _ = tokio::time::timeout(GOODBYE, async {
        while let Ok(message) = queue.try_recv()
            && client.send(message).await.is_ok()
        {}
    })
    .await;
}

/// What becomes of a client's message.
enum Judged {
    /// The backend gets this one.
    Forward(String),
    /// The client gets this one.
    Refuse(String),
    Ignore,
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use tokio::sync::mpsc;
    use tokio_tungstenite::tungstenite::Message;

    use super::say_the_rest;

    #[tokio::test]
    async fn a_client_that_takes_nothing_holds_up_no_stop() {
        let (outbox, mut queue) = mpsc::channel(2);
        for text in ["one", "two"] {
            outbox.try_send(Message::text(text)).unwrap();
        }
        let takes_nothing = |(), _: Message| std::future::pending::<Result<(), Infallible>>();
        let mut client = Box::pin(futures_util::sink::unfold((), takes_nothing));
        let said = say_the_rest(&mut queue, &mut client);
        tokio::time::timeout(Duration::from_secs(30), said).await.unwrap();
    }
}
