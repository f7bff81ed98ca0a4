//! `[mfa]`: second factors, and devices that need none for a while.

use std::time::Duration;

use super::{
    directory::DirectorySettings,
    reader::{Fault, Table, days, minutes},
};

/// Second factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaSettings {
    /// Who has to have one.
    pub policy: MfaPolicy,
    /// Where secrets, backup codes and trusted devices are kept.
    pub storage: MfaStorage,
    /// What authenticators call the account's site; no colon is in it, which ends it in an `otpauth` label.
    pub issuer: String,
    /// How long after a login factors may be changed.
    pub fresh_login: Duration,
    /// How long a device is trusted; `None`: none is.
    pub trusted_devices: Option<Duration>,
}

/// Who has to have a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MfaPolicy {
    /// Nobody; nor is anybody asked for the one that they have.
    Off,
    /// Nobody; who has one is asked for it.
    #[default]
    Optional,
    /// Staff and superusers.
    Staff,
    /// Everybody.
    All,
}

/// Where second factors are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaStorage {
    /// In the backend's own tables.
    Directory,
    /// In the gateway's store, sealed.
    Store,
}

impl MfaSettings {
    /// `directory`: where users come from, if that is known.
    pub(super) fn read(table: &Table<'_>, directory: Option<&DirectorySettings>) -> Self {
        let policy = table.choice(
            "policy",
            MfaPolicy::default(),
            &[
                ("off", MfaPolicy::Off),
                ("optional", MfaPolicy::Optional),
                ("staff", MfaPolicy::Staff),
                ("all", MfaPolicy::All),
            ],
        );
        let storage = MfaStorage::read(table, directory.is_none_or(DirectorySettings::has_factors));
        let issuer = table.text_or("issuer", "a name such as \"Example\"", "railgate", parse_issuer);
        let fresh_login = table.duration("fresh_login", minutes(10), &(minutes(1)..=days(1)));
        let trusted_devices = table.flag("trusted_devices", true);
        let lifetime = table.duration("trusted_device_lifetime", days(30), &(minutes(60)..=days(365)));
        if policy == MfaPolicy::Off {
            let why = "is \"off\": who has a second factor is not asked for it, and a password is enough";
            table.warn("policy", why, "use \"optional\", which asks those who have one");
        }
        if !trusted_devices {
            table.warn_ineffective(&["trusted_device_lifetime"], "set `trusted_devices = true`, or remove it");
        }
        Self { policy, storage, issuer, fresh_login, trusted_devices: trusted_devices.then_some(lifetime) }
    }
}

impl MfaStorage {
    /// The directory, where it has a place for them.
    fn read(table: &Table<'_>, has_place: bool) -> Self {
        let default = if has_place { Self::Directory } else { Self::Store };
        let storage = table.choice("storage", default, &[("directory", Self::Directory), ("store", Self::Store)]);
        if storage == Self::Directory && !has_place {
            let why = "is \"directory\", but the directory of this kind has no place for second factors";
            table.reject("storage", why, "write \"store\", or remove the key");
        }
        storage
    }
}

/// It stands before the user's name and a colon in the label of an authenticator's entry.
fn parse_issuer(text: &str) -> Result<String, Fault> {
    const LONGEST: usize = 64;
    match text.chars().count() {
        0 => Err(Fault::Form),
        1..=LONGEST if text.contains(':') => {
            Err(Fault::Because("has a colon, at which authenticators would cut it off".to_owned()))
        }
        1..=LONGEST if text.chars().any(char::is_control) => Err(Fault::Form),
        1..=LONGEST => Ok(text.to_owned()),
        long => Err(Fault::Because(format!("has {long} characters; the most are {LONGEST}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{MfaPolicy, MfaStorage};
    use crate::config::{
        reader::{days, minutes},
        tests::{config, messages},
    };

    fn of(more: &str) -> Vec<String> {
        messages(&format!("[mfa]\n{more}"))
    }

    #[test]
    fn who_has_a_factor_is_asked_for_it_unless_told_otherwise() {
        let settings = config("").mfa;
        assert_eq!((settings.policy, settings.storage), (MfaPolicy::Optional, MfaStorage::Directory));
        assert_eq!((settings.issuer.as_str(), settings.fresh_login), ("railgate", minutes(10)));
        assert_eq!(settings.trusted_devices, Some(days(30)));
    }

    #[test]
    fn each_word_says_what_it_says() {
        for (word, policy) in [
            ("off", MfaPolicy::Off),
            ("optional", MfaPolicy::Optional),
            ("staff", MfaPolicy::Staff),
            ("all", MfaPolicy::All),
        ] {
            assert_eq!(config(&format!("[mfa]\npolicy = '{word}'")).mfa.policy, policy);
            assert_eq!(of(&format!("policy = '{word}'")).len(), usize::from(policy == MfaPolicy::Off), "{word}");
        }
        let found = of("policy = 'off'");
        assert!(found[0].starts_with("`mfa.policy` is \"off\": who has a second factor is not asked"), "{found:?}");
        assert_eq!(config("[mfa]\nstorage = 'store'").mfa.storage, MfaStorage::Store);
        assert_eq!(config("[mfa]\nstorage = 'directory'").mfa.storage, MfaStorage::Directory);
    }

    #[test]
    fn an_issuer_fits_into_a_label() {
        for good in ["x", "Rail Django", "Élodie & Co. 長", &"é".repeat(64)] {
            assert_eq!(config(&format!("[mfa]\nissuer = '{good}'")).mfa.issuer, good);
        }
        for (bad, why) in [
            ("''".to_owned(), "expected a name such as \"Example\""),
            ("\"a\\tb\"".to_owned(), "expected a name such as \"Example\""),
            ("'a:b'".to_owned(), "has a colon, at which"),
            (format!("'{}'", "é".repeat(65)), "has 65 characters; the most are 64"),
        ] {
            let found = of(&format!("issuer = {bad}"));
            assert!(found.len() == 1 && found[0].starts_with(&format!("`mfa.issuer`: {why}")), "{bad}: {found:?}");
        }
    }

    #[test]
    fn spans_have_bounds() {
        let settings = config("[mfa]\nfresh_login = '1m'\ntrusted_device_lifetime = '1h'").mfa;
        assert_eq!((settings.fresh_login, settings.trusted_devices), (minutes(1), Some(minutes(60))));
        let settings = config("[mfa]\nfresh_login = '1d'\ntrusted_device_lifetime = '365d'").mfa;
        assert_eq!((settings.fresh_login, settings.trusted_devices), (days(1), Some(days(365))));
        for (bad, bounds) in [
            ("fresh_login = '59s'", "from 1m to 1d"),
            ("fresh_login = '25h'", "from 1m to 1d"),
            ("trusted_device_lifetime = '59m'", "from 1h to 365d"),
            ("trusted_device_lifetime = '366d'", "from 1h to 365d"),
        ] {
            let found = of(bad);
            assert!(found.len() == 1 && found[0].contains(bounds), "{bad}: {found:?}");
        }
    }

    #[test]
    fn no_device_is_trusted_where_the_operator_says_so() {
        assert_eq!(config("[mfa]\ntrusted_devices = false").mfa.trusted_devices, None);
        assert_eq!(of("trusted_devices = false"), [""; 0]);
        let found = of("trusted_devices = false\ntrusted_device_lifetime = '1d'");
        assert_eq!(found, ["`mfa.trusted_device_lifetime` has no effect"]);
    }
}
