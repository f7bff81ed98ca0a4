//! `[directory]` and `[hashing]`: where users come from, and who computes their hashes.

use std::time::Duration;

use crate::model::Secret;

/// Where users come from. One kind so far: the database of a Django project.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// `sqlite:///path`, `postgres://…`. Holds a password, so it is a secret.
    pub url: Secret,
    /// The user table, `users_user`; `None`: found through Django's own catalogue.
    pub user_table: Option<String>,
    /// The column that users log in with.
    pub username_column: String,
    /// Connections kept to the database.
    pub max_connections: u32,
    /// One query's time, connecting included.
    pub timeout: Duration,
    /// Who computes hashes.
    pub hashing: Hashing,
}

/// The pool of threads that check passwords.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// Threads; passwords checked at once.
    pub threads: usize,
    /// Logins that may wait; one more is told to come back.
    pub queue: usize,
    /// How long a login may wait.
    pub deadline: Duration,
}
