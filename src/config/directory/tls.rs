//! What a database's URL says about TLS: by libpq's parameters for PostgreSQL, by those of MySQL's clients for MariaDB and
//! MySQL.
//!
//! The drivers pass over what they don't know, and use a certificate of an authority only in a mode that verifies. Either
//! would leave an operator with less than was asked for, so what could have no effect is an error here.

use std::path::Path;

use url::Url;

use crate::config::reader::Fault;

/// How a kind of database spells it.
struct Spelling {
    modes: &'static [&'static str],
    verifying: &'static [&'static str],
    mode: &'static str,
    authority: &'static str,
    certificate: &'static str,
    key: &'static str,
}

const POSTGRES: Spelling = Spelling {
    modes: &["disable", "prefer", "require", "verify-ca", "verify-full"],
    verifying: &["verify-ca", "verify-full"],
    mode: "sslmode",
    authority: "sslrootcert",
    certificate: "sslcert",
    key: "sslkey",
};

const MYSQL: Spelling = Spelling {
    modes: &["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"],
    verifying: &["VERIFY_CA", "VERIFY_IDENTITY"],
    mode: "ssl-mode",
    authority: "ssl-ca",
    certificate: "ssl-cert",
    key: "ssl-key",
};

/// Refuses what would not be done.
pub(super) fn check(url: &Url) -> Result<(), Fault> {
    let spelling = if url.scheme().starts_with('m') { &MYSQL } else { &POSTGRES };
    let about_tls = |name: &str| name.starts_with("ssl") || name.starts_with("tls");
    let given: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| about_tls(&name.to_ascii_lowercase()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    spelling.check(&given).map_err(Fault::Because)
}

impl Spelling {
    fn check(&self, given: &[(String, String)]) -> Result<(), String> {
        let Self { modes, verifying, mode, authority, certificate, key } = self;
        let value = |name: &str| given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let known = [mode, authority, certificate, key];
        if let Some((name, _)) = given.iter().find(|(name, _)| !known.contains(&&name.as_str())) {
            return Err(format!(
                "has no parameter `{name}`; TLS is asked for by {mode}, {authority}, {certificate}, {key}"
            ));
        }
        if value(mode).is_some_and(|given| !modes.contains(&given)) {
            return Err(format!("has an unknown `{mode}`; there are {}", modes.join(", ")));
        }
        if value(authority).is_some() && !value(mode).is_some_and(|given| verifying.contains(&given)) {
            return Err(format!(
                "has `{authority}`, which nothing is held against without `{mode}={}`",
                verifying.join("` or `")
            ));
        }
        if value(certificate).is_some() != value(key).is_some() {
            return Err(format!("has `{certificate}` without `{key}`, or the other way round"));
        }
        let files = [authority, certificate, key];
        match files.into_iter().find(|name| value(name).is_some_and(|path| !Path::new(path).is_absolute())) {
            Some(name) => Err(format!("has a `{name}` that is no absolute path")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::messages_of;

    fn about(url: &str) -> Vec<String> {
        messages_of(&format!("[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nurl = '{url}'"))
    }

    #[test]
    fn each_database_has_its_own_words() {
        for good in [
            "postgres://u@h/db?sslmode=require",
            "postgres://u@h/db?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgres://u@h/db?sslmode=require&sslcert=/c.pem&sslkey=/k.pem",
            "mysql://u@h/db?ssl-mode=REQUIRED",
            "mysql://u@h/db?ssl-mode=VERIFY_IDENTITY&ssl-ca=/ca.pem&ssl-cert=/c.pem&ssl-key=/k.pem",
        ] {
            assert!(about(good).is_empty(), "{good}: {:?}", about(good));
        }
    }

    #[test]
    fn what_would_be_passed_over_is_refused() {
        for (bad, why) in [
            ("postgres://u@h/db?sslmode=verify_full", "unknown `sslmode`; there are disable, prefer"),
            ("postgres://u@h/db?sslmode=allow", "unknown `sslmode`"),
            ("postgres://u@h/db?ssl=true", "no parameter `ssl`"),
            (
                "postgres://u@h/db?sslrootcert=/ca.pem",
                "nothing is held against without `sslmode=verify-ca` or `verify-full`",
            ),
            ("postgres://u@h/db?sslmode=require&sslrootcert=/ca.pem", "nothing is held against"),
            ("postgres://u@h/db?sslmode=verify-full&sslrootcert=ca.pem", "no absolute path"),
            ("postgres://u@h/db?sslcert=/c.pem", "without `sslkey`"),
            ("mysql://u@h/db?sslmode=REQUIRED", "no parameter `sslmode`"),
            ("mysql://u@h/db?ssl-mode=verify-full", "unknown `ssl-mode`"),
            ("mysql://u@h/db?tls=1", "no parameter `tls`"),
            ("mysql://u@h/db?SSL_MODE=REQUIRED", "no parameter `SSL_MODE`"),
            ("mysql://u@h/db?ssl-ca=/ca.pem", "nothing is held against"),
            ("mysql://u@h/db?ssl-key=/k.pem", "without `ssl-key`"),
        ] {
            let found = about(bad);
            assert!(found.len() == 1 && found[0].starts_with("`directory.url`") && found[0].contains(why), "{found:?}");
        }
    }
}
