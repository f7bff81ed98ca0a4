//! What a rule asks of a caller, and what a caller lacks of it.
//!
//! A route of HTTP and a root field of GraphQL ask for the same things. Roles and permissions are those of the caller's
//! credential or standing, as the directory lists them: a superuser has every permission that the directory knows, as in
//! Django, and no role that isn't listed.

use std::{sync::Arc, time::Duration};

use super::{Principal, Timestamp};

/// What a caller has to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// One of these roles; none are asked for if it is empty.
    pub roles: Vec<String>,
    /// All of these permissions, as Django names them: `app.codename`.
    pub permissions: Vec<String>,
    /// A session in which a second factor was shown.
    pub mfa: bool,
    /// Credentials shown no longer ago than this.
    pub max_auth_age: Option<Duration>,
}

/// Who may use something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, known or not.
    Open,
    /// Callers who have all of this.
    Known(Demands),
    /// Nobody.
    Denied,
}

/// Who asks, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Nobody that the gateway knows.
    Nobody,
    /// The holder of a credential, of whom nobody can tell now whether it still counts.
    Unconfirmed,
    /// A verified caller.
    Known(&'a Principal),
}

/// Why a rule lets somebody not through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Nobody is known.
    Unauthenticated,
    /// Whether the caller still counts can't be told now.
    Unconfirmed,
    /// A role or a permission is missing, which another login would not bring.
    Forbidden,
    /// The caller has to log in again, in this way.
    StepUp(StepUp),
    /// It is for nobody.
    Denied,
}

/// What a new login has to bring (RFC 9470).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// A second factor.
    pub mfa: bool,
    /// It has to be no longer ago than this.
    pub max_auth_age: Option<Duration>,
}

impl Demands {
    /// Whether anybody who is known has all of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this caller has all of it now.
    ///
    /// # Errors
    /// What is missing. Roles and permissions come first: no login helps who lacks them.
    pub fn check(&self, caller: &Principal, now: Timestamp) -> Result<(), Shortfall> {
        let has = |list: &Option<Arc<[String]>>, wanted| list.as_deref().is_some_and(|list| list.contains(wanted));
        let in_role = self.roles.is_empty() || self.roles.iter().any(|role| has(&caller.roles, role));
        if !in_role || !self.permissions.iter().all(|permission| has(&caller.permissions, permission)) {
            return Err(Shortfall::Forbidden);
        }
        let max_auth_age = self.max_auth_age.filter(|age| now.since(caller.auth_time) > *age);
        let mfa = self.mfa && !caller.mfa;
        if mfa || max_auth_age.is_some() {
            return Err(Shortfall::StepUp(StepUp { mfa, max_auth_age }));
        }
        Ok(())
    }
}

impl Access {
    /// Whether this one is let through now.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, asker: Asker<'_>, now: Timestamp) -> Result<(), Shortfall> {
        match (self, asker) {
            (Self::Open, _) => Ok(()),
            (Self::Denied, _) => Err(Shortfall::Denied),
            (Self::Known(_), Asker::Nobody) => Err(Shortfall::Unauthenticated),
            (Self::Known(_), Asker::Unconfirmed) => Err(Shortfall::Unconfirmed),
            (Self::Known(demands), Asker::Known(caller)) => demands.check(caller, now),
        }
    }
}

impl Shortfall {
    /// What is told of two that are lacking at once: the one that more is needed for, since without it nothing would come of
    /// the other; of two logins that would do, one that does for both.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        match (self, other) {
            (Self::StepUp(one), Self::StepUp(other)) => Self::StepUp(StepUp {
                mfa: one.mfa || other.mfa,
                max_auth_age: one.max_auth_age.into_iter().chain(other.max_auth_age).min(),
            }),
            (one, other) if one.rank() >= other.rank() => one,
            (_, other) => other,
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::StepUp(_) => 0,
            Self::Unauthenticated => 1,
            Self::Unconfirmed => 2,
            Self::Forbidden => 3,
            Self::Denied => 4,
        }
    }

    /// For programs: `extensions.code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Unconfirmed => "SERVICE_UNAVAILABLE",
            Self::Forbidden | Self::Denied => "FORBIDDEN",
            Self::StepUp(_) => "STEP_UP_REQUIRED",
        }
    }

    /// For developers: what is missing.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            // As Rail Django words it.
            Self::Unauthenticated => "Authentication required",
            Self::Unconfirmed => "Users or sessions are out of reach. Try again shortly.",
            Self::Forbidden => "This takes a role or a permission that you don't have.",
            Self::StepUp(StepUp { mfa: true, .. }) => "This takes a login with a second factor. Log in again.",
            Self::StepUp(StepUp { mfa: false, .. }) => "The last login is too long ago for this. Log in again.",
            Self::Denied => "This is not available here.",
        }
    }
}

/// A kind of GraphQL operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// `query`
    Query,
    /// `mutation`
    Mutation,
    /// `subscription`
    Subscription,
}

/// Who may use a root field of GraphQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Its name; `None` for every field of the backend's.
    pub field: Option<String>,
    /// Of this kind of operation only.
    pub kind: Option<OperationKind>,
    /// Who may use it.
    pub access: Access,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AuthMethod, SessionId, UserId};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    /// Whose credentials were shown a minute ago.
    fn caller(mfa: bool) -> Principal {
        let texts = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect());
        Principal {
            user: UserId::new("7"),
            username: "eva".into(),
            email: None,
            roles: texts(&["editors", "authors"]),
            permissions: texts(&["news.view_article", "news.add_article"]),
            session: None,
            handle: SessionId::from_bytes([1; 16]),
            method: AuthMethod::Bearer,
            mfa,
            auth_time: NOW.before(Duration::from_secs(60)),
            expires: NOW.after(Duration::from_secs(60)),
        }
    }

    fn demands(roles: &[&str], permissions: &[&str]) -> Demands {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Demands { roles: owned(roles), permissions: owned(permissions), ..Demands::default() }
    }

    #[test]
    fn any_role_and_every_permission() {
        let checked = |roles, permissions| demands(roles, permissions).check(&caller(false), NOW).is_ok();
        assert!(checked(&[], &[]) && checked(&["staff", "authors"], &[]) && !checked(&["staff"], &[]));
        assert!(checked(&[], &["news.view_article", "news.add_article"]));
        assert!(!checked(&[], &["news.view_article", "news.delete_article"]));
        assert!(!checked(&["author"], &[]) && !checked(&["Editors"], &[]), "to the letter");
        let unknown = Principal { roles: None, permissions: None, ..caller(false) };
        assert_eq!(demands(&["editors"], &[]).check(&unknown, NOW), Err(Shortfall::Forbidden));
        assert_eq!(demands(&[], &["news.view_article"]).check(&unknown, NOW), Err(Shortfall::Forbidden));
    }

    #[test]
    fn what_a_new_login_would_bring_is_told() {
        let asks = |mfa, age: Option<u64>| Demands {
            mfa,
            max_auth_age: age.map(Duration::from_secs),
            ..demands(&["editors"], &[])
        };
        let lacks =
            |mfa, age: Option<u64>| Err(Shortfall::StepUp(StepUp { mfa, max_auth_age: age.map(Duration::from_secs) }));
        assert_eq!(asks(true, Some(60)).check(&caller(true), NOW), Ok(()));
        assert_eq!(asks(true, Some(60)).check(&caller(false), NOW), lacks(true, None));
        assert_eq!(asks(true, Some(59)).check(&caller(true), NOW), lacks(false, Some(59)));
        assert_eq!(asks(true, Some(59)).check(&caller(false), NOW), lacks(true, Some(59)));
        let never = Principal { auth_time: Timestamp::default(), ..caller(true) };
        assert_eq!(asks(false, Some(86_400)).check(&never, NOW), lacks(false, Some(86_400)));
        let all = Demands { roles: vec!["staff".to_owned()], ..asks(true, Some(1)) };
        assert_eq!(all.check(&caller(false), NOW), Err(Shortfall::Forbidden), "no login helps");
    }

    #[test]
    fn of_two_that_are_lacking_the_larger_is_told() {
        let step =
            |mfa, age: Option<u64>| Shortfall::StepUp(StepUp { mfa, max_auth_age: age.map(Duration::from_secs) });
        assert_eq!(step(true, None).beside(step(false, Some(60))), step(true, Some(60)));
        assert_eq!(step(false, Some(9)).beside(step(false, Some(60))), step(false, Some(9)));
        for (one, other, told) in [
            (Shortfall::Unauthenticated, Shortfall::Denied, Shortfall::Denied),
            (Shortfall::Forbidden, step(true, None), Shortfall::Forbidden),
            (Shortfall::Unconfirmed, Shortfall::Forbidden, Shortfall::Forbidden),
        ] {
            assert_eq!((one.beside(other), other.beside(one)), (told, told));
        }
    }

    #[test]
    fn who_is_not_known_lacks_that_first() {
        let (known, eva) = (Access::Known(Demands::default()), caller(false));
        let asked = |access: &Access| {
            [Asker::Nobody, Asker::Unconfirmed, Asker::Known(&eva)].map(|asker| access.check(asker, NOW))
        };
        assert_eq!(asked(&Access::Open), [Ok(()); 3]);
        assert_eq!(asked(&Access::Denied), [Err(Shortfall::Denied); 3]);
        assert_eq!(asked(&known), [Err(Shortfall::Unauthenticated), Err(Shortfall::Unconfirmed), Ok(())]);
    }
}
