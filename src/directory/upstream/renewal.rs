//! The backend's tokens of a user, good for now.
//!
//! A refresh token may be good only once, and a backend may end the whole session of one that comes twice. So who renews says
//! so first, in what all gateways share, by a step that only one of them can make; the others go on with the token that is
//! still good, or wait for the new one. Where a gateway dies in between, another one tries after a while; if the token was
//! used by then, the user logs in again. Where the backend was asked and gave no answer, nobody asks again for a while: each
//! further try could be the second use of a token.
//!
//! New tokens are kept before anything else: the one that they were got by is spent. Those that came without their user are
//! shown to nobody until `me` has said whose they are.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Seen, UpstreamDirectory,
    answer::{Payload, Root},
    client::About,
    error::Failure,
    failed,
    kept::Tokens,
    user,
};
use crate::{
    directory::KeptText,
    model::{PlainToken, UserId},
};

/// How often a step is made anew because another one was faster.
const ATTEMPTS: u32 = 64;

/// How long somebody waits before looking again whether another one is done.
const PAUSE: Duration = Duration::from_millis(25);

/// How long somebody waits who could not keep new tokens.
const BREATH: Duration = Duration::from_millis(250);

/// How long one gateway has at least to renew tokens before another one tries.
const LEASE: Duration = Duration::from_secs(30);

/// How long nobody asks again where it is not known whether a refresh token was used.
const BACK_OFF: Duration = Duration::from_secs(5);

/// What came of showing a refresh token.
enum Exchanged {
    New(Box<Tokens>),
    Refused,
}

impl UpstreamDirectory {
    /// The user's tokens; `None` when there are none, and none to be had without a login. `refused`: an access token that the
    /// backend takes no more, whatever it says of its end.
    pub(super) async fn current(&self, id: &UserId, refused: Option<&PlainToken>) -> Result<Option<Tokens>, Failure> {
        let is_refused = |tokens: &Tokens| refused.is_some_and(|token| token.expose() == tokens.access.expose());
        // Whoever renews is done by then, or dead.
        let patience = self.lease();
        let (mut waited, mut attempts) = (Duration::ZERO, 0);
        while attempts < ATTEMPTS {
            let Some((version, tokens)) = self.kept(id).await? else { return Ok(None) };
            if !tokens.verified {
                self.verify(id, version, tokens).await?;
                attempts += 1;
                continue;
            }
            let now = self.clock.now();
            if now < tokens.renew() && !is_refused(&tokens) {
                return Ok(Some(tokens));
            }
            let is_good = now < tokens.expires && !is_refused(&tokens);
            if tokens.renewing.is_some_and(|until| now < until) {
                if is_good {
                    return Ok(Some(tokens));
                }
                if tokens.failed || waited >= patience {
                    return Err(if tokens.failed { Failure::BackOff } else { Failure::Renewing(patience) });
                }
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
                continue;
            }
            if let Some(outcome) = self.renew(id, version, tokens, is_good).await? {
                return Ok(outcome);
            }
            attempts += 1;
        }
        Err(Failure::Contended(ATTEMPTS))
    }

    /// Asks whose tokens these are, before anybody is shown them.
    async fn verify(&self, id: &UserId, version: u64, tokens: Tokens) -> Result<(), Failure> {
        let seen = self.look(id, &tokens).await;
        let text = match &seen {
            Ok(Seen::User(_)) => Tokens { verified: true, ..tokens }.text()?,
            Ok(Seen::Nobody) | Err(Failure::OtherUser) => Tokens::none(),
            Err(_) => return seen.map(drop),
        };
        // Where others were faster, theirs is looked at.
        self.vault.put(id, version, text).await?;
        seen.map(drop)
    }

    /// Renews tokens, if nobody else is faster; else `None`.
    async fn renew(
        &self,
        id: &UserId,
        version: u64,
        tokens: Tokens,
        is_good: bool,
    ) -> Result<Option<Option<Tokens>>, Failure> {
        let Some(refresh) = tokens.refresh.clone() else {
            // There is nothing to renew them by. They go on until they run out.
            if is_good {
                return Ok(Some(Some(tokens)));
            }
            return Ok(self.vault.put(id, version, Tokens::none()).await?.then_some(None));
        };
        let (lease, end) = (self.lease(), Instant::now() + self.lease());
        let claimed = Tokens { renewing: Some(self.clock.now().after(lease)), failed: false, ..tokens.clone() };
        if !self.vault.put(id, version, claimed.text()?).await? {
            return Ok(None);
        }
        let over = version + 1;
        match self.exchange(id, &refresh, &tokens).await {
            Ok(Exchanged::New(new)) => {
                tracing::debug!(user = %id, "the backend's tokens were renewed");
                // A login that was faster has brought newer ones.
                let is_kept = self.keep_until(end, id, over, &new).await?;
                Ok((is_kept && new.verified).then_some(Some(*new)))
            }
            Ok(Exchanged::Refused) => {
                tracing::info!(user = %id, "the backend takes its tokens of this user no more");
                // The access token is good to its end all the same, unless the backend says otherwise when it is shown.
                let left = is_good.then(|| Tokens { refresh: None, renewing: None, ..tokens });
                let text = left.as_ref().map_or_else(|| Ok(Tokens::none()), Tokens::text)?;
                Ok(self.vault.put(id, over, text).await?.then_some(left))
            }
            Err(failure) => {
                // Whether the token was used nobody knows, unless the backend was never asked.
                let until = failure.may_be_counted().then(|| self.clock.now().after(BACK_OFF));
                let kept = Tokens { renewing: until, failed: until.is_some(), ..tokens };
                self.vault.put(id, over, kept.text()?).await?;
                if is_good {
                    log(id, &failure, "the backend's tokens could not be renewed yet");
                    return Ok(Some(Some(kept)));
                }
                Err(failure)
            }
        }
    }

    /// Keeps new tokens, however often that fails before this gateway's time is over: there are no others any more.
    async fn keep_until(&self, end: Instant, id: &UserId, over: u64, new: &Tokens) -> Result<bool, Failure> {
        loop {
            match self.vault.put(id, over, new.text()?).await {
                Err(error) if Instant::now() < end => {
                    log(id, &error, "the backend's new tokens could not be kept yet");
                    tokio::time::sleep(BREATH).await;
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn exchange(&self, id: &UserId, refresh: &PlainToken, before: &Tokens) -> Result<Exchanged, Failure> {
        let variables = serde_json::json!({ "token": refresh.expose() });
        let secrets = [refresh.expose()];
        let payload = match self.ask(About::Session, &self.documents.refresh, variables, None, None, &secrets).await? {
            Root::Object(object) => Payload::read(object)?,
            Root::Null(errors) if self.is_about_the_caller(&errors) => return Ok(Exchanged::Refused),
            // An outage ends nobody's session.
            Root::Null(errors) => return Err(failed(&errors, &secrets)),
        };
        if payload.ok == Some(false) {
            return if self.says_blocked(&payload) { Err(Failure::Throttled) } else { Ok(Exchanged::Refused) };
        }
        let access = payload.token.ok_or(Failure::Lacks("token"))?;
        let (user, verified) = match payload.user {
            Some(user) if user::read(&user)?.id != *id => return Err(Failure::OtherUser),
            Some(user) => (user, true),
            None => (before.user.clone(), false),
        };
        // A backend that gives no new one goes on with the old one.
        let refresh = payload.refresh.or_else(|| Some(refresh.clone()));
        let new = Tokens::obtained(self.clock.now(), access, refresh, payload.expires, user);
        Ok(Exchanged::New(Box::new(Tokens { verified, ..new })))
    }

    /// Keeps the tokens of a login in place of whatever is kept.
    pub(super) async fn keep(&self, id: &UserId, tokens: &Tokens) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let version = self.vault.version(id).await?;
            if self.vault.put(id, version, tokens.text()?).await? {
                return Ok(());
            }
        }
        Err(Failure::Contended(ATTEMPTS))
    }

    /// Forgets tokens that the backend takes no more, unless others have come since.
    pub(super) async fn forget(&self, id: &UserId, tokens: &Tokens) -> Result<(), Failure> {
        if let Some((version, kept)) = self.kept(id).await?
            && kept.access.expose() == tokens.access.expose()
        {
            self.vault.put(id, version, Tokens::none()).await?;
        }
        Ok(())
    }

    async fn kept(&self, id: &UserId) -> Result<Option<(u64, Tokens)>, Failure> {
        let Some(KeptText { version, text }) = self.vault.get(id).await? else { return Ok(None) };
        Ok(Tokens::read(&text)?.map(|tokens| (version, tokens)))
    }

    /// How long one gateway may take to renew tokens before another one tries.
    fn lease(&self) -> Duration {
        (self.client.timeout() * 2).max(LEASE)
    }
}

fn log(user: &UserId, error: &(dyn std::error::Error + 'static), what: &'static str) {
    tracing::warn!(%user, error, "{what}");
}
