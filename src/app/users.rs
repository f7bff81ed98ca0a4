//! What `railgate user` does to the users file.
//!
//! A gateway that runs takes the changes up by itself, within a second.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use super::hashing;
use crate::{
    auth::{
        passwords::{PasswordHash, Salt},
        throttle::folded,
    },
    config::{DirectorySettings, Hashing, UserSettings},
    directory::file::{self, Draft},
    model::{Clock, EncodedPassword, Entropy, Secret, Timestamp, UserId},
};

pub(crate) use crate::directory::file::{Dump, DumpError, DumpOptions, UserRecord, Users};

/// NIST 800-63B-4 §3.1.1: the fewest beside a second factor; Django's own validator asks for as many.
const SHORTEST_PASSWORD: usize = 8;

/// Whether a text can be a stored password: one that no password opens, or a hash of an algorithm that Django has.
pub(super) fn is_hash(password: &EncodedPassword) -> bool {
    !matches!(PasswordHash::from(password), PasswordHash::Malformed)
}

/// Says what is wrong with the users file, where there is one.
///
/// # Errors
/// Everything that is wrong with it, or that it can't be read.
pub(crate) fn check(settings: &DirectorySettings) -> anyhow::Result<()> {
    if let DirectorySettings::File(settings) = settings {
        file::read(&settings.path, is_hash).context("[directory] path")?;
    }
    Ok(())
}

/// Reads what `manage.py dumpdata` wrote.
///
/// # Errors
/// As for [`Dump::read`].
pub(crate) fn read_dump(text: &str, options: DumpOptions<'_>) -> Result<Dump, DumpError> {
    Dump::read(text, options, is_hash)
}

/// Who is to be added, and as what.
#[derive(Debug)]
pub(crate) struct NewUser {
    pub(crate) username: String,
    pub(crate) password: Secret,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) is_staff: bool,
    pub(crate) is_superuser: bool,
}

/// What an import did.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) users: usize,
    pub(crate) roles: usize,
    /// Users who were there and are others now.
    pub(crate) replaced: usize,
    /// Whose hashes are not computed, and why.
    pub(crate) shut_out: Vec<String>,
    /// Who was disabled here and stays so, whatever the dump says.
    pub(crate) still_disabled: Vec<String>,
}

/// The users file of a configuration.
#[derive(Debug)]
pub(crate) struct UsersFile {
    path: PathBuf,
    hashing: Hashing,
}

impl UsersFile {
    /// # Errors
    /// When users come from elsewhere.
    pub(crate) fn of(settings: UserSettings) -> anyhow::Result<Self> {
        let UserSettings { directory, hashing } = settings;
        match directory {
            DirectorySettings::File(file) => Ok(Self { path: file.path, hashing }),
            DirectorySettings::Django(_) => {
                bail!("[directory] kind is \"django\": users are the backend's to keep; this is for kind \"file\"")
            }
            DirectorySettings::Upstream(_) => {
                bail!("[directory] kind is \"upstream\": users are the backend's to keep; this is for kind \"file\"")
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// When the file isn't there, or something is wrong with it.
    pub(crate) fn read(&self) -> anyhow::Result<Users> {
        Ok(file::read(&self.path, is_hash)?)
    }

    /// Adds a user by an id of their own; the first one makes the file.
    ///
    /// # Errors
    /// When there is one of that name, or one that differs in upper and lower case only.
    pub(crate) fn add(&self, new: NewUser, entropy: &dyn Entropy, clock: &dyn Clock) -> anyhow::Result<UserId> {
        let user = UserRecord {
            id: draw_id(entropy)?,
            password: self.encode(&new.password, entropy)?,
            username: new.username,
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            is_staff: new.is_staff,
            is_superuser: new.is_superuser,
            is_active: true,
            date_joined: Timestamp::from_secs(clock.now().as_secs()),
            roles: new.roles,
            permissions: Vec::new(),
        };
        if let Some(fault) = user.faults(is_hash).first() {
            bail!("{}: {fault}", user.username.escape_debug());
        }
        let mut draft = Draft::open(&self.path, true, is_hash)?;
        refuse_taken(draft.users(), &user.username)?;
        draft.put_user(&user);
        draft.save()?;
        Ok(user.id)
    }

    /// # Errors
    /// When there is no such user.
    pub(crate) fn set_password(&self, username: &str, password: &Secret, entropy: &dyn Entropy) -> anyhow::Result<()> {
        let password = self.encode(password, entropy)?;
        let mut draft = Draft::open(&self.path, false, is_hash)?;
        find(draft.users(), username)?;
        draft.set_password(username, &password);
        Ok(draft.save()?)
    }

    /// `false` when it was so before.
    ///
    /// # Errors
    /// When there is no such user.
    pub(crate) fn set_active(&self, username: &str, is_active: bool) -> anyhow::Result<bool> {
        let mut draft = Draft::open(&self.path, false, is_hash)?;
        if find(draft.users(), username)?.is_active == is_active {
            return Ok(false);
        }
        draft.set_active(username, is_active);
        draft.save()?;
        Ok(true)
    }

    /// Adds everybody of a dump, and with `replace` puts those who are there already, by the same name and id, in their own
    /// place. Who is disabled here stays so.
    ///
    /// # Errors
    /// When one of them is there already, or another one who could be taken for them; nothing is changed then.
    pub(crate) fn import(&self, dump: &Dump, replace: bool) -> anyhow::Result<Imported> {
        let mut draft = Draft::open(&self.path, true, is_hash)?;
        let conflicts = conflicts(draft.users(), dump, replace);
        ensure!(conflicts.is_empty(), "nothing was imported:\n{}", conflicts.join("\n"));
        let here = |user: &UserRecord| draft.users().by_name(&user.username).map(|here| here.is_active);
        let replaced = dump.users.iter().filter(|user| here(user).is_some()).count();
        let is_still_disabled = |user: &&UserRecord| user.is_active && here(user) == Some(false);
        let still_disabled: Vec<String> =
            dump.users.iter().filter(is_still_disabled).map(|user| user.username.clone()).collect();
        dump.roles.iter().for_each(|role| draft.put_role(role));
        dump.users.iter().for_each(|user| draft.put_user(user));
        still_disabled.iter().for_each(|username| draft.set_active(username, false));
        draft.save()?;
        let bounds = hashing::bounds(&self.hashing);
        let shut_out = dump.users.iter().filter_map(|user| {
            let why = PasswordHash::from(&user.password).check(bounds).err()?;
            Some(format!("{} can't log in by the password of before: {why}", user.username))
        });
        let [users, roles] = [dump.users.len(), dump.roles.len()];
        Ok(Imported { users, roles, replaced, shut_out: shut_out.collect(), still_disabled })
    }

    fn encode(&self, password: &Secret, entropy: &dyn Entropy) -> anyhow::Result<EncodedPassword> {
        check_password(password)?;
        let hash = hashing::preferred(&self.hashing).encode(password.expose(), Salt::from_bytes(entropy.bytes()?));
        hash.context("[hashing]: no hash costs so much")
    }
}

/// Two names that only a careful reader can tell apart are one too many, unless the file says so itself: guesses at one of
/// them count against the other, too.
pub(crate) fn refuse_taken(users: &Users, username: &str) -> anyhow::Result<()> {
    let folded_name = folded(username);
    match users.all().iter().find(|user| folded(&user.username) == folded_name) {
        Some(user) if user.username == username => {
            bail!("{username} is there already; `railgate user passwd` sets a password")
        }
        Some(user) => bail!("{username} is too much like {}, who is there already", user.username),
        None => Ok(()),
    }
}

/// The user of this name.
///
/// # Errors
/// When there is none.
pub(crate) fn find<'u>(users: &'u Users, username: &str) -> anyhow::Result<&'u UserRecord> {
    let user = users.by_name(username);
    user.with_context(|| format!("no user is called {}; `railgate user list` shows them", username.escape_debug()))
}

/// # Errors
/// When a password is too short to be one.
pub(crate) fn check_password(password: &Secret) -> anyhow::Result<()> {
    let length = password.expose().chars().count();
    ensure!(length >= SHORTEST_PASSWORD, "a password has {SHORTEST_PASSWORD} characters or more");
    Ok(())
}

fn conflicts(users: &Users, dump: &Dump, replace: bool) -> Vec<String> {
    let mut conflicts = Vec::new();
    let mut names = HashSet::new();
    let mut alike: HashMap<String, &str> =
        users.all().iter().map(|user| (folded(&user.username), user.username.as_str())).collect();
    for user in &dump.users {
        let name = &user.username;
        if !names.insert(name) {
            conflicts.push(format!("{name} stands twice in the dump"));
            continue;
        }
        match users.by_name(name) {
            Some(here) if here.id != user.id => conflicts.push(format!(
                "{name} is somebody else here, with the id {} and not {}: second factors belong to an id; \
                 take one of the two out, or give them one id",
                here.id, user.id
            )),
            Some(_) if !replace => {
                conflicts.push(format!("{name} is there already; --replace puts the one of the dump in their place"));
            }
            Some(_) => {}
            None => {
                if let Some(other) = alike.insert(folded(name), name) {
                    conflicts.push(format!("{name} is too much like {other}: guesses at one would lock both"));
                }
            }
        }
        match users.by_id(&user.id) {
            Some(other) if other.username != *name => {
                conflicts.push(format!("{name} has the id {}, which is {}'s here", user.id, other.username));
            }
            Some(_) | None => {}
        }
    }
    let is_other =
        |role: &&file::RoleRecord| users.roles().iter().any(|known| known.name == role.name && known != *role);
    for role in dump.roles.iter().filter(is_other).filter(|_| !replace) {
        conflicts
            .push(format!("the role {} allows something else here; --replace takes what the dump says", role.name));
    }
    conflicts
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn draw_id(entropy: &dyn Entropy) -> anyhow::Result<UserId> {
    let mut bytes: [u8; 16] = entropy.bytes()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(UserId::new(parts.join("-")))
}

#[cfg(test)]
mod tests;
