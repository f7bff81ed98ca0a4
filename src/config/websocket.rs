//! `[websocket]`: sockets.

use std::time::Duration;

use super::reader::{KIB, MIB, Table, minutes, seconds};

/// Sockets. All but the first two is about those on GraphQL paths.
#[derive(Clone, Copy, Debug)]
pub struct WebsocketSettings {
    /// Whether there are any.
    pub enabled: bool,
    /// How many there may be at once, on whatever path.
    pub max_sockets: usize,
    /// From the upgrade until the client has said who it is; and from then until the backend has agreed.
    pub init_timeout: Duration,
    /// Largest message of a client's, in bytes.
    pub max_message: usize,
    /// Operations that a socket may run at once.
    pub max_operations: usize,
    /// How often a client is asked whether it is there; it is given up when nothing comes for twice this.
    pub ping_interval: Duration,
}

impl WebsocketSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let enabled = table.flag("enabled", true);
        if !enabled {
            let keys = ["max_sockets", "init_timeout", "max_message", "max_operations", "ping_interval"];
            table.warn_ineffective(&keys, "set `enabled = true`, or remove it");
        }
        Self {
            enabled,
            max_sockets: table.number("max_sockets", 16_384, &(1..=1_000_000)),
            init_timeout: table.duration("init_timeout", seconds(10), &(seconds(1)..=minutes(10))),
            max_message: table.size("max_message", MIB, &(KIB..=64 * MIB)),
            max_operations: table.number("max_operations", 100, &(1..=10_000)),
            ping_interval: table.duration("ping_interval", seconds(30), &(seconds(1)..=minutes(60))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{
        reader::{MIB, seconds},
        tests::{config, messages},
    };

    #[test]
    fn sockets_have_limits() {
        let settings = config("").websocket;
        assert!(settings.enabled);
        assert_eq!(settings.max_sockets, 16_384);
        assert_eq!((settings.init_timeout, settings.ping_interval), (seconds(10), seconds(30)));
        assert_eq!((settings.max_message as u64, settings.max_operations), (MIB, 100));
        let found = messages(
            "[websocket]\nmax_message = '100B'\nmax_operations = 0\nping_interval = '0s'\ninit_timeout = '1h'",
        );
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
