//! Looks whether the configuration has changed on the disk.
//!
//! The files are read every second: some kilobytes, whoever replaces them in whatever way, and no news of the system's that
//! could be missed. They are written one after the other, and each may be half-written; so a change counts once two looks have
//! seen the same.

use std::time::Duration;

use super::keys;
use crate::config::{Config, FilesRead};

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files of a configuration.
pub(super) struct Watch {
    /// As they were when they were read.
    read: FilesRead,
    /// As they were at the last look.
    seen: FilesRead,
}

impl Watch {
    /// Over the files that this was read from, and the keys that the gateway keeps for it.
    pub(super) fn over(read: FilesRead, config: &Config) -> Self {
        let read = read.and(FilesRead::now(keys::files(config)));
        Self { seen: read.clone(), read }
    }

    /// What there is now was looked at and can't be used: another change is waited for, also of what it spoke of.
    pub(super) fn goes_on(&mut self, read: &FilesRead) {
        self.read = read.clone().and(self.read.again());
        self.seen = self.read.clone();
    }

    /// Returns when they have changed. May be dropped while it waits.
    pub(super) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let read = self.read.clone();
            // On a thread that may wait for a disk.
            let Ok(now) = tokio::task::spawn_blocking(move || read.again()).await else { continue };
            let has_settled = now == self.seen;
            self.seen = now;
            if has_settled && self.seen != self.read {
                return;
            }
        }
    }
}
