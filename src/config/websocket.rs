//! `[websocket]`: sockets.

use super::reader::Table;

/// Sockets.
#[derive(Clone, Copy, Debug)]
pub struct WebsocketSettings {
    /// Whether there are any.
    pub enabled: bool,
}

impl WebsocketSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        Self { enabled: table.flag("enabled", true) }
    }
}
