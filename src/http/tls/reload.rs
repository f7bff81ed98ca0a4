//! Files that are read again when what is in them has changed: by writing, by renaming, or by another target of a symbolic
//! link, as Kubernetes does it.
//!
//! Certificate and key are two files, and one is changed before the other; each may be half-written. So a change counts
//! once two looks have seen the same. What can't be used then changes nothing, and the log says why, once.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::TlsError;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The SHA-256 of what the files hold.
type Sum = [u8; 32];

/// Makes a `T` of what the files hold.
type Load<T> = dyn Fn() -> Result<T, TlsError> + Send;

/// Looks for changes.
pub struct Reload<T> {
    files: Vec<PathBuf>,
    load: Box<Load<T>>,
    current: watch::Sender<Arc<T>>,
    /// What was in the files at the last look, and when they were read last.
    seen: Sum,
    read: Sum,
}

impl<T> fmt::Debug for Reload<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("files", &self.files).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Reload<T> {
    /// Loads for the first time. Whoever has the receiver finds the latest there.
    pub(super) fn start(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, TlsError> + Send + 'static,
    ) -> Result<(Self, watch::Receiver<Arc<T>>), TlsError> {
        let read = sum_of(&files);
        let (current, receiver) = watch::channel(Arc::new(load()?));
        Ok((Self { files, load: Box::new(load), current, seen: read, read }, receiver))
    }

    /// Goes on looking until nobody needs it.
    pub async fn run(mut self) {
        while !self.current.is_closed() {
            tokio::time::sleep(LOOK_EVERY).await;
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            let Ok(looked) = looked.await else { return };
            self = looked;
        }
    }

    fn look(&mut self) {
        let sum = sum_of(&self.files);
        let has_settled = std::mem::replace(&mut self.seen, sum) == sum;
        if sum == self.read || !has_settled {
            return;
        }
        self.read = sum;
        let files = Shown(&self.files);
        match (self.load)() {
            Ok(loaded) => {
                tracing::info!(%files, "certificates have changed and were read again");
                self.current.send_replace(Arc::new(loaded));
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%files, error, "changed certificates can't be used; those from before stay");
            }
        }
    }
}

struct Shown<'f>(&'f [PathBuf]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(at, file)| write!(f, "{}{}", if at == 0 { "" } else { ", " }, file.display()))
    }
}

fn sum_of(files: &[PathBuf]) -> Sum {
    let mut all = Sha256::new();
    for file in files {
        all.update(one_sum(file));
    }
    all.finalize().into()
}

/// A file that can't be read is like no other.
fn one_sum(file: &Path) -> Sum {
    fs::read(file).map_or([0; 32], |bytes| Sha256::digest(&bytes).into())
}
