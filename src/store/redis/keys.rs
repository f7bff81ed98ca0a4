//! Which keys there are, and what is under them.
//!
//! A session is one hash:
//!
//! | key | `{prefix}:{`*user tag*`}:session:`*session id* |
//! |---|---|
//! | `v` | format of the record, `1`; a newer one is left alone |
//! | `user`, `mfa`, `ip`, `user_agent`, `device_name` | as at login |
//! | `password` | mark of the user's password, as of the last use |
//! | `created`, `auth_time`, `last_used`, `idle`, `absolute` | microseconds since 1970 |
//! | `current` | SHA-256 of the refresh token |
//! | `previous`, `previous_until`, `sealed` | its predecessor's hash, the end of grace, `current`'s token sealed under it |
//!
//! The sessions of a user are in an index, a sorted set:
//!
//! | key | `{prefix}:{`*user tag*`}:sessions` |
//! |---|---|
//! | member, score | session id; when the session would run out: the nearer of its two expiries |
//!
//! A credential of the backend that was exchanged for a session or logged out has a note; its session, if any, has the
//! same id:
//!
//! | key | `{prefix}:{`*user tag*`}:spent:`*id* |
//! |---|---|
//! | `v` | format of the record, `1` |
//! | `until` | how long it is remembered, as its time to live says, too |
//!
//! A login that waits for a second factor is a challenge, which lives as long as it is good:
//!
//! | key | `{prefix}:{`*user tag*`}:challenge:`*id* |
//! |---|---|
//! | `v` | format of the record, `1` |
//! | `user`, `password`, `device_name` | who logs in, mark of the password that was shown, as at login |
//! | `token`, `tries` | SHA-256 of the challenge token; how often a code may still be tried |
//! | `session` | the session that it was used up for |
//! | `proven` | `1` when its holder has shown the first code of the factor that was set up by it |
//!
//! What was tried too often is counted, for as long as that is remembered:
//!
//! | key | `{prefix}:{`*tag*`}:attempts:`*what, and at which account or from which address* |
//! |---|---|
//! | `v` | format of the record, `1` |
//! | `count`, `until` | how often in a row; the instant before which no other attempt is admitted |
//! | `since` | when the count began, or the last was taken off it |
//!
//! Names and addresses stand there as MACs, and so do the tags of what is no user's. What was counted under a tag can be
//! forgotten at once; then there is, for as long as it would have been remembered:
//!
//! | key | `{prefix}:{`*tag*`}:amnesty` |
//! |---|---|
//! | `v` | format of the record, `1` |
//! | `at` | counts that began until then are none |
//!
//! What is kept of a user sealed is a record that has no end. Tags of two users may be the same, so its key names the user:
//!
//! | key | `{prefix}:{`*user tag*`}:factors:`*SHA-256 of the user's id, in hex* |
//! |---|---|
//! | `v` | format of the record, `1`; another one is left alone |
//! | `user` | whose it is |
//! | `version` | how often it was written |
//! | `sealed` | what only its keeper can open |
//!
//! The backend's own tokens of a user are such a record, too:
//!
//! | key | `{prefix}:{`*user tag*`}:tokens:`*SHA-256 of the user's id, in hex* |
//! |---|---|
//!
//! The users who have one of the first kind are in a sorted set, in the order of their ids since all have one score:
//!
//! | key | `{prefix}:{factors}:users` |
//! |---|---|
//! | member, score | user's id; 0 |
//!
//! The braces around the tag are a Redis Cluster hash tag: all keys of a user share a slot, for example
//! `railgate:{6b86b273ff34fce1}:session:BwcHBwcHBwcHBwcHBwcHBw`.
//!
//! The ends of sessions are announced in a stream that every gateway follows, and beside it is kept how far it goes:
//!
//! | key | `{prefix}:{revocations}:stream` |
//! |---|---|
//! | `v` | format of the entry, `1` |
//! | `epoch`, `number` | which stream it is, since Redis may lose one; the entry's number in it, from 1 without a gap |
//! | `sessions` | ids of the sessions that have ended, a space between two |
//!
//! | key | `{prefix}:{revocations}:place` |
//! |---|---|
//! | `epoch`, `number`, `entry` | those of the newest entry, and its id in the stream |
//!
//! Audit events are in a stream of another kind, `{prefix}:audit` unless it is called otherwise: see `events.rs`.

use sha2::{Digest as _, Sha256};

use crate::{
    model::UserId,
    store::{ChallengeKey, SessionKey, ThrottleKey, UserTag},
};

/// The keys of one deployment, which share a prefix.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) const fn new(prefix: String) -> Self {
        Self { prefix }
    }

    pub(super) fn session(&self, key: SessionKey) -> String {
        format!("{}:{{{}}}:session:{}", self.prefix, key.tag, key.id)
    }

    /// Of all sessions of a user.
    pub(super) fn index(&self, tag: UserTag) -> String {
        format!("{}:{{{tag}}}:sessions", self.prefix)
    }

    /// Of a credential of the backend that is spent.
    pub(super) fn note(&self, credential: SessionKey) -> String {
        format!("{}:{{{}}}:spent:{}", self.prefix, credential.tag, credential.id)
    }

    /// Of a login that waits for a second factor.
    pub(super) fn challenge(&self, key: ChallengeKey) -> String {
        format!("{}:{{{}}}:challenge:{key}", self.prefix, key.tag)
    }

    /// Of counted attempts.
    pub(super) fn attempts(&self, key: &ThrottleKey) -> String {
        format!("{}:{{{}}}:attempts:{}", self.prefix, key.tag, key.name)
    }

    /// Of the instant before which all that was counted under a tag is forgotten.
    pub(super) fn amnesty(&self, tag: UserTag) -> String {
        format!("{}:{{{tag}}}:amnesty", self.prefix)
    }

    /// Of what is kept of a user sealed.
    pub(super) fn sealed(&self, user: &UserId) -> String {
        self.record("factors", user)
    }

    /// Of the backend's own tokens of a user.
    pub(super) fn tokens(&self, user: &UserId) -> String {
        self.record("tokens", user)
    }

    fn record(&self, kind: &str, user: &UserId) -> String {
        let key = format!("{}:{{{}}}:{kind}:", self.prefix, UserTag::of(user));
        let whole = Sha256::digest(user.as_str().as_bytes());
        whole.iter().fold(key, |key, byte| key + &format!("{byte:02x}"))
    }

    /// The users of whom something is kept sealed. In a slot of its own, since they have one each.
    pub(super) fn users(&self) -> String {
        format!("{}:{{factors}}:users", self.prefix)
    }

    /// The stream in which ends of sessions are announced.
    pub(super) fn stream(&self) -> String {
        format!("{}:{{revocations}}:stream", self.prefix)
    }

    /// How far the stream goes. In the stream's slot, so that one script may write both.
    pub(super) fn place(&self) -> String {
        format!("{}:{{revocations}}:place", self.prefix)
    }
}
