//! `[directory]`: where users come from. Each kind has keys of its own.

use super::reader::Table;

mod django;
mod tls;
mod upstream;

pub use django::DjangoDirectorySettings;
pub use upstream::{BackendFields, UpstreamDirectorySettings, Vocabulary};

/// Where users come from.
#[derive(Clone, Debug)]
pub enum DirectorySettings {
    /// The database of a Django project.
    Django(DjangoDirectorySettings),
    /// The backend's own login.
    Upstream(Box<UpstreamDirectorySettings>),
}

/// What `kind` says.
#[derive(Clone, Copy)]
enum Kind {
    Django,
    Upstream,
}

impl DirectorySettings {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        match table.choice("kind", Kind::Django, &[("django", Kind::Django), ("upstream", Kind::Upstream)]) {
            Kind::Django => {
                UpstreamDirectorySettings::refuse(table, "django");
                DjangoDirectorySettings::read(table).map(Self::Django)
            }
            Kind::Upstream => Some(Self::Upstream(Box::new(UpstreamDirectorySettings::read(table)))),
        }
    }

    /// Whether the backend checks passwords, and its own tokens are kept.
    pub(super) const fn asks_backend(&self) -> bool {
        match self {
            Self::Django(_) => false,
            Self::Upstream(_) => true,
        }
    }

    /// Whether users log in by the name that they registered by.
    pub(super) fn is_by_username(&self) -> bool {
        match self {
            Self::Django(_) => true,
            Self::Upstream(settings) => settings.is_by_username(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::messages_of;

    const UPSTREAM: &str = "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\n";

    #[test]
    fn each_kind_has_its_own_keys() {
        let django = messages_of(&format!("{UPSTREAM}kind = 'django'"));
        assert_eq!(django, ["`directory.url` is missing"]);
        let unknown = messages_of(&format!("{UPSTREAM}kind = 'ldap'\nurl = 'sqlite:///db'"));
        assert!(unknown.len() == 1 && unknown[0].starts_with("`directory.kind`: expected"), "{unknown:?}");
    }
}
