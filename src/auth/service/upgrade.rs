//! Hashes that are made anew once their password is known, as Django does (`must_update` of its hashers).
//!
//! It is done beside the login, which waits for none of it, and by a thread that has nothing else to do: where there is none,
//! the next login brings another occasion. Only the column that the password was checked by is replaced, so a password that is
//! changed meanwhile stays; and the user's sessions and trusted devices go on ([`PasswordMarks`](super::PasswordMarks)), but
//! for those that Django opened, which know their user by the column.

use std::{error::Error, sync::Arc};

use super::{Account, Secret, Service};

impl Service {
    /// Has the hash of this account's password made anew.
    pub(super) fn renew_hash(&self, account: &Account, password: Secret) {
        let (directory, passwords) = (Arc::clone(&self.0.directory), self.0.passwords.clone());
        let (user, old) = (account.user.id.clone(), account.password.clone());
        let salt = self.0.marks.salt_after(&user, &old);
        tokio::spawn(async move {
            let Some(new) = passwords.renew(password, salt).await else { return };
            match directory.replace_password(&user, &old, &new).await {
                Ok(true) => tracing::info!(%user, "an old hash was made anew"),
                // Changed meanwhile, made anew by another login, or not the gateway's to write.
                Ok(false) => {}
                Err(error) => tracing::warn!(error = &error as &dyn Error, %user, "an old hash was not made anew"),
            }
        });
    }
}
