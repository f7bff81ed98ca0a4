//! `[sessions]`: how long sessions live.

use std::time::Duration;

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// A session ends without a refresh for this long.
    pub idle_lifetime: Duration,
    /// A session ends this long after the login.
    pub absolute_lifetime: Duration,
    /// How long a used refresh token still gets the same successor.
    pub refresh_grace: Duration,
}
