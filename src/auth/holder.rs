//! Under what a caller is remembered.

use crate::{
    model::{Principal, SessionId, UserId},
    store::UserTag,
};

/// The session of a caller; the user, for one with a token of the backend, which belongs to no session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Session(SessionId),
    User(UserId),
}

impl Holder {
    pub(super) fn of(caller: &Principal) -> Self {
        caller.session.map_or_else(|| Self::User(caller.user.clone()), Self::Session)
    }

    /// A number that is the same on every replica and differs from holder to holder.
    pub(super) fn spread(&self) -> i64 {
        i64::from_be_bytes(match self {
            Self::Session(id) => {
                let [first @ .., _, _, _, _, _, _, _, _] = *id.as_bytes();
                first
            }
            Self::User(id) => *UserTag::of(id).as_bytes(),
        })
    }
}
