//! Changes a users file: one writer at a time, and no reader ever sees half of it.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::{
    HashCheck,
    entry::Kind,
    form::{Form, Text},
    problem::FileError,
    record::{RoleRecord, UserRecord},
    users::Users,
};
use crate::model::EncodedPassword;

/// A users file that is being changed. Whoever else wants to change it waits until this is saved or dropped, and then sees
/// what it has become.
pub struct Draft {
    path: PathBuf,
    is_hash: HashCheck,
    users: Users,
    text: Box<dyn Text>,
    /// Its lock is what the others wait for. The file itself can't be the lock: it is another one afterwards.
    folder: File,
}

impl Draft {
    /// Opens the file at `path`, once nobody else changes it. `create`: an absent one is as good as an empty one.
    ///
    /// # Errors
    /// When it isn't there or can't be read, or when something is wrong with it: what can't be read isn't written either.
    pub fn open(path: &Path, create: bool, is_hash: HashCheck) -> Result<Self, FileError> {
        let path = resolve(path).map_err(|error| FileError::io(path, error))?;
        let folder = lock_folder(&path).map_err(|error| FileError::io(&path, error))?;
        let form = Form::of(&path);
        let text = match read_text(&path) {
            Err(FileError::Missing(_)) if create => form.header().to_owned(),
            other => other?,
        };
        let users = Users::read(&text, &path, is_hash)?;
        let text = form.open(&text).ok_or_else(|| FileError::io(&path, io::ErrorKind::InvalidData.into()))?;
        Ok(Self { path, is_hash, users, text, folder })
    }

    /// Who was in the file when it was opened.
    #[must_use]
    pub const fn users(&self) -> &Users {
        &self.users
    }

    /// Adds a user, or puts this one in the place of the one of the same name.
    pub fn put_user(&mut self, user: &UserRecord) {
        self.text.put(Kind::User, &user.username, &user.fields());
    }

    /// Adds a role, or puts this one in the place of the one of the same name.
    pub fn put_role(&mut self, role: &RoleRecord) {
        self.text.put(Kind::Role, &role.name, &role.fields());
    }

    /// Gives a user, who is there, another password.
    pub fn set_password(&mut self, username: &str, password: &EncodedPassword) {
        self.text.set(username, "password", password.expose().into());
    }

    /// Says whether a user, who is there, may log in.
    pub fn set_active(&mut self, username: &str, is_active: bool) {
        self.text.set(username, "is_active", is_active.into());
    }

    /// Puts the changed text in the place of the file, whose owner and mode stay; a new file is its owner's alone (0600).
    ///
    /// # Errors
    /// When what came out would not be read again, or can't be written. The file is unchanged then.
    pub fn save(self) -> Result<(), FileError> {
        let text = self.text.text();
        Users::read(&text, &self.path, self.is_hash)?;
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        let draft = PathBuf::from(name);
        let saved = replace(&draft, &self.path, &text).and_then(|()| self.folder.sync_all());
        if saved.is_err() {
            // Hashes must not lie about; what went wrong is the news, not this.
            let _ = fs::remove_file(&draft);
        }
        saved.map_err(|error| FileError::io(&self.path, error))
    }
}

/// The text of the file at `path`.
pub(super) fn read_text(path: &Path) -> Result<String, FileError> {
    read_file(path).map(|(text, _)| text)
}

/// The text of the file at `path`, and which file that was: by now it may be another.
pub(super) fn read_file(path: &Path) -> Result<(String, Metadata), FileError> {
    let read = || {
        let mut file = File::open(path)?;
        let found = file.metadata()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok((text, found))
    };
    read().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::io(path, error),
    })
}

/// A link is followed, so that it stays one. A file that isn't there yet has a folder.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok(fs::canonicalize(folder)?.join(path.file_name().ok_or(error)?))
        }
        resolved => resolved,
    }
}

fn lock_folder(path: &Path) -> io::Result<File> {
    let folder = File::open(path.parent().unwrap_or(Path::new("/")))?;
    folder.lock()?;
    Ok(folder)
}

/// A draft that a crash left behind is replaced.
fn replace(draft: &Path, path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    match fs::metadata(path) {
        Ok(before) => {
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
                chown(draft, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(draft, path)
}
