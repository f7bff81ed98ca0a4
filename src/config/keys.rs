//! Every key that there is, as the sections ask for them.
//!
//! The sections are run on empty files, one for each kind of directory and for two sizes of machine. A default that is not
//! the same in all of them hangs on something, and is none that could be told.

use std::{path::Path, sync::OnceLock};

use super::{
    Config,
    reader::{self, Keys, Kind},
};

/// Every key that there is.
pub(super) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut keys = probe("", 1);
        let kinds = match keys.get("directory.kind").map(|key| &key.kind) {
            Some(Kind::Choice(kinds)) => kinds.clone(),
            _ => Vec::new(),
        };
        for (kind, processors) in kinds.iter().flat_map(|kind| [(kind, 1), (kind, 64)]) {
            reader::merge(&mut keys, probe(&format!("directory.kind = '{kind}'"), processors));
        }
        keys
    })
}

fn probe(text: &str, processors: usize) -> Keys {
    reader::probe(text, processors, |root| drop(Config::read(root, Path::new(""))))
}
