//! Where random bytes come from.

use ring::rand::{SecureRandom as _, SystemRandom};

/// The operating system could not supply random bytes. Nothing that needs a secret may go on without them.
#[derive(Debug, thiserror::Error)]
#[error("the operating system supplied no random bytes")]
pub struct NoEntropy;

/// A source of bytes that nobody can predict.
pub trait Entropy: std::fmt::Debug + Send + Sync + 'static {
    /// Fills `buffer` with random bytes.
    ///
    /// # Errors
    /// When the source fails; the contents of `buffer` must then not be used.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The operating system's generator (`getrandom(2)`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system for random bytes")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        SystemRandom::new().fill(buffer).map_err(|_| NoEntropy)
    }
}

impl dyn Entropy {
    /// `N` random bytes.
    ///
    /// # Errors
    /// When the source fails.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}
