//! What the gateway does about GraphQL: finds auth operations in a request, checks them, runs them, answers.
//!
//! Nothing here knows HTTP. A transport hands in bytes or a decoded [`Request`] and gets an [`Answer`] back.
//!
//! - [`auth.graphql`](schema): the one source of what is owned; validation and execution derive from it
//! - [`scan`]: tells in one pass whether a request could run an owned field under any reading
//! - [`envelope`]: strict readers of the envelopes that carry a document: JSON, form, query string, bare document
//! - `document`: a lexer of ours, then the parser; what the two read differently is refused
//! - [`backend`]: the backend, as whatever takes a request of the gateway's own
//! - `introspection`: the backend's schema with what is owned, as clients see it
//! - `excerpt`: documents for it, made of the client's own text
//! - `validate`: the rules of the GraphQL specification, as far as owned fields go
//! - [`rules`]: which root fields are for whom
//! - [`plan`]: decides what happens to a document, and turns owned fields into commands
//! - [`socket`]: what is said over WebSockets
//! - [`execute`]: runs the owned fields of a plan and shapes the answer
//! - [`compare`]: holds what the backend answered against what the gateway would have
//! - `error`: entries of `errors`, and answers that hold nothing else

use std::time::Duration;

use crate::{
    auth::Grant,
    model::{ClientInfo, Language, PlainToken, Principal, Shortfall},
};

pub mod backend;
pub mod compare;
mod document;
pub mod envelope;
mod error;
mod excerpt;
pub mod execute;
mod introspection;
pub mod plan;
pub mod rules;
pub mod scan;
pub mod schema;
pub mod socket;
mod validate;

pub use backend::{Backend, Errand, Said, Whom};
pub use compare::Discrepancy;
pub use envelope::{Encoding, Entry, Request, Variables, batch_to_json, decode, decode_batch, is_batch};
pub use error::extensions;
pub use execute::{Ran, relay, run};
pub use introspection::{Difference, Surface, Untold};
pub use plan::{Admits, BatchPlan, Carries, Limits, Owned, Plan, Planned, Planner, Task};
pub use rules::FieldRules;
pub use scan::Scanner;
pub use socket::{BackendMessage, ClientMessage, Dialect, Operation, Settled};

/// Who asks, as the transport knows it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The verified caller, if the request had one.
    pub principal: Option<Principal>,
    /// It came with a credential that may be good, but nobody can tell now, nor whose it is.
    pub is_unconfirmed: bool,
    /// It is to get no tokens in the answer: it keeps its session by a cookie that it can't read.
    pub sees_no_tokens: bool,
    /// Whom the request's access token spoke for before it ran out. A logout ends that session; nothing else counts it.
    pub expired: Option<Principal>,
    /// The refresh token from the cookie, if the request had one.
    pub refresh_cookie: Option<PlainToken>,
    /// The tokens of a trusted and a known device from their cookies, as far as the request had them.
    pub device_cookies: Vec<PlainToken>,
    /// Address and user agent.
    pub client: ClientInfo,
    /// In which people read why a command was refused.
    pub language: Language,
    /// What `register` comes to.
    pub registration: Registration,
}

/// What `register` comes to, where it is the gateway's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// The backend makes the account, and the gateway opens the session.
    #[default]
    Adopt,
    /// The backend makes the account, and nobody is logged in.
    Create,
    /// Nothing.
    Refuse,
}

/// An answer made by the gateway itself.
#[derive(Debug)]
pub struct Answer {
    /// The JSON body: `{"data": …}`, `{"errors": […]}` or both.
    pub body: Vec<u8>,
    /// How it ended, for the transport to translate.
    pub outcome: Outcome,
    /// What becomes of the client's session cookies.
    pub session: SessionChange,
    /// How long the client is to wait before it tries again, where an attempt was one too many; the longest of several.
    pub retry_after: Option<Duration>,
}

/// How a request that the gateway answered ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was executed; errors of single fields are in the body.
    Executed,
    /// It is not a valid GraphQL request; nothing ran.
    Invalid,
    /// A mutation in a transport that carries queries only (GET).
    QueryOnly,
    /// A dependency was out of reach; trying again later is sensible.
    Unavailable,
    /// The caller lacks this for one of its fields; nothing ran.
    Refused(Shortfall),
}

/// What an answer does to the client's session cookies.
#[derive(Debug, Default)]
pub enum SessionChange {
    /// Nothing.
    #[default]
    Keep,
    /// A session was opened or refreshed: set them.
    Open(Box<Grant>),
    /// The session was ended: delete them.
    Close,
}
