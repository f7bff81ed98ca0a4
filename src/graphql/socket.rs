//! GraphQL over WebSocket: what clients say in the two subprotocols, and what becomes of an operation that is begun so.
//!
//! | | begins | ends | results | of a connection |
//! |---|---|---|---|---|
//! | `graphql-transport-ws` | `subscribe` | `complete` | `next`, `error`, `complete` | `connection_init`, `ping`, `pong` |
//! | `graphql-ws`, the older one | `start` | `stop` | `data`, `error`, `complete` | `connection_init`, `connection_terminate` |
//!
//! A message is read as strictly as a request's body: one with a key twice, at whatever depth, is none. An operation that is
//! clean goes on as the client wrote it, any other in canonical form; the message around it is always made anew. Auth
//! operations and introspection are for HTTP: over a socket no cookie can be set, and no answer is made here.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{
    Admits, Answer, Carries, Encoding, Plan, Planner, Scanner,
    envelope::{self, Members},
};
use crate::model::Asker;

/// Longest id of an operation in bytes; it is kept as long as the operation runs.
const LONGEST_ID: usize = 256;

/// A subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `graphql-transport-ws`, of the package `graphql-ws`.
    Current,
    /// `graphql-ws`, of the package `subscriptions-transport-ws`.
    Older,
}

/// What a client says. Its `Debug` shows no payload: credentials may be in there.
pub enum ClientMessage {
    /// `connection_init`, with its payload.
    Init(Map<String, Value>),
    /// An operation is to begin.
    Start(Operation),
    /// The one with this id is to end.
    Stop(String),
    /// `ping` or `pong`, as it goes on.
    Beat(String),
    /// `connection_terminate`
    Terminate,
}

impl std::fmt::Debug for ClientMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Init(_) => f.write_str("Init([redacted])"),
            Self::Start(operation) => f.debug_tuple("Start").field(operation).finish(),
            Self::Stop(id) => f.debug_tuple("Stop").field(id).finish(),
            Self::Beat(_) => f.write_str("Beat([redacted])"),
            Self::Terminate => f.write_str("Terminate"),
        }
    }
}

/// An operation that is to begin. Its `Debug` shows nothing of it: passwords may be in there.
pub struct Operation {
    /// How the client calls it.
    pub id: String,
    /// The payload as the client wrote it; no key of it is there twice.
    text: String,
    members: Members,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operation([redacted])")
    }
}

/// What becomes of an operation.
#[derive(Debug)]
pub enum Settled {
    /// The backend gets this message.
    Forward(String),
    /// The client gets this one.
    Refuse(String),
}

/// What a backend says, as far as the gateway has to know.
#[derive(Debug, PartialEq, Eq)]
pub enum BackendMessage {
    /// `connection_ack`
    Ack,
    /// `connection_error`
    ConnectionError,
    /// `ping`
    Ping,
    /// Something about the operation with this id, which goes on.
    Said(String),
    /// The operation with this id is over.
    Ended(String),
    /// Anything else.
    Other,
}

impl Dialect {
    /// By its name in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Current, Self::Older].into_iter().find(|dialect| dialect.name() == name)
    }

    /// Its name in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "graphql-transport-ws",
            Self::Older => "graphql-ws",
        }
    }

    const fn start(self) -> &'static str {
        match self {
            Self::Current => "subscribe",
            Self::Older => "start",
        }
    }

    const fn stop(self) -> &'static str {
        match self {
            Self::Current => "complete",
            Self::Older => "stop",
        }
    }

    /// Reads a message; `None` when it is none of this subprotocol, or could be read in two ways.
    #[must_use]
    pub fn read(self, text: &str) -> Option<ClientMessage> {
        let (mut kind, mut id, mut payload) = (None, None, None);
        for (key, value, written) in envelope::message(text).ok()? {
            match (key.as_str(), value) {
                ("type", Value::String(text)) => kind = Some(text),
                ("id", Value::String(text)) if !text.is_empty() && text.len() <= LONGEST_ID => id = Some(text),
                ("type" | "id", _) => return None,
                ("payload", value) => payload = Some((value, written)),
                _ => {}
            }
        }
        match (kind?.as_str(), self) {
            ("connection_init", _) => init(payload.map(|(value, _)| value)),
            ("connection_terminate", Self::Older) => Some(ClientMessage::Terminate),
            (kind @ ("ping" | "pong"), Self::Current) => Some(ClientMessage::Beat(beat(kind, payload))),
            (kind, _) if kind == self.start() => Some(ClientMessage::Start(operation(id?, payload?)?)),
            (kind, _) if kind == self.stop() => id.map(ClientMessage::Stop),
            _ => None,
        }
    }

    /// What becomes of an operation that this one asks for, and that the backend is to know by the id `own`.
    #[must_use]
    pub fn settle(
        self,
        operation: Operation,
        own: &str,
        scanner: &Scanner,
        planner: &Planner,
        asker: Asker<'_>,
    ) -> Settled {
        let Operation { id, text, members } = operation;
        if scanner.is_clean(Some(Encoding::Json), b"", text.as_bytes()) {
            return Settled::Forward(self.started(own, &text));
        }
        let answer = match envelope::request(members) {
            Ok(request) => match planner.plan(&request, Carries::All, Admits::Everything, asker) {
                Plan::Forward => {
                    let canonical = String::from_utf8_lossy(&request.to_json()).into_owned();
                    return Settled::Forward(self.started(own, &canonical));
                }
                Plan::Run(_) => return Settled::Refuse(self.refusal(&id, HTTP_ONLY, "HTTP_ONLY")),
                Plan::Refuse(answer) => answer,
            },
            Err(answer) => answer,
        };
        Settled::Refuse(self.failed(&id, errors_of(&answer)))
    }

    /// Ends the backend's operation with this id.
    #[must_use]
    pub fn stopped(self, id: &str) -> String {
        json!({ "id": id, "type": self.stop() }).to_string()
    }

    /// Tells the client that its operation was not begun, with a message for people and a code for programs.
    #[must_use]
    pub fn refusal(self, id: &str, message: &str, code: &str) -> String {
        self.failed(id, vec![json!({ "message": message, "extensions": { "code": code } })])
    }

    fn started(self, id: &str, payload: &str) -> String {
        format!(r#"{{"id":{},"type":"{}","payload":{payload}}}"#, Value::from(id), self.start())
    }

    /// The older protocol has room for one error.
    fn failed(self, id: &str, errors: Vec<Value>) -> String {
        let payload = match self {
            Self::Current => Value::Array(errors),
            Self::Older => errors.into_iter().next().unwrap_or_default(),
        };
        json!({ "id": id, "type": "error", "payload": payload }).to_string()
    }
}

const HTTP_ONLY: &str = "Auth operations and introspection are answered over HTTP: send this document by POST.";

/// Reads what matters of a backend's message.
#[must_use]
pub fn heard(text: &str) -> BackendMessage {
    #[derive(Deserialize)]
    struct Head {
        r#type: String,
        id: Option<String>,
    }
    match serde_json::from_str(text) {
        Ok(Head { r#type, id }) => match (r#type.as_str(), id) {
            ("connection_ack", _) => BackendMessage::Ack,
            ("connection_error", _) => BackendMessage::ConnectionError,
            ("ping", _) => BackendMessage::Ping,
            ("complete" | "error", Some(id)) => BackendMessage::Ended(id),
            (_, Some(id)) => BackendMessage::Said(id),
            (_, None) => BackendMessage::Other,
        },
        Err(_) => BackendMessage::Other,
    }
}

/// A message of the backend's with this id in place of its own; `None` for what is no such message.
#[must_use]
pub fn readdressed(text: &str, id: &str) -> Option<String> {
    let mut members: IndexMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let id = to_raw_value(id).ok()?;
    *members.get_mut("id")? = &id;
    serde_json::to_string(&members).ok()
}

fn init(payload: Option<Value>) -> Option<ClientMessage> {
    match payload {
        None | Some(Value::Null) => Some(ClientMessage::Init(Map::new())),
        Some(Value::Object(payload)) => Some(ClientMessage::Init(payload)),
        Some(_) => None,
    }
}

fn operation(id: String, (payload, written): (Value, &str)) -> Option<Operation> {
    let Value::Object(payload) = payload else { return None };
    Some(Operation { id, text: written.to_owned(), members: payload.into_iter().collect() })
}

fn beat(kind: &str, payload: Option<(Value, &str)>) -> String {
    match payload {
        Some((payload, _)) => json!({ "type": kind, "payload": payload }).to_string(),
        None => json!({ "type": kind }).to_string(),
    }
}

fn errors_of(answer: &Answer) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body.get("errors").and_then(Value::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;
