//! Changes the keys in a file without logging anybody out.
//!
//! A key file holds a key a line:
//!
//! | line | its key |
//! |---|---|
//! | first | signs |
//! | second | signs next |
//! | further | have signed, the latest first |
//!
//! All of them verify, and those of assertions are published. Gateways get a changed file one after the other, so a key must be known to all of them before the
//! first one signs by it. That is why a rotation lets the *second* key sign, which came with the rotation before, and puts
//! a new one in its place:
//!
//! ```text
//! A  ──rotate──▶  A B  ──rotate──▶  B C A  ──drop-old──▶  B C  ──rotate──▶  C D B
//! ```
//!
//! The first rotation of a file with one key has none to promote, and only adds the next.
//!
//! A running gateway reads the file when it is told to reload, or at its next start, and finds the keys whole, whatever happened to the
//! process that changed them.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{Kept as _, ids, lines, refuse_if_readable_by, write_draft};
use crate::{
    auth::{
        assertion::AssertionKey,
        tokens::{Key, KeyRing},
    },
    model::{Entropy, NoEntropy, Secret},
};

/// What a file's keys are for, as they themselves say.
#[derive(Clone, Copy)]
enum Purpose {
    Tokens,
    Assertions,
}

impl Purpose {
    fn of(keys: &[Secret]) -> Self {
        match keys.first() {
            Some(key) if key.expose().starts_with("k4.secret.") => Self::Assertions,
            Some(_) | None => Self::Tokens,
        }
    }

    /// The ids of these keys; each has to be one.
    fn ids(self, keys: &[Secret]) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Tokens => ids(&KeyRing::<Key>::parse(keys)?),
            Self::Assertions => ids(&KeyRing::<AssertionKey>::parse(keys)?),
        })
    }

    fn new_key(self, entropy: &dyn Entropy) -> Result<Secret, NoEntropy> {
        match self {
            Self::Tokens => Key::new_key(entropy),
            Self::Assertions => AssertionKey::new_key(entropy),
        }
    }
}

/// Lets the next key sign and adds a new next one. Gives the ids of all, in order.
///
/// # Errors
/// When the file isn't there, isn't a key file, can be read by everybody, or can't be replaced. It is unchanged then.
pub(crate) fn rotate(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<Vec<String>> {
    change(path, &|mut keys| {
        if keys.len() > 1 {
            keys[..2].reverse();
        }
        keys.insert(1, Purpose::of(&keys).new_key(entropy)?);
        Ok(keys)
    })
}

/// Drops the keys that have signed. Their tokens are dead where a gateway starts with the file.
///
/// # Errors
/// As for [`rotate`].
pub(crate) fn drop_old(path: &Path) -> anyhow::Result<Vec<String>> {
    change(path, &|mut keys| {
        keys.truncate(2);
        Ok(keys)
    })
}

type Change<'a> = &'a dyn Fn(Vec<Secret>) -> anyhow::Result<Vec<Secret>>;

fn change(path: &Path, change: Change<'_>) -> anyhow::Result<Vec<String>> {
    change_locked(path, change).with_context(|| format!("key file {}", path.display()))
}

fn change_locked(path: &Path, change: Change<'_>) -> anyhow::Result<Vec<String>> {
    // A link is followed, so that it stays one.
    let path = fs::canonicalize(path)?;
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    // Of two rotations at once the second must see what the first one wrote. The file itself can't be the lock: it is
    // another one afterwards.
    folder.lock()?;
    refuse_if_readable_by(0o007, &path)?;
    let keys = lines(Secret::new(fs::read_to_string(&path)?).expose());
    let purpose = Purpose::of(&keys);
    purpose.ids(&keys)?;
    let keys = change(keys)?;
    let ids = purpose.ids(&keys)?;
    replace(&path, &keys)?;
    folder.sync_all()?;
    Ok(ids)
}

/// In one step, so that a gateway which starts meanwhile finds the keys before or after, and never a part of them.
fn replace(path: &Path, keys: &[Secret]) -> anyhow::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let draft = PathBuf::from(name);
    let replaced = put(&draft, path, keys);
    if replaced.is_err() {
        // Keys that nobody uses must not lie about; what went wrong is the news, not this.
        let _ = fs::remove_file(&draft);
    }
    replaced
}

/// The file stays readable by whoever could read it before: a gateway's user, where root rotates.
fn put(draft: &Path, path: &Path, keys: &[Secret]) -> anyhow::Result<()> {
    let before = fs::metadata(path)?;
    let file = write_draft(draft, keys)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        chown(draft, Some(before.uid()), Some(before.gid())).context("keeping its owner")?;
    }
    file.set_permissions(Permissions::from_mode(before.mode() & 0o660))?;
    fs::rename(draft, path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
