//! The backend's tokens of a user, good for now.
//!
//! A refresh token may be good only once, and a backend may end the whole session of one that comes twice. So who renews says
//! so first, in what all gateways share, by a step that only one of them can make; the others go on with the token that is
//! still good, or wait for the new one. Where a gateway dies in between, another one tries after a while; if the token was
//! used by then, the user logs in again.

use std::time::Duration;

use super::{
    UpstreamDirectory,
    answer::{Payload, Root},
    client::About,
    error::Failure,
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
            let now = self.clock.now();
            if now < tokens.renew() && !is_refused(&tokens) {
                return Ok(Some(tokens));
            }
            let is_good = now < tokens.expires && !is_refused(&tokens);
            if tokens.renewing.is_some_and(|until| now < until) {
                if is_good {
                    return Ok(Some(tokens));
                }
                if waited >= patience {
                    return Err(Failure::Renewing(patience));
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
        let claimed = Tokens { renewing: Some(self.clock.now().after(self.lease())), ..tokens.clone() };
        if !self.vault.put(id, version, claimed.text()?).await? {
            return Ok(None);
        }
        let over = version + 1;
        match self.exchange(id, &refresh, &tokens).await {
            Ok(Exchanged::New(new)) => {
                tracing::debug!(user = %id, "the backend's tokens were renewed");
                // A login that was faster has brought newer ones.
                Ok(self.vault.put(id, over, new.text()?).await?.then_some(Some(*new)))
            }
            Ok(Exchanged::Refused) => {
                tracing::info!(user = %id, "the backend takes its tokens of this user no more");
                Ok(self.vault.put(id, over, Tokens::none()).await?.then_some(None))
            }
            Err(failure) => {
                // Whether the token was used nobody knows; the next one finds out.
                self.vault.put(id, over, tokens.text()?).await?;
                if is_good {
                    let error = &failure as &dyn std::error::Error;
                    tracing::warn!(user = %id, error, "the backend's tokens could not be renewed yet");
                    return Ok(Some(Some(tokens)));
                }
                Err(failure)
            }
        }
    }

    async fn exchange(&self, id: &UserId, refresh: &PlainToken, before: &Tokens) -> Result<Exchanged, Failure> {
        let variables = serde_json::json!({ "token": refresh.expose() });
        let secrets = [refresh.expose()];
        let payload = match self.ask(About::Session, &self.documents.refresh, variables, None, None, &secrets).await? {
            Root::Object(object) => Payload::read(object)?,
            Root::Null(errors) => {
                return self.refusal(&errors, &secrets).map(|()| Exchanged::Refused);
            }
        };
        if payload.ok == Some(false) {
            return Ok(Exchanged::Refused);
        }
        let access = payload.token.ok_or(Failure::Lacks("token"))?;
        let user = match payload.user {
            Some(user) if user::read(&user)?.id != *id => return Err(Failure::OtherUser),
            Some(user) => user,
            None => before.user.clone(),
        };
        // A backend that gives no new one goes on with the old one.
        let refresh = payload.refresh.or_else(|| Some(refresh.clone()));
        Ok(Exchanged::New(Box::new(Tokens::obtained(self.clock.now(), access, refresh, payload.expires, user))))
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
        self.client.timeout() * 2
    }
}
