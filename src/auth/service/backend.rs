//! Logins where the backend checks passwords.
//!
//! Whoever logs in is counted as everywhere ([`Throttle`](crate::auth::throttle)), and what reaches the backend once more
//! ([`Guard`](crate::auth::backend::Guard)). Nobody is known by name before the backend has said yes, so a device that has
//! logged in before is counted as any other.
//!
//! The backend's yes is a right password, no more: the gateway's own second factors come after it. Where the backend wants a
//! code of its own, its challenge is held in one of the gateway's, good for as long and as many tries as any; its yes to the
//! code is a second factor, and opens the session.

use super::{
    Attempt, CompleteMfaLogin, Entry, Grant, Login, Refusal, Secret, Service,
    mfa::{LIFETIME, TRIES},
    unavailable,
};
use crate::{
    auth::backend::{BackendPasswords, HeldChallenge, Passage},
    directory::{BackendEntry, Credentials, FactorShown, Unanswered},
    model::{Account, ClientInfo, EncodedPassword, PlainToken, UserId},
    store::{Challenge, ChallengeKey, NewChallenge, UserTag},
};

impl Service {
    /// A login that the backend is asked about.
    pub(super) async fn log_in_at_backend(&self, backend: &BackendPasswords, login: Login) -> Result<Entry, Refusal> {
        let Login { username, password, devices, client } = login;
        let ticket = self.0.throttle.admit(Attempt::Login { name: &username }, &client).await?;
        let asked = self.show_password(backend, &username, password, &client).await;
        let (ticket, entry) = ticket.after(asked).await?;
        if matches!(entry, BackendEntry::Refused) {
            ticket.failed();
            return Err(Refusal::InvalidCredentials);
        }
        ticket.succeeded().await;
        match entry {
            BackendEntry::In(account) if account.user.is_active => self.enter(*account, client, &devices).await,
            BackendEntry::In(_) | BackendEntry::Refused => Err(Refusal::InvalidCredentials),
            BackendEntry::SetupDue => Err(Refusal::SetupAtBackend),
            BackendEntry::FactorDue(challenge) => {
                let token = self.hold(backend, &username, &challenge, client.device_name).await?;
                Ok(Entry::FactorDue(token))
            }
        }
    }

    /// Whether the backend takes this password of an account's, shown once more.
    pub(super) async fn is_right_at_backend(
        &self,
        backend: &BackendPasswords,
        account: &Account,
        password: Secret,
        client: &ClientInfo,
    ) -> Result<bool, Refusal> {
        match self.show_password(backend, &account.user.username, password, client).await? {
            BackendEntry::In(other) => Ok(other.user.id == account.user.id),
            // The password was right: the backend asks for more.
            BackendEntry::FactorDue(_) | BackendEntry::SetupDue => Ok(true),
            BackendEntry::Refused => Ok(false),
        }
    }

    async fn show_password(
        &self,
        backend: &BackendPasswords,
        username: &str,
        password: Secret,
        client: &ClientInfo,
    ) -> Result<BackendEntry, Refusal> {
        let passage = backend.guard.enter(&*self.0.entropy).await?;
        let credentials = Credentials { username: username.to_owned(), password, client: client.ip };
        settle(passage, backend.login.log_in(credentials).await).await
    }

    /// Begins the second half of a login whose code the backend checks. Whose account it is the backend has not said: the
    /// store has a mark of the name.
    async fn hold(
        &self,
        backend: &BackendPasswords,
        username: &str,
        challenge: &PlainToken,
        device_name: Option<String>,
    ) -> Result<PlainToken, Refusal> {
        let entropy = &*self.0.entropy;
        let name = EncodedPassword::new(username.to_lowercase());
        let user = UserId::new(format!("login:{}", self.0.marks.of(&UserId::new("login"), &name)));
        let id = entropy.bytes().map_err(unavailable("drawing a challenge id"))?;
        let key = ChallengeKey { tag: UserTag::of(&user), id };
        let token =
            backend.challenges.mint(key, challenge, entropy).map_err(unavailable("minting a challenge token"))?;
        let password = self.0.marks.of(&user, &EncodedPassword::default());
        let challenge = Challenge { user, password, device_name, tries_left: TRIES, proven: false };
        let new = NewChallenge { key, challenge, token: token.hash(), lifetime: LIFETIME };
        self.0.challenges.begin(new).await.map_err(unavailable("storing a challenge"))?;
        tracing::info!("a login waits for a second factor of the backend's");
        Ok(token)
    }

    /// Ends the second half.
    pub(super) async fn complete_at_backend(
        &self,
        backend: &BackendPasswords,
        command: CompleteMfaLogin,
    ) -> Result<Grant, Refusal> {
        let CompleteMfaLogin { challenge: token, code, client, .. } = command;
        let HeldChallenge { key, challenge } = backend.challenges.read(&token).ok_or(Refusal::InvalidChallenge)?;
        let hash = token.hash();
        let found = self.0.challenges.find(key, hash).await.map_err(unavailable("looking up a challenge"))?;
        let Challenge { user, password, .. } = found.ok_or(Refusal::InvalidChallenge)?;
        let ticket = self.0.throttle.admit(Attempt::Code { user: &user, password }, &client).await?;
        let tried = self.0.challenges.attempt(key, hash).await.map_err(unavailable("counting a try"));
        let (ticket, tried) = ticket.after(tried).await?;
        let waiting = tried.ok_or(Refusal::InvalidChallenge)?;
        let (ticket, entry) = ticket.after(self.show_code(backend, challenge, code, &client).await).await?;
        let account = match entry {
            BackendEntry::In(account) if account.user.is_active => *account,
            BackendEntry::In(_) | BackendEntry::Refused | BackendEntry::FactorDue(_) => {
                tracing::warn!(tries_left = waiting.tries_left, "the backend refuses a code");
                ticket.failed();
                return Err(Refusal::InvalidCode);
            }
            BackendEntry::SetupDue => return Err(Refusal::SetupAtBackend),
        };
        let session = self.session_id()?;
        let consumed = self.0.challenges.consume(key, hash, session).await;
        if !consumed.map_err(unavailable("using up a challenge"))? {
            return Err(Refusal::InvalidChallenge);
        }
        ticket.succeeded().await;
        let client = ClientInfo { device_name: waiting.device_name, ..client };
        self.open_session(session, account, client, true).await
    }

    async fn show_code(
        &self,
        backend: &BackendPasswords,
        challenge: PlainToken,
        code: Secret,
        client: &ClientInfo,
    ) -> Result<BackendEntry, Refusal> {
        let passage = backend.guard.enter(&*self.0.entropy).await?;
        settle(passage, backend.login.complete(FactorShown { challenge, code, client: client.ip }).await).await
    }
}

/// Tells the guard what the backend has made of a question.
async fn settle(passage: Passage<'_>, answer: Result<BackendEntry, Unanswered>) -> Result<BackendEntry, Refusal> {
    let window = passage.window();
    match &answer {
        // A backend that blocks is not to be asked again so soon.
        Ok(BackendEntry::Refused) | Err(Unanswered::Blocked | Unanswered::Failed { may_count: true, .. }) => {
            passage.failed();
        }
        Ok(BackendEntry::In(_) | BackendEntry::FactorDue(_) | BackendEntry::SetupDue)
        | Err(Unanswered::Failed { may_count: false, .. }) => passage.succeeded().await,
    }
    answer.map_err(|unanswered| match unanswered {
        Unanswered::Blocked => {
            tracing::error!(
                "the backend blocks logins that come from the gateway; set `[directory] max_failures` below what it \
                 allows, or have it believe X-Forwarded-For"
            );
            Refusal::RateLimited(window)
        }
        failed @ Unanswered::Failed { .. } => unavailable("asking the backend for a login")(failed),
    })
}
