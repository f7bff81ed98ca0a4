//! Stores and directories whose calls are steps of the operation that makes them, for those who ask what took its time.
//!
//! A call outside of an operation is noted nowhere.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::audit;
use crate::{
    directory::{Directory, DirectoryError, Factors},
    model::{
        Account, AccountState, Activate, Activation, Candidate, DeviceId, EncodedPassword, Factor, HashedCode,
        KeptCode, NewFactor, NewTrust, PendingFactor, Session, SessionId, Timestamp, TokenHash, TrustedDevice, UserId,
    },
    store::{
        Admission, Adopt, Adopted, Budget, Challenge, ChallengeKey, ChallengeStore, Feed, NewChallenge, NewSession,
        Rotate, Rotation, SessionKey, SessionStore, StoreError, ThrottleKey, ThrottleStore, Touch, UserTag,
    },
};

/// One of them, timed.
#[derive(Debug)]
pub struct Timed<T: ?Sized>(pub Arc<T>);

/// Implements a trait for [`Timed`], whose methods pass everything on: `"name of the step" method(arguments) -> result`.
macro_rules! timed {
    ($trait:ident { $( $step:literal $method:ident($($argument:ident: $type:ty),*) -> $result:ty; )* } $($rest:tt)*) => {
        #[async_trait]
        impl<T: $trait + ?Sized> $trait for Timed<T> {
            $(
                async fn $method(&self, $($argument: $type),*) -> $result {
                    let begun = Instant::now();
                    let result = self.0.$method($($argument),*).await;
                    audit::step($step, begun);
                    result
                }
            )*
            $($rest)*
        }
    };
}

timed! {
    SessionStore {
        "store create" create(new: NewSession) -> Result<Vec<SessionId>, StoreError>;
        "store rotate" rotate(step: Rotate) -> Result<Rotation, StoreError>;
        "store touch" touch(step: Touch) -> Result<Option<Session>, StoreError>;
        "store find" find(key: SessionKey) -> Result<Option<Session>, StoreError>;
        "store end" end(key: SessionKey) -> Result<bool, StoreError>;
        "store list" list(user: &UserId) -> Result<Vec<Session>, StoreError>;
        "store end_all" end_all(user: &UserId) -> Result<Vec<SessionId>, StoreError>;
        "store adopt" adopt(adopt: Adopt) -> Result<Adopted, StoreError>;
        "store spend" spend(credential: SessionKey, remember: Duration) -> Result<(), StoreError>;
        "store is_spent" is_spent(credential: SessionKey) -> Result<bool, StoreError>;
        "store step_up" step_up(key: SessionKey) -> Result<bool, StoreError>;
    }
    fn feed(&self) -> Box<dyn Feed> {
        self.0.feed()
    }
}

timed! {
    ChallengeStore {
        "challenge begin" begin(new: NewChallenge) -> Result<(), StoreError>;
        "challenge attempt" attempt(key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError>;
        "challenge find" find(key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError>;
        "challenge prove" prove(key: ChallengeKey, presented: TokenHash) -> Result<bool, StoreError>;
        "challenge consume" consume(key: ChallengeKey, presented: TokenHash, session: SessionId) -> Result<bool, StoreError>;
    }
}

timed! {
    ThrottleStore {
        "throttle admit" admit(key: &ThrottleKey, budget: Budget) -> Result<Admission, StoreError>;
        "throttle forgive" forgive(key: &ThrottleKey) -> Result<(), StoreError>;
        "throttle undo" undo(key: &ThrottleKey) -> Result<(), StoreError>;
        "throttle forgive_all" forgive_all(tag: UserTag, remember: Duration) -> Result<(), StoreError>;
    }
}

timed! {
    Directory {
        "directory candidate" candidate(username: &str) -> Result<Option<Candidate>, DirectoryError>;
        "directory account_of" account_of(id: &UserId) -> Result<Option<Account>, DirectoryError>;
        "directory state_of" state_of(id: &UserId) -> Result<Option<AccountState>, DirectoryError>;
        "directory record_login" record_login(id: &UserId, at: Timestamp) -> Result<(), DirectoryError>;
        "directory replace_password" replace_password(
            id: &UserId, old: &EncodedPassword, new: &EncodedPassword
        ) -> Result<bool, DirectoryError>;
    }
}

timed! {
    Factors {
        "factors can_enrol" can_enrol() -> Result<bool, DirectoryError>;
        "factors active" active(user: &UserId) -> Result<Vec<Factor>, DirectoryError>;
        "factors pending" pending(user: &UserId) -> Result<Option<PendingFactor>, DirectoryError>;
        "factors set_up" set_up(user: &UserId, factor: NewFactor) -> Result<DeviceId, DirectoryError>;
        "factors activate" activate(user: &UserId, activate: Activate) -> Result<Activation, DirectoryError>;
        "factors accept_step" accept_step(
            user: &UserId, device: &DeviceId, step: Timestamp
        ) -> Result<bool, DirectoryError>;
        "factors codes" codes(user: &UserId) -> Result<Vec<KeptCode>, DirectoryError>;
        "factors use_code" use_code(user: &UserId, code: &DeviceId) -> Result<bool, DirectoryError>;
        "factors hash_codes" hash_codes(
            user: &UserId, codes: Vec<(KeptCode, HashedCode)>
        ) -> Result<(), DirectoryError>;
        "factors give_codes" give_codes(
            user: &UserId, device: &DeviceId, codes: Vec<HashedCode>, given: Timestamp
        ) -> Result<bool, DirectoryError>;
        "factors remove_all" remove_all(user: &UserId) -> Result<(), DirectoryError>;
        "factors trusted" trusted(user: &UserId, now: Timestamp) -> Result<Vec<TrustedDevice>, DirectoryError>;
        "factors trust" trust(user: &UserId, new: NewTrust, limit: u32) -> Result<Option<DeviceId>, DirectoryError>;
        "factors distrust" distrust(user: &UserId, device: &DeviceId) -> Result<bool, DirectoryError>;
    }
}
