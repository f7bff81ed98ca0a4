//! `[tokens]`: access tokens and the keys under them.

use std::{collections::HashSet, time::Duration};

use super::{
    reader::{Fault, Holds, Outside, Table, days, minutes, seconds, spell_duration},
    sessions::SessionSettings,
    upstream::IdentitySettings,
};
use crate::model::{Secret, Timestamp};

/// Access tokens.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// What access tokens are.
    pub format: TokenFormat,
    /// How long one is good for.
    pub access_lifetime: Duration,
    /// Which facts they carry beside the caller's identity.
    pub claims: Vec<Claim>,
    /// Where the gateway's keys come from. Every kind of token but Rail Django's hangs on them.
    pub keys: KeySource,
    /// Tokens that Rail Django signed before the gateway came.
    pub accept_rail_jwt: Option<RailJwt>,
}

/// What access tokens are.
#[derive(Clone, Debug)]
pub enum TokenFormat {
    /// PASETO v4.local: encrypted, by the gateway's keys.
    Paseto,
    /// Rail Django's JWT (HS256), for backends and clients that read it.
    Jwt {
        /// The key of the MAC, at least 32 bytes.
        secret: Secret,
        /// Those that verify beside it.
        others: Vec<Secret>,
    },
}

/// A fact that an access token may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The e-mail address.
    Email,
    /// Role names.
    Roles,
    /// Permissions; many for a superuser.
    Permissions,
}

/// Where keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// PASERK texts (`k4.local.…`, `k4.secret.…`). The first signs, all count. A file may hold several, one a line.
    Given(Vec<Secret>),
    /// A file of the state folder, made on first start with mode 0600.
    StateDir,
}

/// Which of Rail Django's own tokens are accepted.
#[derive(Clone, Debug)]
pub struct RailJwt {
    /// `JWT_SECRET_KEY` or `SECRET_KEY` of the Django project.
    pub secret: Secret,
    /// Only tokens issued before this instant count.
    pub cut_over: Timestamp,
}

impl TokenSettings {
    pub(super) fn read(
        table: &Table<'_>,
        sessions: &SessionSettings,
        identity: Option<&IdentitySettings>,
    ) -> Option<Self> {
        let format = TokenFormat::read(table);
        let access_lifetime = table.duration("access_lifetime", minutes(15), &(seconds(1)..=days(1)));
        let claims = table.choices(
            "claims",
            &[Claim::Email, Claim::Roles],
            &[("email", Claim::Email), ("roles", Claim::Roles), ("permissions", Claim::Permissions)],
        );
        let keys = KeySource::read(table);
        let accept_rail_jwt = table.optional("accept_rail_jwt", RailJwt::read);
        if access_lifetime > sessions.longest_pause() {
            let why = format!(
                "is {}, longer than a session may live without a refresh ({})",
                spell_duration(access_lifetime),
                spell_duration(sessions.longest_pause())
            );
            table.reject("access_lifetime", &why, "shorten it, or lengthen the lifetimes of [sessions]");
        }
        if identity.is_some_and(|identity| identity.permissions) && !claims.contains(&Claim::Permissions) {
            let why = "lacks \"permissions\", which `upstream.identity.permissions` sends on";
            table.reject("claims", why, "add \"permissions\"");
        }
        let assertion = identity.and_then(|identity| identity.assertion.as_ref());
        let signs_alone = assertion.is_some_and(|assertion| matches!(assertion.keys, KeySource::StateDir));
        if signs_alone && matches!(keys, KeySource::Given(_)) {
            let why = "may be those of several gateways, and each signs assertions by a key of its own";
            table.warn("keys", why, "give all of them the same `assertion_keys` of [upstream.identity]");
        }
        Some(Self { format: format?, access_lifetime, claims, keys, accept_rail_jwt: accept_rail_jwt.flatten() })
    }
}

impl TokenFormat {
    fn read(table: &Table<'_>) -> Option<Self> {
        let jwt = table.choice("format", false, &[("paseto", false), ("jwt", true)]);
        let secrets = table.secrets("jwt_secret", "a secret", Outside::Whole, check_hs256);
        if jwt {
            if !table.has("jwt_secret") {
                let help = "add `jwt_secret = { env = \"NAME\" }`, or format \"paseto\", which needs none";
                table.reject("format", "is \"jwt\", which needs `jwt_secret`", help);
            }
            let secrets = secrets?;
            refuse_doubtful_list(table, "jwt_secret", &secrets);
            let (secret, others) = secrets.split_first()?;
            return Some(Self::Jwt { secret: secret.clone(), others: others.to_vec() });
        }
        table.warn_ineffective(&["jwt_secret"], "set `format = \"jwt\"`, or remove it");
        Some(Self::Paseto)
    }
}

impl KeySource {
    /// Symmetric keys.
    fn read(table: &Table<'_>) -> Self {
        Self::of(table, "keys", "a key as `railgate keygen` prints it", |text| check_key(text, "k4.local.", 43))
    }

    /// Key pairs.
    pub(super) fn read_signing(table: &Table<'_>, key: &'static str) -> Self {
        let expected = "a key as `railgate keygen --assertion` prints it";
        Self::of(table, key, expected, |text| check_key(text, "k4.secret.", 86))
    }

    fn of(table: &Table<'_>, key: &'static str, expected: &str, check: impl Fn(&str) -> Result<Holds, Fault>) -> Self {
        let Some(keys) = table.secrets(key, expected, Outside::OneALine, check) else {
            return Self::StateDir;
        };
        refuse_doubtful_list(table, key, &keys);
        Self::Given(keys)
    }
}

impl RailJwt {
    fn read(table: &Table<'_>) -> Option<Self> {
        table.require("secret", "{ env = \"DJANGO_SECRET_KEY\" }");
        table.require("cut_over", "2026-03-01T00:00:00Z");
        let secret = hs256_secret(table, "secret");
        let cut_over = table.instant("cut_over");
        Some(Self { secret: secret?, cut_over: cut_over? })
    }
}

fn refuse_doubtful_list(table: &Table<'_>, key: &'static str, secrets: &[Secret]) {
    if secrets.is_empty() {
        table.reject(key, "is empty", "remove it, or say what signs; `railgate keygen` prints a key");
    }
    let mut known = HashSet::new();
    if !secrets.iter().all(|secret| known.insert(secret.expose())) {
        table.reject(key, "holds the same secret twice", "remove one of the two");
    }
}

/// The form of a PASERK: `k4.local.` and 32 bytes in 43 characters of base64url, or `k4.secret.` and 64 bytes in 86.
fn check_key(text: &str, prefix: &str, length: usize) -> Result<Holds, Fault> {
    let is_key = text.strip_prefix(prefix).is_some_and(|data| {
        data.len() == length && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    });
    if is_key { Ok(Holds::Secret) } else { Err(Fault::Form) }
}

/// A secret that signs with HMAC-SHA256: at least as long as its output (RFC 7518 §3.2).
pub(super) fn hs256_secret(table: &Table<'_>, key: &'static str) -> Option<Secret> {
    table.secret(key, "a secret", check_hs256)
}

fn check_hs256(text: &str) -> Result<Holds, Fault> {
    if text.len() < 32 {
        let why = format!("has {} bytes; an HS256 secret needs at least 32 (RFC 7518 §3.2)", text.len());
        return Err(Fault::Because(why));
    }
    Ok(Holds::Secret)
}

#[cfg(test)]
mod tests {
    use super::{Claim, KeySource, TokenFormat};
    use crate::{
        config::tests::{config, messages},
        model::Timestamp,
    };

    const KEY: &str = "k4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    #[test]
    fn tokens_are_paseto_with_a_key_of_the_gateways_own() {
        let tokens = config("").tokens;
        assert!(matches!((tokens.format, tokens.keys), (TokenFormat::Paseto, KeySource::StateDir)));
        assert_eq!(tokens.claims, [Claim::Email, Claim::Roles]);
    }

    #[test]
    fn jwt_needs_a_secret() {
        assert_eq!(messages("[tokens]\nformat = 'jwt'"), ["`tokens.format` is \"jwt\", which needs `jwt_secret`"]);
        let tokens = config(&format!("[tokens]\nformat = 'jwt'\njwt_secret = '{LONG}'")).tokens;
        assert!(matches!(tokens.format, TokenFormat::Jwt { .. }));
    }

    #[test]
    fn keys_are_those_of_keygen() {
        assert_eq!(messages(&format!("[tokens]\nkeys = ['{KEY}']")), ["`tokens.keys`: a secret stands in the file"]);
        assert_eq!(messages("[tokens]\nkeys = []"), ["`tokens.keys` is empty"]);
        assert!(
            messages(&format!("[tokens]\nkeys = ['{KEY}', '{KEY}']"))
                .contains(&"`tokens.keys` holds the same secret twice".to_owned())
        );
        assert_eq!(
            messages("[tokens]\nkeys = ['hunter2', 7]"),
            [
                "`tokens.keys`: expected a key as `railgate keygen` prints it, found another text",
                "`tokens.keys`: expected a key as `railgate keygen` prints it, found a number"
            ]
        );
    }

    #[test]
    fn a_list_or_a_file_holds_several_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        let given = |keys: &str, text: &str| {
            std::fs::write(&file, text).unwrap();
            let keys = keys.replace("FILE", &format!("{{ file = '{}' }}", file.display()));
            match config(&format!("[tokens]\nkeys = {keys}")).tokens.keys {
                KeySource::Given(keys) => keys.iter().map(|key| key.expose().to_owned()).collect::<Vec<_>>(),
                KeySource::StateDir => panic!("{keys}"),
            }
        };
        let other = KEY.replace("AAA", "BBB");
        assert_eq!(given("FILE", &format!("{KEY}\n\n {other} \r\n")), [KEY, &other]);
        assert_eq!(given("[FILE]", &format!("{KEY}\n{other}")), [KEY, &other]);
        assert_eq!(given(&format!("[FILE, '{other}']"), KEY), [KEY, &other]);
        assert_eq!(given(&format!("'{KEY}'"), ""), [KEY]);
        let wrong = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let said = messages(&format!("[tokens]\nkeys = {{ file = '{}' }}", file.display()));
            said.join("; ").replace(&*file.to_string_lossy(), "FILE")
        };
        assert_eq!(wrong(&format!("{KEY}\n{KEY}")), "`tokens.keys` holds the same secret twice");
        assert_eq!(
            wrong(&format!("{KEY}\nhunter2")),
            "`tokens.keys`: expected a key as `railgate keygen` prints it, found something else in the file FILE"
        );
        assert!(wrong(" \n").contains("found something else in the file FILE"));
        assert!(wrong(&format!("'{KEY}\n{other}'")).contains("found something else"));
    }

    /// With time by the cube of their number, or by its square, this would not end.
    #[test]
    fn each_of_very_many_keys_on_one_line_is_told_of() {
        const MANY: usize = 100_000;
        let keys: Vec<String> = (0..MANY).map(|n| format!("'k4.local.{n:A>43}'")).collect();
        let found = messages(&format!("[tokens]\nkeys = [{}]", keys.join(", ")));
        assert_eq!(found.len(), MANY);
    }

    #[test]
    fn several_secrets_verify_a_jwt() {
        let text = format!("[tokens]\nformat = 'jwt'\njwt_secret = ['{LONG}', '{LONG}y']");
        let TokenFormat::Jwt { secret, others } = config(&text).tokens.format else { panic!("{text}") };
        assert_eq!(secret.expose(), LONG);
        assert_eq!(others.iter().map(crate::model::Secret::expose).collect::<Vec<_>>(), [format!("{LONG}y")]);
        assert_eq!(messages("[tokens]\nformat = 'jwt'\njwt_secret = []"), ["`tokens.jwt_secret` is empty"]);
        let twice = format!("[tokens]\nformat = 'jwt'\njwt_secret = ['{LONG}', '{LONG}']");
        assert!(messages(&twice).contains(&"`tokens.jwt_secret` holds the same secret twice".to_owned()));
    }

    #[test]
    fn a_token_is_outlived_by_its_session() {
        assert_eq!(
            messages("[tokens]\naccess_lifetime = '2h'\n[sessions]\nidle_lifetime = '1h'"),
            ["`tokens.access_lifetime` is 2h, longer than a session may live without a refresh (1h)"]
        );
    }

    #[test]
    fn tokens_of_the_backend_need_a_secret_and_an_instant() {
        let rail =
            |cut_over: &str| format!("[tokens]\naccept_rail_jwt = {{ secret = '{LONG}', cut_over = {cut_over} }}");
        let accepted = config(&rail("1970-01-01T01:00:00+01:00")).tokens.accept_rail_jwt.unwrap();
        assert_eq!(accepted.cut_over, Timestamp::from_secs(0));
        for bad in ["1970-01-01T01:00:00", "1970-01-01", "true", "'1970-01-01T00:00:00Z'"] {
            assert!(
                messages(&rail(bad))[1].starts_with("`tokens.accept_rail_jwt.cut_over`: expected an instant"),
                "{bad}"
            );
        }
        assert_eq!(
            messages("[tokens]\naccept_rail_jwt = {}"),
            ["`tokens.accept_rail_jwt.secret` is missing", "`tokens.accept_rail_jwt.cut_over` is missing"]
        );
        assert_eq!(messages("[tokens]\naccept_rail_jwt = true"), ["`tokens.accept_rail_jwt`: expected a table"]);
    }
}
