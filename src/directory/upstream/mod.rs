//! The backend itself as the directory: its own `login` checks passwords, and its own `me` says who a user is today.
//!
//! ```toml
//! [directory]
//! kind = "upstream"
//! ```
//!
//! All that is needed is the backend's URL. What it hands out at a login is kept (`kept.rs`), shown to it when it is asked for
//! the user, and renewed before it runs out (`renewal.rs`). A user whose tokens it takes no more, and renews no more, is nobody
//! here: sessions end.
//!
//! What is not known this way:
//! - who logs in by a name, without the password: nobody is found by name
//! - the password column: a session doesn't see that the password was changed. It ends when the backend ends its own tokens,
//!   or says that the user is inactive
//! - what a user may do, where the backend's `me` doesn't say it: that is as of the last login or renewal

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderValue, Uri};
use serde_json::{Value, json};

use self::{
    answer::{Payload, Problem, Root, words},
    client::{About, Client, Endpoint, Question},
    documents::Documents,
    error::Failure,
    kept::Tokens,
};
use super::{
    BackendEntry, BackendLogin, BackendToken, BackendTokens, Credentials, Directory, DirectoryError, FactorShown,
    TokenVault, Unanswered,
};
use crate::model::{
    Account, AccountState, Candidate, Clock, EncodedPassword, Meter, PlainToken, Timestamp, User, UserId,
};

mod answer;
pub(crate) mod client;
mod documents;
pub(crate) mod error;
mod kept;
mod renewal;
mod user;

pub use client::Tls;
pub use documents::{SecondFactor, Wording};

/// Largest answer of the backend's to what is asked here.
const ANSWER_LIMIT: usize = 1 << 20;

/// Where the backend's login is, and what it is asked.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Scheme, host and port.
    pub url: Uri,
    /// How TLS is spoken with it; `None`: it is spoken to in clear.
    pub tls: Option<Tls>,
    /// Of its GraphQL endpoint that is open to all.
    pub path: String,
    /// What stands in `Host`; `None`: as in `url`.
    pub host: Option<String>,
    /// One question's time, connecting included.
    pub timeout: Duration,
    /// Questions at once.
    pub max_connections: usize,
    /// How the backend calls things.
    pub wording: Wording,
    /// A text that is in the backend's refusal when it has counted too many failures, in lower case; empty: it never says so.
    pub blocked: String,
    /// Texts of which one is in the backend's error when it doesn't know who asks, or takes a token no more; in lower case.
    pub unauthenticated: Vec<String>,
}

/// A directory that asks the backend. It belongs on a runtime with I/O and time.
#[derive(Debug)]
pub struct UpstreamDirectory {
    client: Client,
    documents: Documents,
    blocked: String,
    unauthenticated: Vec<String>,
    vault: Arc<dyn TokenVault>,
    clock: Arc<dyn Clock>,
}

/// What the backend's `me` says by a token.
enum Seen {
    User(Box<User>),
    /// The token is good for nothing.
    Nobody,
}

impl UpstreamDirectory {
    /// Connects to nothing.
    #[must_use]
    pub fn new(settings: UpstreamSettings, vault: Arc<dyn TokenVault>, clock: Arc<dyn Clock>) -> Self {
        let UpstreamSettings { url, tls, path, host, timeout, max_connections, wording, blocked, unauthenticated } =
            settings;
        let authority = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let host = HeaderValue::from_str(host.as_deref().unwrap_or(authority));
        let host = host.unwrap_or_else(|_| HeaderValue::from_static(""));
        let client = Client::new(
            Endpoint { url: &url, tls, path: &path, host, answer_limit: ANSWER_LIMIT },
            timeout,
            max_connections,
        );
        Self { client, documents: Documents::new(&wording), blocked, unauthenticated, vault, clock }
    }

    /// How long what it is asked takes.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.client.meter)
    }

    async fn ask(
        &self,
        about: About,
        document: &str,
        variables: Value,
        bearer: Option<&PlainToken>,
        client: Option<std::net::IpAddr>,
        secrets: &[&str],
    ) -> Result<Root, Failure> {
        let body = json!({ "query": document, "variables": variables }).to_string().into_bytes();
        let answer = self.client.ask(Question { about, body, bearer, client }).await?;
        answer::root(&answer, about, secrets)
    }

    /// Nothing in place of a payload is a refusal; an error is one where the backend has no other way to say so.
    fn refusal(&self, errors: &[Problem], secrets: &[&str]) -> Result<(), Failure> {
        if errors.iter().any(Problem::is_throttled) || (self.documents.says_ok && !errors.is_empty()) {
            return Err(failed(errors, secrets));
        }
        tracing::debug!(why = %words(errors, secrets), "the backend refuses without a payload");
        Ok(())
    }

    async fn enter(
        &self,
        document: &str,
        variables: Value,
        client: Option<std::net::IpAddr>,
        secrets: &[&str],
    ) -> Result<BackendEntry, Failure> {
        let payload = match self.ask(About::Credentials, document, variables, None, client, secrets).await? {
            Root::Object(object) => Payload::read(object)?,
            Root::Null(errors) => return self.refusal(&errors, secrets).map(|()| BackendEntry::Refused),
        };
        if payload.ok == Some(false) {
            return if self.says_blocked(&payload) { Err(Failure::Throttled) } else { Ok(BackendEntry::Refused) };
        }
        if payload.setup_due {
            return Ok(BackendEntry::SetupDue);
        }
        if payload.factor_due {
            return Ok(BackendEntry::FactorDue(payload.challenge.ok_or(Failure::Lacks("challenge"))?));
        }
        let access = match payload.token {
            Some(access) => access,
            // It has no other way to say no without an error.
            None if !self.documents.says_ok => return Ok(BackendEntry::Refused),
            None => return Err(Failure::Lacks("token")),
        };
        let shown = payload.user.ok_or(Failure::Lacks("user"))?;
        let user = user::read(&shown)?;
        let tokens = Tokens::obtained(self.clock.now(), access, payload.refresh, payload.expires, shown);
        self.keep(&user.id, &tokens).await?;
        Ok(BackendEntry::In(Box::new(account(user))))
    }

    /// The backend doesn't know who asks: it says nothing else.
    fn is_about_the_caller(&self, errors: &[Problem]) -> bool {
        errors.iter().all(|error| error.is_about_the_caller(&self.unauthenticated))
    }

    fn says_blocked(&self, payload: &Payload) -> bool {
        !self.blocked.is_empty() && payload.errors.iter().any(|error| error.to_lowercase().contains(&self.blocked))
    }

    /// The user behind these tokens, as the backend has it now.
    async fn look(&self, id: &UserId, tokens: &Tokens) -> Result<Seen, Failure> {
        let secrets = [tokens.access.expose()];
        let said =
            self.ask(About::Session, &self.documents.me, json!({}), Some(&tokens.access), None, &secrets).await?;
        let now = match said {
            Root::Object(now) => now,
            Root::Null(errors) if self.is_about_the_caller(&errors) => return Ok(Seen::Nobody),
            Root::Null(errors) => return Err(failed(&errors, &secrets)),
        };
        if user::read(&now)?.id != *id {
            return Err(Failure::OtherUser);
        }
        // What only the payload says stands as it was said last.
        let mut whole = tokens.user.clone();
        whole.extend(now);
        Ok(Seen::User(Box::new(user::read(&whole)?)))
    }

    async fn find(&self, id: &UserId) -> Result<Option<User>, Failure> {
        let Some(tokens) = self.current(id, None).await? else { return Ok(None) };
        if let Seen::User(user) = self.look(id, &tokens).await? {
            return Ok(Some(*user));
        }
        let Some(renewed) = self.current(id, Some(&tokens.access)).await? else { return Ok(None) };
        match self.look(id, &renewed).await? {
            Seen::User(user) => Ok(Some(*user)),
            Seen::Nobody => {
                self.forget(id, &renewed).await?;
                Ok(None)
            }
        }
    }
}

/// What errors in place of an answer say where they say nothing of the caller.
fn failed(errors: &[Problem], secrets: &[&str]) -> Failure {
    if errors.iter().any(Problem::is_throttled) {
        return Failure::Throttled;
    }
    Failure::Failed(words(errors, secrets))
}

/// The password is the backend's to know.
fn account(user: User) -> Account {
    Account { user, password: EncodedPassword::default() }
}

#[async_trait]
impl Directory for UpstreamDirectory {
    /// The backend names nobody without the password.
    async fn candidate(&self, _username: &str) -> Result<Option<Candidate>, DirectoryError> {
        Ok(None)
    }

    async fn account_of(&self, id: &UserId) -> Result<Option<Account>, DirectoryError> {
        Ok(self.find(id).await?.map(account))
    }

    async fn state_of(&self, id: &UserId) -> Result<Option<AccountState>, DirectoryError> {
        let user = self.find(id).await?;
        Ok(user.map(|user| AccountState { is_active: user.is_active, password: EncodedPassword::default() }))
    }

    /// The backend's own login notes itself.
    async fn record_login(&self, _id: &UserId, _at: Timestamp) -> Result<(), DirectoryError> {
        Ok(())
    }
}

#[async_trait]
impl BackendLogin for UpstreamDirectory {
    async fn log_in(&self, credentials: Credentials) -> Result<BackendEntry, Unanswered> {
        let Credentials { username, password, client } = credentials;
        let variables = json!({ "username": username, "password": password.expose() });
        Ok(self.enter(&self.documents.login, variables, client, &[password.expose(), username.as_str()]).await?)
    }

    async fn complete(&self, shown: FactorShown) -> Result<BackendEntry, Unanswered> {
        let Some(document) = &self.documents.complete else { return Ok(BackendEntry::Refused) };
        let FactorShown { challenge, code, client } = shown;
        let variables = json!({ "code": code.expose(), "challenge": challenge.expose() });
        Ok(self.enter(document, variables, client, &[challenge.expose(), code.expose()]).await?)
    }
}

#[async_trait]
impl BackendTokens for UpstreamDirectory {
    async fn token_of(&self, user: &UserId) -> Result<Option<BackendToken>, DirectoryError> {
        let tokens = self.current(user, None).await?;
        Ok(tokens.map(|tokens| BackendToken { renew: tokens.renew(), token: tokens.access }))
    }
}
