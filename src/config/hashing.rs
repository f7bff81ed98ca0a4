//! `[hashing]`: who computes the hashes of passwords, and which.

use std::time::Duration;

use super::{
    directory::DirectorySettings,
    reader::{GIB, MIB, Table, millis, seconds},
};

/// What a refusal costs at most: some ten times what Django's own hashers do. Dearer hashes are not computed either.
const MAX_ARGON2_WORK: u64 = 2_048_000;
const MAX_SCRYPT_WORK: u64 = 6_553_600;

/// What OWASP asks for at least (Password Storage Cheat Sheet, 2023).
const FEWEST_ITERATIONS: u32 = 600_000;

/// The hashing of passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    /// Threads; passwords checked at once.
    pub threads: usize,
    /// Logins that may wait; one more is told to come back.
    pub queue: usize,
    /// How long a login may wait.
    pub deadline: Duration,
    /// Who makes new hashes, and what a refusal costs.
    pub preferred: PreferredHasher,
    /// Bytes that one hash may take.
    pub max_memory: u64,
    /// Whether MD5 is checked.
    pub legacy_md5: bool,
    /// Whether a login has an old hash made anew.
    pub upgrade: bool,
}

/// An algorithm and its cost, by the names that Django's hashers have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreferredHasher {
    /// `PBKDF2PasswordHasher`.
    Pbkdf2Sha256 {
        /// Rounds of HMAC.
        iterations: u32,
    },
    /// `Argon2PasswordHasher`.
    Argon2 {
        /// Passes over the memory.
        time_cost: u32,
        /// KiB.
        memory_cost: u32,
        /// Lanes.
        parallelism: u32,
    },
    /// `ScryptPasswordHasher`.
    Scrypt {
        /// A power of two.
        work_factor: u32,
        /// Of 128 bytes.
        block_size: u32,
        /// Lanes.
        parallelism: u32,
    },
    /// `BCryptSHA256PasswordHasher`.
    BcryptSha256 {
        /// Doublings.
        rounds: u32,
    },
}

/// The word for one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Pbkdf2Sha256,
    Argon2,
    Scrypt,
    BcryptSha256,
}

impl Algorithm {
    /// The keys that say what a hash costs.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Pbkdf2Sha256 => &["iterations"],
            Self::Argon2 => &["time_cost", "memory_cost", "parallelism"],
            Self::Scrypt => &["work_factor", "block_size", "parallelism"],
            Self::BcryptSha256 => &["rounds"],
        }
    }
}

impl Hashing {
    /// Half of the processors, so that a rush of logins leaves the others to what is forwarded. `directory`: where users come
    /// from, if that is known.
    pub(super) fn read(table: &Table<'_>, directory: Option<&DirectorySettings>) -> Self {
        let is_only_ours = matches!(directory, Some(DirectorySettings::File(_)));
        let preferred =
            PreferredHasher::read(table, if is_only_ours { Algorithm::Argon2 } else { Algorithm::Pbkdf2Sha256 });
        let max_memory = table.size("max_memory", 256 * MIB, &(MIB..=2 * GIB));
        if preferred.memory() > max_memory {
            let why = "is less than a hash of `preferred` takes";
            table.reject("max_memory", why, "raise it, or lower the memory of new hashes");
        }
        let upgrade = table.flag("upgrade", false);
        let legacy_md5 = table.flag("legacy_md5", false);
        if legacy_md5 {
            let why = "is true: whoever gets at such a hash guesses its password at billions a second";
            table.warn(
                "legacy_md5",
                why,
                "take it out once no account has such a hash: `upgrade = true` has them made anew at logins",
            );
        }
        if is_only_ours && table.has("upgrade") {
            table.warn("upgrade", "has no effect: the gateway never writes to a users file", "remove it");
        } else if upgrade && !table.has("preferred") {
            let why = "is true, which needs `hashing.preferred`: hashes of the backend's own hasher would be made anew, and by it again";
            table.reject("upgrade", why, "say what the backend has first in PASSWORD_HASHERS");
        }
        Self {
            threads: table.number("threads", table.processors().div_ceil(2), &(1..=1024)),
            queue: table.number("queue", 64, &(0..=100_000)),
            deadline: table.duration("deadline", seconds(5), &(millis(100)..=seconds(60))),
            preferred,
            max_memory,
            legacy_md5,
            upgrade,
        }
    }
}

impl PreferredHasher {
    /// The costs are those of Django 5.2, and so is the hasher where Django makes hashes, too.
    fn read(table: &Table<'_>, default: Algorithm) -> Self {
        let words = [
            ("pbkdf2_sha256", Algorithm::Pbkdf2Sha256),
            ("argon2", Algorithm::Argon2),
            ("scrypt", Algorithm::Scrypt),
            ("bcrypt_sha256", Algorithm::BcryptSha256),
        ];
        let algorithm = table.choice("preferred", default, &words);
        let iterations = table.number("iterations", 1_000_000, &(1..=10_000_000));
        let time_cost = table.number("time_cost", 2, &(1..=1_000_000));
        let memory_cost = table.number("memory_cost", 102_400, &(8..=2 * 1024 * 1024));
        let work_factor = table.number("work_factor", 16_384, &(2..=1024 * 1024));
        let block_size = table.number("block_size", 8, &(1..=1024));
        let lanes = if algorithm == Algorithm::Scrypt { 5 } else { 8 };
        let parallelism = table.number("parallelism", lanes, &(1..=1024));
        let rounds = table.number("rounds", 12, &(4..=15));
        for (_, other) in words.into_iter().filter(|(_, other)| *other != algorithm) {
            for key in other.keys().iter().filter(|key| table.has(key) && !algorithm.keys().contains(key)) {
                table.warn(key, "has no effect: it is of another hasher than `preferred`", "remove it");
            }
        }
        let hasher = match algorithm {
            Algorithm::Pbkdf2Sha256 => Self::Pbkdf2Sha256 { iterations },
            Algorithm::Argon2 => Self::Argon2 { time_cost, memory_cost, parallelism },
            Algorithm::Scrypt => Self::Scrypt { work_factor, block_size, parallelism },
            Algorithm::BcryptSha256 => Self::BcryptSha256 { rounds },
        };
        hasher.check(table);
        hasher
    }

    /// Reports costs that no hash has, or none should.
    fn check(self, table: &Table<'_>) {
        const LOWER: &str = "lower it, or another of the three";
        match self {
            Self::Argon2 { time_cost, memory_cost, parallelism } => {
                if memory_cost < 8 * parallelism {
                    table.reject("memory_cost", "is less than 8 KiB for each of `parallelism`", "raise it");
                }
                if u64::from(time_cost) * u64::from(memory_cost) > MAX_ARGON2_WORK {
                    table.reject("time_cost", "makes a hash cost ten times Django's default, or more", LOWER);
                }
            }
            Self::Scrypt { work_factor, block_size, parallelism } => {
                if !work_factor.is_power_of_two() {
                    table.reject("work_factor", "is no power of two", "take 16384, 32768 or another one");
                }
                if [block_size, parallelism].into_iter().map(u64::from).product::<u64>() * u64::from(work_factor)
                    > MAX_SCRYPT_WORK
                {
                    table.reject("work_factor", "makes a hash cost ten times Django's default, or more", LOWER);
                }
            }
            Self::Pbkdf2Sha256 { iterations } if iterations < FEWEST_ITERATIONS => {
                let why = format!("is {iterations}, fewer than the {FEWEST_ITERATIONS} that OWASP asks for");
                table.warn("iterations", &why, "remove it: the default is that of Django 5.2");
            }
            Self::Pbkdf2Sha256 { .. } | Self::BcryptSha256 { .. } => {}
        }
    }

    /// Bytes that a hash takes.
    fn memory(self) -> u64 {
        match self {
            Self::Argon2 { memory_cost, .. } => u64::from(memory_cost) * 1024,
            Self::Scrypt { work_factor, block_size, parallelism } => {
                128 * u64::from(block_size) * (u64::from(work_factor) + u64::from(parallelism) + 1)
            }
            Self::Pbkdf2Sha256 { .. } | Self::BcryptSha256 { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PreferredHasher;
    use crate::config::tests::{config, messages, messages_of, whole};

    #[test]
    fn half_of_the_processors_compute_hashes() {
        let settings = config("[server]\nthreads = 1\n[hashing]\nqueue = 3").hashing;
        assert!(settings.threads >= 1);
        assert_eq!(settings.queue, 3);
    }

    #[test]
    fn each_hasher_has_the_costs_of_django_and_names_of_its_own() {
        let preferred = |text: &str| config(&format!("[hashing]\n{text}")).hashing.preferred;
        assert_eq!(preferred(""), PreferredHasher::Pbkdf2Sha256 { iterations: 1_000_000 });
        assert_eq!(preferred("iterations = 5"), PreferredHasher::Pbkdf2Sha256 { iterations: 5 });
        let argon2 = PreferredHasher::Argon2 { time_cost: 2, memory_cost: 102_400, parallelism: 8 };
        assert_eq!(preferred("preferred = 'argon2'"), argon2);
        let scrypt = PreferredHasher::Scrypt { work_factor: 16_384, block_size: 8, parallelism: 5 };
        assert_eq!(preferred("preferred = 'scrypt'"), scrypt);
        assert_eq!(preferred("preferred = 'bcrypt_sha256'\nrounds = 4"), PreferredHasher::BcryptSha256 { rounds: 4 });
        assert_eq!(
            messages("[hashing]\npreferred = 'argon2'\niterations = 5\nparallelism = 4\nrounds = 4"),
            [
                "`hashing.iterations` has no effect: it is of another hasher than `preferred`",
                "`hashing.rounds` has no effect: it is of another hasher than `preferred`",
            ]
        );
    }

    #[test]
    fn where_django_makes_none_hashes_are_argon2() {
        let text =
            "[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nkind = 'file'\npath = 'users.toml'\n[hashing]\n";
        let argon2 = PreferredHasher::Argon2 { time_cost: 2, memory_cost: 102_400, parallelism: 8 };
        assert_eq!(whole(text).hashing.preferred, argon2);
        let scrypt = whole(&format!("{text}preferred = 'scrypt'")).hashing.preferred;
        assert!(matches!(scrypt, PreferredHasher::Scrypt { .. }));
        let why = "`hashing.upgrade` has no effect: the gateway never writes to a users file";
        assert_eq!(messages_of(&format!("{text}upgrade = true")), [why]);
    }

    #[test]
    fn a_cost_that_no_hash_should_have_is_refused() {
        let refused = |text: &str| messages(&format!("[hashing]\n{text}"));
        for (text, why) in [
            ("preferred = 'argon2'\nmemory_cost = 63", "memory_cost` is less than 8 KiB for each of `parallelism`"),
            (
                "preferred = 'argon2'\ntime_cost = 21",
                "time_cost` makes a hash cost ten times Django's default, or more",
            ),
            ("preferred = 'argon2'\nmax_memory = '99MiB'", "max_memory` is less than a hash of `preferred` takes"),
            ("preferred = 'scrypt'\nmax_memory = '16MiB'", "max_memory` is less than a hash of `preferred` takes"),
            ("preferred = 'scrypt'\nwork_factor = 16383", "work_factor` is no power of two"),
            (
                "preferred = 'scrypt'\nparallelism = 51",
                "work_factor` makes a hash cost ten times Django's default, or more",
            ),
        ] {
            assert_eq!(refused(text), [format!("`hashing.{why}")], "{text}");
        }
        for text in
            ["preferred = 'argon2'\nmemory_cost = 64\nmax_memory = '1MiB'", "preferred = 'scrypt'\nparallelism = 50"]
        {
            assert!(refused(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn who_makes_hashes_anew_says_of_which_hasher() {
        let found = messages("[hashing]\nupgrade = true");
        assert!(found.len() == 1 && found[0].starts_with("`hashing.upgrade` is true, which needs"), "{found:?}");
        assert!(messages("[hashing]\nupgrade = true\npreferred = 'argon2'").is_empty());
    }
}
