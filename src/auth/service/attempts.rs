//! How often an account's codes and passwords may be tried.
//!
//! Each attempt is counted before it is made, at the account, by the store that all gateways share; the right one clears the
//! count. The tenth wrong one in a row begins a pause, each further one doubles it, up to a day. NIST SP 800-63B-4 §3.2.2
//! allows a hundred in a row. Of a million codes three are right at a time for each authenticator, so who knows the password
//! and guesses nine codes between two logins of the owner's, once a day, finds one in a hundred years on average.
//!
//! During a pause the right code counts for nothing either, so who knows the password can keep its owner out, but for
//! devices that are trusted. Another password is another count, and ends that. So is another first key of the gateway's.

use std::time::Duration;

use super::{Account, Refusal, Service, UserTag, unavailable};
use crate::store::{Admission, Budget, ThrottleKey};

const BUDGET: Budget = Budget {
    free: 10,
    first_delay: Duration::from_secs(30),
    longest_delay: Duration::from_secs(24 * 60 * 60),
    forget: Duration::from_secs(7 * 24 * 60 * 60),
    regain: None,
    limit: None,
};

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A code of a second factor, or a backup code.
    Code,
    /// The password, once more, by who is logged in.
    Password,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Password => "password",
        }
    }
}

impl Service {
    /// Counts an attempt that is about to be made.
    pub(super) async fn admit(&self, account: &Account, what: What) -> Result<(), Refusal> {
        let admission = self.0.throttle.admit(&self.count_of(account, what), BUDGET).await;
        match admission.map_err(unavailable("counting an attempt"))? {
            Admission::Admitted => Ok(()),
            Admission::Refused { retry_after } => {
                tracing::warn!(user = %account.user.id, what = what.name(), "too many attempts");
                Err(Refusal::RateLimited(retry_after))
            }
        }
    }

    /// Forgets attempts after the right one, which stands also where that fails.
    pub(super) async fn forgive(&self, account: &Account, what: What) {
        let forgiven = self.0.throttle.forgive(&self.count_of(account, what)).await;
        let _logged = forgiven.map_err(unavailable("forgetting attempts"));
    }

    fn count_of(&self, account: &Account, what: What) -> ThrottleKey {
        let name = format!("{}:{}", what.name(), self.mark(account));
        ThrottleKey { tag: UserTag::of(&account.user.id), name }
    }
}
