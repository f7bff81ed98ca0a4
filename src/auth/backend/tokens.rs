//! The backend's own tokens of users, sealed in the store.

use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::{
    auth::{
        seals::{Seals, Unopened},
        tokens::KeyRing,
    },
    directory::{DirectoryError, DirectoryErrorKind, KeptText, TokenVault},
    model::{Entropy, UserId},
    store::{StoreError, StoreErrorKind, TokenStore},
};

const PURPOSE: &str = "backend tokens v1";

/// Keeps tokens in a store, where nobody can read them who has not got the gateway's key, nor give them to another user. Each
/// write is under the first key; a session in use has its tokens written often, so an older key may go when the sessions
/// have ended that began under it.
#[derive(Debug)]
pub struct SealedTokens {
    store: Arc<dyn TokenStore>,
    seals: Seals,
    entropy: Arc<dyn Entropy>,
}

impl SealedTokens {
    /// Keeps them in `store`, sealed under `keys`; nonces come from `entropy`.
    #[must_use]
    pub fn new(store: Arc<dyn TokenStore>, keys: &KeyRing, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, seals: Seals::new(keys, PURPOSE), entropy }
    }
}

#[async_trait]
impl TokenVault for SealedTokens {
    async fn get(&self, user: &UserId) -> Result<Option<KeptText>, DirectoryError> {
        let Some(kept) = self.store.tokens(user).await.map_err(of_store)? else { return Ok(None) };
        let opened = self.seals.open(user.as_str(), &kept.sealed).map_err(of_seal)?;
        Ok(Some(KeptText { version: kept.version, text: opened.text }))
    }

    async fn put(&self, user: &UserId, over: u64, text: Zeroizing<Vec<u8>>) -> Result<bool, DirectoryError> {
        let sealed = self.seals.seal(user.as_str(), text, &*self.entropy);
        let sealed = sealed.map_err(|error| DirectoryError::new(DirectoryErrorKind::Unavailable, error))?;
        self.store.keep_tokens(user, over, sealed).await.map_err(of_store)
    }

    async fn version(&self, user: &UserId) -> Result<u64, DirectoryError> {
        Ok(self.store.tokens(user).await.map_err(of_store)?.map_or(0, |kept| kept.version))
    }
}

fn of_store(error: StoreError) -> DirectoryError {
    let kind = match error.kind {
        StoreErrorKind::Unavailable | StoreErrorKind::Conflict => DirectoryErrorKind::Unavailable,
        StoreErrorKind::Corrupt => DirectoryErrorKind::Corrupt,
    };
    DirectoryError::new(kind, error)
}

fn of_seal(error: Unopened) -> DirectoryError {
    let kind = match error {
        Unopened::UnknownKey(_) => DirectoryErrorKind::Misconfigured,
        Unopened::Format(_) | Unopened::Damaged => DirectoryErrorKind::Corrupt,
    };
    DirectoryError::new(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::tokens::Key,
        model::{Secret, SystemClock, SystemEntropy},
        store::embedded::EmbeddedStore,
    };

    fn key() -> Secret {
        Key::generate(&SystemEntropy).unwrap()
    }

    fn text(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn tokens_are_read_by_who_has_the_key_and_lost_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(&folder.path().join("s.db"), Arc::new(SystemClock)).await.unwrap();
        let store: Arc<dyn TokenStore> = Arc::new(store);
        let (old, new, john, jane) = (key(), key(), UserId::new("1"), UserId::new("2"));
        let under = |keys: &[&Secret]| {
            let keys = KeyRing::parse(keys.iter().copied()).unwrap();
            SealedTokens::new(Arc::clone(&store), &keys, Arc::new(SystemEntropy))
        };
        let before = under(&[&old]);
        assert!(before.get(&john).await.unwrap().is_none());
        assert!(before.put(&john, 0, text("canary")).await.unwrap());
        assert!(!before.put(&john, 0, text("other")).await.unwrap());
        let kept = store.tokens(&john).await.unwrap().unwrap();
        assert!(!kept.sealed.windows(6).any(|part| part == b"canary"));
        let read = under(&[&new, &old]).get(&john).await.unwrap().unwrap();
        assert_eq!((read.version, &read.text[..]), (1, &b"canary"[..]));

        assert!(store.keep_tokens(&jane, 0, kept.sealed).await.unwrap());
        assert_eq!(before.get(&jane).await.unwrap_err().kind, DirectoryErrorKind::Corrupt, "they are john's");

        let after = under(&[&new]);
        assert_eq!(after.get(&john).await.unwrap_err().kind, DirectoryErrorKind::Misconfigured);
        let version = after.version(&john).await.unwrap();
        assert!(after.put(&john, version, text("of a new login")).await.unwrap());
        assert_eq!(&after.get(&john).await.unwrap().unwrap().text[..], b"of a new login");
    }
}
