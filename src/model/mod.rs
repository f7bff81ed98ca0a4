//! The words the rest of the code speaks: identifiers, secrets, instants, users and their second factors, sessions, the
//! caller and what rules ask of one, the names of auth operations, the language of people, places in traces, what is audited, where a
//! Redis is; and numbers that are counted.
//!
//! Nothing here does I/O, reads the wall clock or draws random numbers; [`Clock`] and [`Entropy`] are the two
//! doors through which time and randomness come in, and only the composition root opens the real ones.

mod audit;
mod entropy;
mod factor;
mod horizon;
mod id;
mod language;
mod meter;
mod owned;
mod policy;
mod principal;
mod redis;
mod secret;
mod session;
mod time;
mod trace;
mod user;

pub use audit::{AuditEvent, AuditSink, Step};
pub use entropy::{Entropy, NoEntropy, SystemEntropy};
pub use factor::{
    Activate, Activation, DeviceId, Factor, FactorKind, HashedCode, KeptCode, NewFactor, NewTrust, PendingFactor,
    TrustedDevice,
};
pub use horizon::Horizon;
pub use id::{RequestId, SessionId, UserId};
pub use language::Language;
pub use meter::{BOUNDS, Count, Distribution, Histogram, Meter};
pub use owned::{OWNED_FIELDS, OwnedAlias};
pub use policy::{Access, Asker, Demands, FieldRule, OperationKind, Shortfall, StepUp};
pub use principal::{AuthMethod, Principal};
pub use redis::{RedisAddress, RedisAddressError, RedisLogin, RedisNode, RedisTopology};
pub use secret::{PlainToken, Secret, TokenHash};
pub use session::{ClientInfo, NoMark, PasswordMark, Session, SessionExpiry};
pub use time::{Clock, SystemClock, Timestamp};
pub use trace::{TraceContext, is_tracestate};
pub use user::{Account, AccountState, Candidate, EncodedPassword, Permission, Role, User};
