//! Everything that speaks HTTP.
//!
//! A request passes through a stack of tower services, one file each; [`stack`] puts them in order and says why each
//! stands where it does. Each stage takes a type of its own, so that a stage can't be left out or put in the wrong place:
//! what has not been through `hygiene` has no canonical path, and what has not been through `credentials` has no caller.
//!
//! One single-threaded runtime per core: listeners, stack and upstream connections of a core belong to it alone, and
//! nothing in this room is `Send`. Only the handles to the services (commands, bearer) are shared. The exception is [`admin`],
//! which lives with the services.
//!
//! - [`server`], [`listener`]: threads, addresses, connections, graceful stop; [`tls`]: certificates
//! - [`stack`]: the tower stack
//! - [`admin`]: what operators and their machines ask about the gateway itself
//! - `access`: what is told of each request; [`counts`]: what is counted
//! - `hygiene`: framing, path and headers have one reading
//! - `published`: what the gateway tells everybody
//! - `cors`: who may read what the gateway answers itself
//! - `routes`: what is asked of callers at a path
//! - `credentials`, `csrf`, `require`: who calls, and whether that is enough
//! - `forward_auth`: the questions of other proxies
//! - `sockets`, `drain`, `in_force`: WebSockets, and the end of what outlives its request; `keepalive`: connections that nobody ends
//! - `graphql`, `upload`: answers auth operations, passes the rest on
//! - `shadow`: looks on while the backend answers
//! - `identity`, `forwarded`, `upstream`: what the backend is told, and the way there
//! - `request_id`: what each request is called; `trailers`: what may come behind a body
//! - `stage`, `reply`: what a stage is, and what it returns; `cookies`, `respond`, `refusal`, `body`: the pieces they share

mod access;
pub mod admin;
mod body;
mod cookies;
mod cors;
pub mod counts;
mod credentials;
mod csrf;
mod drain;
mod forward_auth;
mod forwarded;
mod graphql;
mod hygiene;
mod identity;
mod in_force;
mod keepalive;
pub mod listener;
mod published;
mod refusal;
mod reply;
mod request_id;
mod require;
mod respond;
mod routes;
pub mod server;
mod shadow;
mod sockets;
pub mod stack;
mod stage;
pub mod tls;
mod trailers;
mod upload;
mod upstream;

pub use access::Spans;
pub use published::KeySet;
pub use server::{Door, Endpoint, Generation, Running, Server, Telling};
pub use shadow::Tally as ShadowTally;
pub use sockets::Places;
pub use stack::Parts;
