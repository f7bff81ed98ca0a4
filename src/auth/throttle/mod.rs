//! How often credentials may be tried: one throttle, which every check of one goes through.
//!
//! An attempt is counted before it is made, by the store that all gateways share, so that many at once are no more than may
//! be made. It is counted as a failure; its [`Ticket`] is then told how it ended. A login counts three times:
//!
//! | at | spent by | a success | for |
//! |---|---|---|---|
//! | the account, from this address | a few mistakes | clears it | one address can't use up the account's budget |
//! | the account, by folded name and by user id | guesses from many addresses | clears it | NIST SP 800-63B-4 §3.2.2: a hundred in a row at most |
//! | the address, whatever the account | one password tried on many accounts | takes itself off, no more | spraying |
//!
//! The narrow one comes first, and what refuses an attempt takes it off those before: nobody is slowed down for what was not
//! tried. An address gets attempts back in time, so an office behind one is not slowed down by a month of typing errors; and
//! no login of its own clears it, since who sprays has an account, too. Names are folded as the most generous collation
//! would; where a directory is more generous still, the id holds. An unknown name has an id made up for it, so that it costs
//! what a known one does. The hundredth failure in a row locks the account for a week, or until it is unlocked.
//!
//! So anybody can lock an account. Its owner comes in all the same from a device that has logged in before (OWASP, Device
//! Cookies): that has a budget of its own at that account, and is refused by no other. Its guesses count nowhere else, and
//! its success clears nothing else, or the owner's daily login would give whoever guesses another round.
//!
//! Codes of second factors, and passwords asked for once more, count at the account by themselves, and at the address with
//! the logins, where they are refused by nothing: who shows a code has shown the password, and strangers at the same address
//! keep nobody out. A password asked for once more counts with the logins of its account, too. Ten wrong ones in a row begin a pause, which doubles up to a day: of a million codes three are right at a
//! time for each authenticator, so who knows the password and guesses nine codes between two logins of the owner's, once a
//! day, finds one in a hundred years on average. Another password is another count, so that who knew the old one
//! keeps nobody out; but a hundred codes in a row are too many whatever the password, since a hash that is made anew is
//! another one, too.
//!
//! A refresh token that nobody could have made up is no guess, and never throttled. Others, and those that are refused, are
//! counted at their address, apart from logins: a page that repeats a dead one must not keep its office out.
//!
//! Who makes an account is counted at the address with the logins, whatever comes of it.
//!
//! In the store, names and addresses are MACs under the first of the gateway's keys; what is counted at a user's id lies beside
//! the user's other records. Another first key begins the counts of names and addresses anew.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    Refusal, audit,
    tokens::{KeyRing, KnownDevice},
    unavailable,
};
use crate::{
    model::{ClientInfo, PasswordMark, UserId},
    store::{Admission, Budget, StoreError, ThrottleKey, ThrottleStore},
};

mod names;
mod ticket;

use names::Names;
pub(crate) use names::folded;
pub use ticket::Ticket;

/// How long an attempt is remembered. No delay is longer.
const FORGET: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many in a row there may be at an account (NIST SP 800-63B-4 §3.2.2).
const IN_A_ROW: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Of codes, and of passwords asked for once more.
const ONCE_MORE: Budget = Budget {
    free: 10,
    first_delay: Duration::from_secs(30),
    longest_delay: Duration::from_secs(24 * 60 * 60),
    forget: FORGET,
    regain: None,
    limit: Some(IN_A_ROW),
};

/// What the audit log is told of one too many.
const BY_CLIENT: &str = "too many attempts at the account from the address";
const AT_ACCOUNT: &str = "too many attempts at the account";
const BY_DEVICE: &str = "too many attempts at the account by a known device";
const BY_ADDRESS: &str = "too many attempts from the address";

/// How many attempts are free, and how the others are slowed down.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleLimits {
    /// Wrong passwords at one account before a delay.
    pub account_attempts: u32,
    /// The same from one address.
    pub client_attempts: u32,
    /// Failures from one address, at whatever accounts.
    pub address_attempts: u32,
    /// An address gets one back each time that so long has passed.
    pub address_regain: Duration,
    /// Wrong passwords by one known device at its account.
    pub device_attempts: u32,
    /// The first delay; each further one is twice as long.
    pub first_delay: Duration,
    /// The longest.
    pub longest_delay: Duration,
}

/// What is about to be tried.
#[derive(Clone, Copy, Debug)]
pub enum Attempt<'a> {
    /// A login to the account of this name, which [`Ticket::at`] adds the account to when it has been looked up.
    Login {
        /// As it was typed.
        name: &'a str,
    },
    /// A login to its account by a device that has logged in there before.
    Known(&'a KnownDevice),
    /// A code of a second factor, or a backup code.
    Code {
        /// Whose.
        user: &'a UserId,
        /// Of the password by which the code is asked for.
        password: PasswordMark,
    },
    /// The password, once more, by who is logged in.
    Password {
        /// Whose.
        user: &'a UserId,
        /// Of that password.
        password: PasswordMark,
    },
    /// A refresh token that somebody could have made up.
    Refresh,
    /// An account that somebody makes.
    Registration,
}

/// Counts attempts, and refuses those that are too many.
#[derive(Debug)]
pub struct Throttle {
    store: Arc<dyn ThrottleStore>,
    names: Names,
    limits: ThrottleLimits,
}

/// Where an attempt is counted.
#[derive(Debug)]
struct Count {
    key: ThrottleKey,
    budget: Budget,
    at_success: AtSuccess,
    /// What the audit log is told of one more.
    too_many: &'static str,
    /// One more is none too many, only counted for others.
    refuses_nobody: bool,
}

impl Count {
    /// For who has shown a password already: what strangers do at the same address doesn't keep them out.
    fn that_refuses_nobody(self) -> Self {
        Self { refuses_nobody: true, ..self }
    }
}

/// What a success makes of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtSuccess {
    Cleared,
    OneLess,
}

impl Throttle {
    /// Counts in `store`, under names that the first of these keys makes.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, keys: &KeyRing, limits: ThrottleLimits) -> Self {
        Self { store, names: Names::new(keys), limits }
    }

    /// Counts an attempt that is about to be made by `client`, wherever it counts.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when it is one too many somewhere, and [`Refusal::Unavailable`] when the store can't tell: it
    /// must not be made, and is counted nowhere.
    pub async fn admit(&self, attempt: Attempt<'_>, client: &ClientInfo) -> Result<Ticket<'_>, Refusal> {
        let mut ticket = Ticket::new(self);
        for count in self.counts(attempt, client.ip) {
            ticket = ticket.count(count).await?;
        }
        Ok(ticket)
    }

    /// Counts an attempt that has failed, without having been asked whether it may be made.
    pub async fn note(&self, attempt: Attempt<'_>, client: &ClientInfo) {
        for count in self.counts(attempt, client.ip) {
            let counted = self.store.admit(&count.key, count.budget).await;
            let _logged = counted.map_err(unavailable("counting an attempt"));
        }
    }

    /// Forgets what was counted at an account: under this name, and under the id that it has, if there is such an account.
    ///
    /// # Errors
    /// When the store can't tell; some of it may be forgotten then.
    pub async fn unlock(&self, name: &str, user: Option<&UserId>) -> Result<(), StoreError> {
        let (by_name, by_id) = (self.names.of_name(name), self.names.of_account(user, name));
        self.store.forgive_all(by_name.tag, FORGET).await?;
        self.store.forgive_all(by_id.tag, FORGET).await
    }

    /// The narrowest first.
    fn counts(&self, attempt: Attempt<'_>, address: Option<IpAddr>) -> Vec<Count> {
        let at_address = || self.at_address(self.names.of_address(address));
        let once_more = |key| Count {
            key,
            budget: ONCE_MORE,
            at_success: AtSuccess::Cleared,
            too_many: AT_ACCOUNT,
            refuses_nobody: false,
        };
        match attempt {
            Attempt::Login { name } => {
                let by_client =
                    self.at_account(self.names.of_client(name, address), self.limits.client_attempts, BY_CLIENT);
                let by_name = self.at_account(self.names.of_name(name), self.limits.account_attempts, AT_ACCOUNT);
                vec![by_client, by_name, at_address()]
            }
            Attempt::Known(device) => {
                vec![self.at_account(Names::of_device(device), self.limits.device_attempts, BY_DEVICE)]
            }
            Attempt::Code { user, password } => {
                let in_a_row = Budget { free: IN_A_ROW.get(), ..ONCE_MORE };
                let whatever_password = Count { budget: in_a_row, ..once_more(Names::of_codes(user)) };
                vec![
                    once_more(Names::of("code", user, password)),
                    whatever_password,
                    at_address().that_refuses_nobody(),
                ]
            }
            Attempt::Password { user, password } => {
                let at_account = self.names.of_account(Some(user), "");
                let at_account = self.at_account(at_account, self.limits.account_attempts, AT_ACCOUNT);
                vec![once_more(Names::of("password", user, password)), at_account, at_address().that_refuses_nobody()]
            }
            Attempt::Refresh => vec![self.at_address(self.names.of_refreshes(address))],
            Attempt::Registration => vec![at_address()],
        }
    }

    fn at_account(&self, key: ThrottleKey, free: u32, too_many: &'static str) -> Count {
        let limit = NonZeroU32::new(free).map_or(IN_A_ROW, |free| free.max(IN_A_ROW));
        let budget = Budget { limit: Some(limit), ..self.budget(free) };
        Count { key, budget, at_success: AtSuccess::Cleared, too_many, refuses_nobody: false }
    }

    fn at_address(&self, key: ThrottleKey) -> Count {
        let budget = Budget { regain: Some(self.limits.address_regain), ..self.budget(self.limits.address_attempts) };
        Count { key, budget, at_success: AtSuccess::OneLess, too_many: BY_ADDRESS, refuses_nobody: false }
    }

    const fn budget(&self, free: u32) -> Budget {
        let ThrottleLimits { first_delay, longest_delay, .. } = self.limits;
        Budget { free, first_delay, longest_delay, forget: FORGET, regain: None, limit: None }
    }

    /// Whether the attempt was counted there, which one that is refused isn't.
    async fn counts_at(&self, count: &Count) -> Result<bool, Refusal> {
        let admission = self.store.admit(&count.key, count.budget).await;
        match admission.map_err(unavailable("counting an attempt"))? {
            Admission::Admitted => Ok(true),
            Admission::Refused { .. } if count.refuses_nobody => Ok(false),
            Admission::Refused { retry_after } => {
                audit::because(count.too_many);
                Err(Refusal::RateLimited(retry_after))
            }
        }
    }
}

#[cfg(test)]
mod tests;
