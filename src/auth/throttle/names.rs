//! Under which names attempts are counted.

use std::{fmt::Write as _, net::IpAddr};

use ring::hmac;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{
    auth::tokens::{KeyRing, KnownDevice},
    model::{PasswordMark, UserId},
    store::{ThrottleKey, UserTag},
};

const PURPOSE: &str = "throttle names v1";
/// Bytes of a MAC that tell one name from all others; those of the tag come before them.
const TAG: usize = 8;
const NAME: usize = 16;

/// Makes names of counts, from which nobody reads whose they are.
#[derive(Debug)]
pub(super) struct Names(hmac::Key);

impl Names {
    pub(super) fn new(keys: &KeyRing) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &*keys.signing().derive(PURPOSE)))
    }

    /// Of logins by this name, however it is spelt.
    pub(super) fn of_name(&self, name: &str) -> ThrottleKey {
        let mac = self.mac("name", &[folded(name).as_bytes()]);
        ThrottleKey { tag: tag(&mac), name: in_key("name", mac) }
    }

    /// Of the same from one address: forgotten with the others of the name.
    pub(super) fn of_client(&self, name: &str, address: Option<IpAddr>) -> ThrottleKey {
        let name = folded(name);
        let mac = self.mac("client", &[name.as_bytes(), &network(address)]);
        ThrottleKey { tag: tag(&self.mac("name", &[name.as_bytes()])), name: in_key("client", mac) }
    }

    /// Of logins to this account. One that doesn't exist has an id that is made of the name.
    pub(super) fn of_account(&self, user: Option<&UserId>, name: &str) -> ThrottleKey {
        match user {
            Some(user) => {
                let mac = self.mac("account", &[user.as_str().as_bytes()]);
                ThrottleKey { tag: UserTag::of(user), name: in_key("account", mac) }
            }
            None => {
                let mac = self.mac("nobody", &[folded(name).as_bytes()]);
                ThrottleKey { tag: tag(&mac), name: in_key("account", mac) }
            }
        }
    }

    /// Of whatever comes from one address.
    pub(super) fn of_address(&self, address: Option<IpAddr>) -> ThrottleKey {
        let mac = self.mac("address", &[&network(address)]);
        ThrottleKey { tag: tag(&mac), name: in_key("address", mac) }
    }

    /// Of refresh tokens from one address that are not in order.
    pub(super) fn of_refreshes(&self, address: Option<IpAddr>) -> ThrottleKey {
        let mac = self.mac("refresh", &[&network(address)]);
        ThrottleKey { tag: tag(&mac), name: in_key("refresh", mac) }
    }

    /// Of logins by a device to its account.
    pub(super) fn of_device(device: &KnownDevice) -> ThrottleKey {
        ThrottleKey { tag: device.tag, name: in_key("device", device.id) }
    }

    /// Of codes, whatever the password.
    pub(super) fn of_codes(user: &UserId) -> ThrottleKey {
        ThrottleKey { tag: UserTag::of(user), name: "codes".to_owned() }
    }

    /// Of what is asked for once more, while the account has one password.
    pub(super) fn of(what: &str, user: &UserId, password: PasswordMark) -> ThrottleKey {
        ThrottleKey { tag: UserTag::of(user), name: format!("{what}:{password}") }
    }

    /// Each part behind its length, so that none can run into the next.
    fn mac(&self, kind: &str, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [kind.as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign()
    }
}

fn tag(mac: &hmac::Tag) -> UserTag {
    let mut tag = [0; TAG];
    tag.copy_from_slice(&mac.as_ref()[..TAG]);
    UserTag::from_bytes(tag)
}

fn in_key(kind: &str, id: impl AsRef<[u8]>) -> String {
    let mut name = format!("{kind}:");
    let id = id.as_ref();
    for byte in &id[id.len().saturating_sub(NAME)..] {
        // A `String` takes whatever is written.
        let _written = write!(name, "{byte:02x}");
    }
    name
}

/// What a block of addresses is given to: a customer gets at least a /64 of IPv6 (RFC 6177), so one of its 2^64 addresses
/// says nothing. No address is one, too.
fn network(address: Option<IpAddr>) -> Vec<u8> {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
        None => Vec::new(),
    }
}

/// No directory has longer names, and folding one of a megabyte would hold up everybody's logins.
const LONGEST: usize = 255;

/// What two names have in common that some collation of a database takes for one: without case, accents and the forms that
/// are there for compatibility, and without blanks at the end.
pub(crate) fn folded(name: &str) -> String {
    if name.chars().nth(LONGEST).is_some() {
        return name.to_owned();
    }
    // Upper case first: `ß` and `SS`, `ς` and `σ`, `ı` and `i` have one, and more than one lower case.
    let plain = name.nfkd().filter(|char| !is_combining_mark(*char));
    let lower: String = plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    lower.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Names, folded, network};
    use crate::{
        auth::tokens::{Key, KeyRing},
        model::{SystemEntropy, UserId},
    };

    #[test]
    fn spellings_that_a_collation_takes_for_one_are_one() {
        for spelling in ["john", "John", "JOHN", "john  ", "jöhn", "Jo\u{308}hn", "ｊｏｈｎ", "𝒿ohn"] {
            assert_eq!(folded(spelling), "john", "{spelling}");
        }
        assert_eq!(folded("Straße"), folded("STRASSE"));
        assert_eq!(folded("İlkı"), folded("ilki"));
        assert_eq!(folded("ΣΊΣΥΦΟΣ"), folded("σισυφος"));
        assert_eq!(folded(&"É".repeat(255)), "e".repeat(255));
        let long = "É".repeat(256);
        assert_eq!(folded(&long), long, "not a name, and not looked into");
        for other in ["joh", "john1", " john", "jo hn", ""] {
            assert_ne!(folded(other), "john", "{other}");
        }
    }

    #[test]
    fn a_client_is_a_v4_address_or_a_v6_network() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("192.0.2.7"), of("::ffff:192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
    }

    #[test]
    fn no_name_is_in_a_key_and_none_passes_for_another() {
        let names = || Names::new(&KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap());
        let (ours, theirs) = (names(), names());
        let address = Some("192.0.2.7".parse().unwrap());
        let user = UserId::new("john");
        let keys = [
            ours.of_name("john"),
            ours.of_client("john", address),
            ours.of_account(Some(&user), "john"),
            ours.of_account(None, "john"),
            ours.of_address(address),
            ours.of_refreshes(address),
            theirs.of_name("john"),
            theirs.of_address(address),
        ];
        for (place, key) in keys.iter().enumerate() {
            let told = format!("{key:?}");
            assert!(!told.contains("john") && !told.contains("192.0.2"), "{told}");
            assert!(key.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b':'), "{key:?}");
            assert!(keys[..place].iter().all(|other| other.name != key.name), "{key:?}");
        }
        assert_eq!(keys[0].tag, keys[1].tag, "forgotten together");
        assert_eq!(ours.of_name("JOHN "), keys[0]);
        assert_eq!(ours.of_account(None, "JÖHN"), keys[3]);
    }
}
