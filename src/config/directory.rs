//! `[directory]`: where users come from. Each kind has keys of its own, and refuses those of the others.

use std::path::Path;

use super::{
    Environment, Hashing, Report,
    keys::keys,
    reader::{self, Origin, Table},
};

mod django;
mod doors;
mod file;
mod tls;
mod upstream;

pub use django::DjangoDirectorySettings;
pub(super) use doors::reject_open;
pub use file::FileDirectorySettings;
pub use upstream::{BackendFields, UpstreamDirectorySettings, Vocabulary};

/// Where users come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectorySettings {
    /// The database of a Django project.
    Django(DjangoDirectorySettings),
    /// A file that an operator keeps.
    File(FileDirectorySettings),
    /// The backend's own login.
    Upstream(Box<UpstreamDirectorySettings>),
}

/// What `kind` says.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Django,
    File,
    Upstream,
}

/// What whoever has registered at the backend is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registered {
    /// A user, by the name that was given.
    LogsIn,
    /// A user, by another name.
    HasAnotherName,
    /// No user: the backend's are not the gateway's.
    IsNobody,
}

/// What looking after users takes of a configuration.
#[derive(Clone, Debug)]
pub struct UserSettings {
    /// Where they are.
    pub directory: DirectorySettings,
    /// Who hashes their passwords.
    pub hashing: Hashing,
}

impl UserSettings {
    /// Reads these sections of the file at `path` and leaves the others alone: who looks after users need not have the secrets
    /// that a gateway is started with.
    ///
    /// # Errors
    /// Everything that is wrong with them, or that the file can't be read.
    pub fn load(path: &Path, environment: &Environment<'_>) -> Result<Self, Report> {
        let (text, name) = super::text_of(path)?;
        let folder = super::folder_of(path);
        let reading = reader::read_part(&text, &Origin { name, folder, environment, keys: keys() }, |root| {
            let directory = root.table("directory", |table| DirectorySettings::read(table, folder));
            let hashing = root.table("hashing", |table| Hashing::read(table, directory.as_ref()));
            Some(Self { directory: directory?, hashing })
        });
        reading.into_result().map(|(settings, _)| settings)
    }
}

impl DirectorySettings {
    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Option<Self> {
        let kinds = [("django", Kind::Django), ("file", Kind::File), ("upstream", Kind::Upstream)];
        match table.choice("kind", Kind::Django, &kinds) {
            Kind::Django => {
                refuse_others(table, "django", "file", FileDirectorySettings::KEYS);
                UpstreamDirectorySettings::refuse(table, "django");
                DjangoDirectorySettings::read(table).map(Self::Django)
            }
            Kind::File => {
                refuse_others(table, "file", "django", DjangoDirectorySettings::KEYS);
                UpstreamDirectorySettings::refuse(table, "file");
                FileDirectorySettings::read(table, folder).map(Self::File)
            }
            Kind::Upstream => {
                refuse_others(table, "upstream", "file", FileDirectorySettings::KEYS);
                Some(Self::Upstream(Box::new(UpstreamDirectorySettings::read(table))))
            }
        }
    }

    /// Whether the backend checks passwords, and its own tokens are kept.
    pub(super) const fn asks_backend(&self) -> bool {
        match self {
            Self::Django(_) | Self::File(_) => false,
            Self::Upstream(_) => true,
        }
    }

    /// What whoever has registered at the backend is here.
    pub(super) fn registered(&self) -> Registered {
        match self {
            Self::Django(_) => Registered::LogsIn,
            Self::File(_) => Registered::IsNobody,
            Self::Upstream(settings) if settings.is_by_username() => Registered::LogsIn,
            Self::Upstream(_) => Registered::HasAnotherName,
        }
    }

    /// Whether second factors may be kept beside the users.
    #[must_use]
    pub const fn has_factors(&self) -> bool {
        matches!(self, Self::Django(_))
    }

    /// Whether the sessions that Django opens may be beside the users.
    pub(super) const fn has_django_sessions(&self) -> bool {
        matches!(self, Self::Django(_))
    }
}

fn refuse_others(table: &Table<'_>, kind: &str, other: &str, keys: &[&'static str]) {
    for key in keys.iter().copied().filter(|key| table.has(key)) {
        let help = format!("remove it, or set `kind = \"{other}\"`");
        table.refuse(key, &format!("has no place beside kind \"{kind}\": it is one of kind \"{other}\""), &help);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::messages_of;

    const UPSTREAM: &str = "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\n";

    fn of(lines: &str) -> Vec<String> {
        messages_of(&format!("{UPSTREAM}{lines}"))
    }

    #[test]
    fn each_kind_has_its_own_keys() {
        assert_eq!(of("kind = 'django'"), ["`directory.url` is missing"]);
        assert_eq!(of("kind = 'file'"), ["`directory.path` is missing"]);
        let unknown = of("kind = 'ldap'\nurl = 'sqlite:///db'");
        assert!(unknown.len() == 1 && unknown[0].starts_with("`directory.kind`: expected"), "{unknown:?}");
        assert_eq!(
            of("url = 'sqlite:///db'\npath = 'users.toml'"),
            ["`directory.path` has no place beside kind \"django\": it is one of kind \"file\""]
        );
        let keys = ["url = 'postgres://u:hunter2@db/app'", "user_table = 'x'", "username_column = 'x'"];
        for key in keys.into_iter().chain(["max_connections = 1", "timeout = '1s'"]) {
            let found = of(&format!("kind = 'file'\npath = 'users.toml'\n{key}"));
            let name = key.split(' ').next().unwrap();
            let why = "has no place beside kind \"file\": it is one of kind \"django\"";
            assert_eq!(found, [format!("`directory.{name}` {why}")]);
        }
    }

    #[test]
    fn what_a_file_has_no_place_for_is_kept_elsewhere_or_refused() {
        let file = "kind = 'file'\npath = 'users.toml'\n";
        assert_eq!(of(file), [""; 0]);
        assert_eq!(of(&format!("{file}[mfa]\nstorage = 'store'")), [""; 0]);
        assert_eq!(
            of(&format!("{file}[mfa]\nstorage = 'directory'")),
            ["`mfa.storage` is \"directory\", but the directory of this kind has no place for second factors"]
        );
        let sessions = |engine| {
            of(&format!(
                "{file}[sessions]\naccept_django = true\n[sessions.django]\nengine = '{engine}'\nsecret_key = {{ env = 'X', default = 'a key for tests, 32 bytes or more' }}"
            ))
        };
        let refused = "`sessions.accept_django` is true, but the directory of this kind has no sessions of Django's";
        assert!(sessions("database").iter().any(|message| message == refused), "{:?}", sessions("database"));
        assert!(!sessions("signed_cookies").iter().any(|message| message == refused));
    }
}
