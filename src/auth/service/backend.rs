//! Logins where the backend checks passwords.
//!
//! Whoever logs in is counted as everywhere ([`Throttle`](crate::auth::throttle)), and what reaches the backend once more
//! ([`Guard`](crate::auth::backend::Guard)). What was shown to the backend and has no answer is a failure in both: the backend
//! may have counted it, and who can bring that about at will must not guess for nothing.
//!
//! Nobody is known by name before the backend has said yes. So a device that has logged in before is known at the name by which
//! it did, letter by letter, and only where users log in by that name.
//!
//! The backend's yes is a right password, no more: the gateway's own second factors come after it. Where the backend wants a
//! code of its own, its challenge is held in one of the gateway's, good for as long and as many tries as any; its yes to the
//! code is a second factor, and opens the session.

use super::{
    Attempt, CompleteMfaLogin, Entry, Grant, Login, Refusal, Secret, Service, Ticket, mfa::Waits, refused_because,
    unavailable,
};
use crate::{
    auth::{
        audit,
        backend::{BackendPasswords, HeldChallenge, Passage},
        throttle::folded,
    },
    directory::{BackendEntry, Credentials, FactorShown, Unanswered},
    model::{Account, ClientInfo, EncodedPassword, PlainToken, UserId},
    store::{Challenge, ChallengeKey, UserTag},
};

/// Longest name that anybody has, in characters: of an address of mail (RFC 5321 §4.5.3.1.3). Django's names end sooner.
const LONGEST_NAME: usize = 254;

const ASKING: &str = "asking the backend for a login";

/// What came of showing the backend a credential.
pub(super) enum Shown {
    Answered(BackendEntry),
    /// It said neither yes nor no, and has counted a failure for all that is known.
    Lost(Refusal),
}

impl Service {
    /// A login that the backend is asked about.
    pub(super) async fn log_in_at_backend(&self, backend: &BackendPasswords, login: Login) -> Result<Entry, Refusal> {
        audit::about_nobody(self.0.marks.of_name(&login.username));
        let ticket = self.admit_at_backend(backend, &login).await?;
        let Login { username, password, devices, client } = login;
        if !may_be_a_name(&username) {
            ticket.failed();
            return Err(refused_because("a name that nobody has", Refusal::InvalidCredentials));
        }
        let asked = self.show_password(backend, &username, password, &client).await;
        let (ticket, shown) = ticket.after(asked).await?;
        let entry = match shown {
            Shown::Answered(BackendEntry::Refused) => {
                ticket.failed();
                return Err(refused_because("refused by the backend", Refusal::InvalidCredentials));
            }
            Shown::Lost(refusal) => {
                ticket.failed();
                return Err(refusal);
            }
            Shown::Answered(entry) => entry,
        };
        ticket.succeeded().await;
        match entry {
            BackendEntry::In(account) if account.user.is_active => {
                audit::about(&account.user.id);
                self.enter(*account, client, &devices).await
            }
            BackendEntry::In(_) | BackendEntry::Refused => {
                Err(refused_because("user is inactive", Refusal::InvalidCredentials))
            }
            BackendEntry::SetupDue => Err(Refusal::SetupAtBackend),
            BackendEntry::FactorDue(challenge) => {
                let token = self.hold(backend, &username, &challenge, client.device_name).await?;
                Ok(Entry::FactorDue(token))
            }
        }
    }

    /// Counts a login: by itself, where its device has logged in by this very name before.
    async fn admit_at_backend(&self, backend: &BackendPasswords, login: &Login) -> Result<Ticket<'_>, Refusal> {
        let (throttle, named, password) = (&self.0.throttle, self.named(&login.username), EncodedPassword::default());
        let mut shown = self.devices_shown(login);
        shown.retain(|device| backend.by_username && device.is_at(&named, &password));
        if let Some(ticket) = self.admit_known(&shown, &login.client).await? {
            return Ok(ticket);
        }
        throttle.admit(Attempt::Login { name: &login.username }, &login.client).await
    }

    /// What stands for the id of the account that has this name, where nobody but the backend knows which one that is. Names that are one
    /// to some databases are two here: nobody gets guesses at a name by having another one.
    pub(super) fn named(&self, username: &str) -> UserId {
        self.stand_in("known", username)
    }

    /// An id that shows nothing of the name that it is made of.
    fn stand_in(&self, what: &str, name: &str) -> UserId {
        UserId::new(format!("{what}:{}", self.0.marks.of_name(name)))
    }

    /// Shows the backend this password of an account's once more.
    pub(super) async fn is_right_at_backend(
        &self,
        backend: &BackendPasswords,
        account: &Account,
        password: Secret,
        client: &ClientInfo,
    ) -> Result<Result<bool, Refusal>, Refusal> {
        Ok(match self.show_password(backend, &account.user.username, password, client).await? {
            Shown::Answered(BackendEntry::In(other)) => Ok(other.user.id == account.user.id),
            // The password was right: the backend asks for more.
            Shown::Answered(BackendEntry::FactorDue(_) | BackendEntry::SetupDue) => Ok(true),
            Shown::Answered(BackendEntry::Refused) => Ok(false),
            Shown::Lost(refusal) => Err(refusal),
        })
    }

    /// # Errors
    /// When the backend was not asked.
    async fn show_password(
        &self,
        backend: &BackendPasswords,
        username: &str,
        password: Secret,
        client: &ClientInfo,
    ) -> Result<Shown, Refusal> {
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
        let user = self.stand_in("login", &folded(username));
        let id = entropy.bytes().map_err(unavailable("drawing a challenge id"))?;
        let key = ChallengeKey { tag: UserTag::of(&user), id };
        let token =
            backend.challenges.mint(key, challenge, entropy).map_err(unavailable("minting a challenge token"))?;
        let password = self.0.marks.of(&user, &EncodedPassword::default());
        self.begin_challenge(key, &token, Waits { user, password, device_name }).await?;
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
        let Challenge { user, password, .. } = self.kept_challenge(key, &token).await?;
        let ticket = self.0.throttle.admit(Attempt::Code { user: &user, password }, &client).await?;
        let (waiting, ticket) = self.count_try(key, &token, ticket).await?;
        let (ticket, shown) = ticket.after(self.show_code(backend, challenge, code, &client).await).await?;
        let account = match shown {
            Shown::Answered(BackendEntry::In(account)) if account.user.is_active => *account,
            Shown::Answered(BackendEntry::In(_) | BackendEntry::Refused | BackendEntry::FactorDue(_)) => {
                ticket.failed();
                return Err(refused_because("a code that the backend refuses", Refusal::InvalidCode));
            }
            Shown::Answered(BackendEntry::SetupDue) => return Err(Refusal::SetupAtBackend),
            Shown::Lost(refusal) => {
                ticket.failed();
                return Err(refusal);
            }
        };
        audit::about(&account.user.id);
        let session = self.use_challenge_up(key, &token).await?;
        ticket.succeeded().await;
        let client = ClientInfo { device_name: waiting.device_name, ..client };
        self.open_session(session, account, client, true).await
    }

    /// # Errors
    /// When the backend was not asked.
    async fn show_code(
        &self,
        backend: &BackendPasswords,
        challenge: PlainToken,
        code: Secret,
        client: &ClientInfo,
    ) -> Result<Shown, Refusal> {
        let passage = backend.guard.enter(&*self.0.entropy).await?;
        settle(passage, backend.login.complete(FactorShown { challenge, code, client: client.ip }).await).await
    }
}

/// Tells the guard what the backend has made of a question.
async fn settle(passage: Passage<'_>, answer: Result<BackendEntry, Unanswered>) -> Result<Shown, Refusal> {
    let window = passage.window();
    match answer {
        Ok(BackendEntry::Refused) => {
            passage.failed();
            Ok(Shown::Answered(BackendEntry::Refused))
        }
        Ok(entry @ (BackendEntry::In(_) | BackendEntry::FactorDue(_) | BackendEntry::SetupDue)) => {
            passage.succeeded().await;
            Ok(Shown::Answered(entry))
        }
        Err(Unanswered::Blocked) => {
            // It is not to be asked again so soon.
            passage.failed();
            tracing::error!(
                "the backend blocks logins that come from the gateway; set `[directory] max_failures` below what it \
                 allows, or have it believe X-Forwarded-For"
            );
            Ok(Shown::Lost(refused_because("the backend blocks the gateway", Refusal::RateLimited(window))))
        }
        Err(failed @ Unanswered::Failed { may_count: true, .. }) => {
            passage.failed();
            Ok(Shown::Lost(unavailable(ASKING)(failed)))
        }
        Err(failed @ Unanswered::Failed { may_count: false, .. }) => {
            passage.succeeded().await;
            Err(unavailable(ASKING)(failed))
        }
    }
}

/// Whether anybody may be called so. A backend may fail over any other name, and what it makes of that nobody knows.
fn may_be_a_name(username: &str) -> bool {
    !username.chars().any(char::is_control) && username.chars().count() <= LONGEST_NAME
}
