//! The gateway's keys: given in the configuration, or made on the first start and kept in the state folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::{
    auth::{
        assertion::AssertionKey,
        tokens::{Key, KeyRing, RingKey},
    },
    config::{Config, KeySource},
    model::{Entropy, NoEntropy, Secret},
};

pub(crate) mod rotation;

/// A kind of keys, as they are kept: the first signs, all count.
pub(super) trait Kept: RingKey {
    /// The key of the configuration that gives them.
    const SETTING: &'static str;
    /// The file of the state folder.
    const FILE_NAME: &'static str;

    /// The text of a new one.
    fn new_key(entropy: &dyn Entropy) -> Result<Secret, NoEntropy>;
}

impl Kept for Key {
    const SETTING: &'static str = "[tokens] keys";
    const FILE_NAME: &'static str = "railgate.key";

    fn new_key(entropy: &dyn Entropy) -> Result<Secret, NoEntropy> {
        Self::generate(entropy)
    }
}

impl Kept for AssertionKey {
    const SETTING: &'static str = "[upstream.identity] assertion_keys";
    const FILE_NAME: &'static str = "assertion.key";

    fn new_key(entropy: &dyn Entropy) -> Result<Secret, NoEntropy> {
        Self::generate(entropy)
    }
}

/// Their ids, in their order.
pub(super) fn ids<K: RingKey>(keys: &KeyRing<K>) -> Vec<String> {
    keys.iter().map(|key| key.id().to_owned()).collect()
}

/// The keys in force.
///
/// # Errors
/// When a key can't be read, isn't one, or can't be made and kept.
pub(super) fn load<K: Kept>(source: &KeySource, state_dir: &Path, entropy: &dyn Entropy) -> anyhow::Result<KeyRing<K>> {
    let keys = match source {
        KeySource::Given(texts) => KeyRing::parse(texts).context(K::SETTING)?,
        KeySource::StateDir => {
            let path = state_dir.join(K::FILE_NAME);
            from_file(&path, entropy).with_context(|| format!("key file {}", path.display()))?
        }
    };
    // Which gateway knows which key is what a rotation that went wrong comes down to.
    let ids = ids(&keys);
    let (signs, others) = ids.split_first().context(K::SETTING)?;
    tracing::info!(signs, verify = %others.join(" "), of = K::SETTING, "keys");
    Ok(keys)
}

/// The files in which the gateway keeps keys of its own for this configuration.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    fn file<K: Kept>(source: &KeySource, state_dir: &Path) -> Option<PathBuf> {
        matches!(source, KeySource::StateDir).then(|| state_dir.join(K::FILE_NAME))
    }
    let assertion = config.upstream.identity.assertion.as_ref();
    let own = file::<Key>(&config.tokens.keys, &config.state_dir);
    own.into_iter().chain(assertion.and_then(|it| file::<AssertionKey>(&it.keys, &config.state_dir))).collect()
}

/// The keys of gateways that have run before.
///
/// # Errors
/// As [`load`], and where no gateway has made one yet.
pub(super) fn existing(source: &KeySource, state_dir: &Path) -> anyhow::Result<KeyRing> {
    match source {
        KeySource::Given(texts) => KeyRing::parse(texts).context(Key::SETTING),
        KeySource::StateDir => {
            let path = state_dir.join(Key::FILE_NAME);
            let found = read(&path).with_context(|| format!("key file {}", path.display()))?;
            found.with_context(|| format!("key file {}: no gateway has made it yet", path.display()))
        }
    }
}

/// Made with one new key when the file isn't there.
fn from_file<K: Kept>(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<KeyRing<K>> {
    match read(path)? {
        Some(keys) => Ok(keys),
        None => create(path, entropy),
    }
}

/// One key a line, the first signs. `None` when the file isn't there.
fn read<K: RingKey>(path: &Path) -> anyhow::Result<Option<KeyRing<K>>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    refuse_if_readable_by(0o077, path)?;
    Ok(Some(KeyRing::parse(&lines(&text))?))
}

fn lines(text: &str) -> Vec<Secret> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect()
}

fn refuse_if_readable_by(whom: u32, path: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(path)?.mode() & 0o777;
    if mode & whom != 0 {
        bail!("mode is {mode:03o}: others on this machine can read it. Run `chmod {:03o}` on it", mode & !whom & 0o666);
    }
    Ok(())
}

/// Written whole under another name, then linked into place: a crash leaves no half key, and of two gateways that start
/// at once one wins and the other reads its key.
fn create<K: Kept>(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<KeyRing<K>> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let key = K::new_key(entropy)?;
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    write_draft(&draft, std::slice::from_ref(&key))?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => tracing::info!(path = %path.display(), "made a new key on first start"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return from_file(path, entropy),
        Err(error) => return Err(error.into()),
    }
    Ok(KeyRing::parse(&[key])?)
}

/// A file that only its owner can read, on the disk when this returns. One that a crash left behind is replaced.
fn write_draft(path: &Path, keys: &[Secret]) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for key in keys {
        writeln!(file, "{}", key.expose())?;
    }
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use std::path::Path;

    use crate::{
        auth::{assertion::AssertionKey, tokens::KeyRing},
        config::KeySource,
        model::SystemEntropy,
    };

    fn load(source: &KeySource, state_dir: &Path, entropy: &SystemEntropy) -> anyhow::Result<KeyRing> {
        super::load(source, state_dir, entropy)
    }

    #[test]
    fn the_key_of_the_first_start_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = load(&KeySource::StateDir, &state, &SystemEntropy).unwrap();
        let again = load(&KeySource::StateDir, &state, &SystemEntropy).unwrap();
        assert_eq!(first.signing().id(), again.signing().id());
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(state.join("railgate.key")), mode(state.clone())), (0o600, 0o700));
        assert_eq!(fs::read_dir(state).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn keys_of_either_kind_have_a_file_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        load(&KeySource::StateDir, folder.path(), &SystemEntropy).unwrap();
        let assertions = || super::load::<AssertionKey>(&KeySource::StateDir, folder.path(), &SystemEntropy).unwrap();
        assert_eq!(assertions().signing().id(), assertions().signing().id());
        let path = folder.path().join("assertion.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::rename(path, folder.path().join("railgate.key")).unwrap();
        let error = load(&KeySource::StateDir, folder.path(), &SystemEntropy).unwrap_err();
        assert!(format!("{error:#}").contains("not a key"), "{error:#}");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        load(&KeySource::StateDir, folder.path(), &SystemEntropy).unwrap();
        let path = folder.path().join("railgate.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = load(&KeySource::StateDir, folder.path(), &SystemEntropy).unwrap_err();
        assert!(format!("{error:#}").contains("chmod 600"), "{error:#}");
    }

    #[test]
    fn a_damaged_key_file_is_refused_rather_than_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("railgate.key");
        fs::write(&path, "k4.local.short\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(load(&KeySource::StateDir, folder.path(), &SystemEntropy).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "k4.local.short\n");
    }
}
