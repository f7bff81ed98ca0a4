//! Who has to have a second factor, and for how long things about it hold.

use std::time::Duration;

use crate::model::User;

/// Who has to have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nobody, and none is asked for.
    Off,
    /// Nobody; who has one is asked for it.
    Optional,
    /// Staff and superusers.
    Staff,
    /// Everybody.
    All,
}

impl Policy {
    /// Whether this user has to have one.
    #[must_use]
    pub const fn requires(self, user: &User) -> bool {
        match self {
            Self::Off | Self::Optional => false,
            Self::Staff => user.is_staff || user.is_superuser,
            Self::All => true,
        }
    }

    /// Whether a user who has one is asked for it.
    #[must_use]
    pub fn asks(self) -> bool {
        self != Self::Off
    }
}

/// The rules of second factors.
#[derive(Clone, Debug)]
pub struct MfaRules {
    /// Who has to have one.
    pub policy: Policy,
    /// By whose name authenticators show the account.
    pub issuer: String,
    /// How long after a login factors may be changed.
    pub fresh_login: Duration,
    /// How long a device may be trusted; `None`: not at all.
    pub trusted_devices: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use crate::auth::fakes::OneUser;

    #[test]
    fn staff_are_those_who_enter_the_admin_site_or_may_do_everything() {
        let nobody = OneUser::john_himself();
        let staff = crate::model::User { is_staff: true, ..nobody.clone() };
        let superuser = crate::model::User { is_superuser: true, ..nobody.clone() };
        let asked = |policy: Policy| [&nobody, &staff, &superuser].map(|user| policy.requires(user));
        assert_eq!(asked(Policy::Off), [false; 3]);
        assert_eq!(asked(Policy::Optional), [false; 3]);
        assert_eq!(asked(Policy::Staff), [false, true, true]);
        assert_eq!(asked(Policy::All), [true; 3]);
    }
}
