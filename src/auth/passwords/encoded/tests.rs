//! Readings of columns. What Django makes itself is in the tests of the directory.

use super::{Bounds, PasswordHash, Uncomputed};
use crate::model::EncodedPassword;

fn read(column: &str) -> PasswordHash {
    PasswordHash::from(&EncodedPassword::new(column))
}

const SALT: &str = "NaCl0123456789abcdefgh";
const DIGEST: &str = "PIy4IwtkVgMU3o6zgRVXfd1qONZX15XZwGXlRzjrOlU=";
/// 22 and 31 letters of bcrypt's alphabet.
const BCRYPT: &str = "abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK";

fn scrypt(numbers: [&str; 3]) -> String {
    let [work, block, lanes] = numbers;
    format!("scrypt${work}${SALT}${block}${lanes}${}==", "A".repeat(86))
}

fn argon2(form: &str, cost: &str) -> String {
    format!("argon2${form}${cost}$TmFDbDAxMjM0NTY3ODlhYmNkZWZnaA${}", "A".repeat(43))
}

#[test]
fn every_column_has_one_reading_and_shows_no_hash() {
    let readings = [
        (format!("pbkdf2_sha256$10$seasalt${DIGEST}"), "Pbkdf2Sha256(10 iterations)"),
        ("pbkdf2_sha1$2$salt$6mwBTcctb4zNHtkqzh1B8NjeiVc=".to_owned(), "Pbkdf2Sha1(2 iterations)"),
        (argon2("argon2id$v=19", "m=102400,t=2,p=8"), "Argon2Cost { memory: 102400, passes: 2, lanes: 8 }"),
        (argon2("argon2i$v=16", "m=16,t=2,p=1"), "Argon2Cost { memory: 16, passes: 2, lanes: 1 }"),
        (argon2("argon2d", "m=16,t=2,p=1"), "Argon2Cost { memory: 16, passes: 2, lanes: 1 }"),
        (format!("bcrypt_sha256$$2b$12${BCRYPT}"), "BcryptSha256(12 rounds)"),
        (format!("bcrypt$$2a$04${BCRYPT}"), "BcryptPassword(4 rounds)"),
        (scrypt(["16384", "8", "5"]), "ScryptCost { work: 16384, block: 8, lanes: 5 }"),
        ("md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3".to_owned(), "Md5"),
        ("md5$$3f86d0d3d465b7b458c231bf3555c0e3".to_owned(), "Md5"),
        ("3f86d0d3d465b7b458c231bf3555c0e3".to_owned(), "Md5"),
        (String::new(), "Unusable"),
        ("!".to_owned(), "Unusable"),
        (format!("!pbkdf2_sha256$10$seasalt${DIGEST}"), "Unusable"),
    ];
    for (column, reading) in readings {
        assert_eq!(format!("{:?}", read(&column)), reading, "{column}");
    }
}

#[test]
fn what_no_hasher_of_djangos_wrote_is_no_hash() {
    let malformed = [
        "pbkdf2_sha256".to_owned(),
        "pbkdf2_sha256$$$".to_owned(),
        format!("PBKDF2_SHA256$10$seasalt${DIGEST}"),
        format!("pbkdf2_sha512$10$seasalt${DIGEST}"),
        "plain text".to_owned(),
        // Argon2: another variety, version, order, sign, a number too many, too little memory for its lanes.
        argon2("argon2x$v=19", "m=16,t=2,p=1"),
        argon2("argon2id$v=18", "m=16,t=2,p=1"),
        argon2("argon2id$v=", "m=16,t=2,p=1"),
        argon2("argon2id$v=19", "t=2,m=16,p=1"),
        argon2("argon2id$v=19", "m=+16,t=2,p=1"),
        argon2("argon2id$v=19", "m=16,t=2,p=1,keyid=AAAA"),
        argon2("argon2id$v=19", "m=16,t=2"),
        argon2("argon2id$v=19", "m=15,t=2,p=2"),
        argon2("argon2id$v=19", "m=16,t=0,p=1"),
        argon2("argon2id$v=19", "m=16,t=2,p=0"),
        argon2("argon2id$v=19", "m=4294967295,t=2,p=4294967295"),
        argon2("argon2id$v=19", "m=16,t=2,p=1") + "=",
        argon2("argon2id$v=19", "m=16,t=2,p=1") + "$AAAA",
        "argon2$argon2id$v=19$m=16,t=2,p=1$c2FsdA$AAAAAAAAAAA".to_owned(),
        "argon2$".to_owned(),
        // bcrypt: another prefix, rounds out of range or written otherwise, cut off, one letter more.
        format!("bcrypt$$2$12${BCRYPT}"),
        format!("bcrypt$$2c$12${BCRYPT}"),
        format!("bcrypt$$2b$03${BCRYPT}"),
        format!("bcrypt$$2b$32${BCRYPT}"),
        format!("bcrypt$$2b$4${BCRYPT}"),
        format!("bcrypt$$2b$+4${BCRYPT}"),
        format!("bcrypt$$2b$12${}", &BCRYPT[1..]),
        format!("bcrypt$$2b$12${BCRYPT}."),
        format!("bcrypt$2b$12${BCRYPT}"),
        "bcrypt$$2b$12$".to_owned(),
        // scrypt: no power of two, zeros, signs.
        scrypt(["16383", "8", "5"]),
        scrypt(["1", "8", "5"]),
        scrypt(["0", "8", "5"]),
        scrypt(["16384", "0", "5"]),
        scrypt(["16384", "8", "0"]),
        scrypt(["16384", "-8", "5"]),
        scrypt(["4294967296", "8", "5"]),
        scrypt(["16384", "8", "5"]).replace(SALT, ""),
        scrypt(["16384", "8", "5"]) + "A",
        // MD5: capital letters, another length.
        "md5$salt$3F86D0D3D465B7B458C231BF3555C0E3".to_owned(),
        "3F86D0D3D465B7B458C231BF3555C0E3".to_owned(),
        "md5$salt$3f86".to_owned(),
        "md5$salt$more$3f86d0d3d465b7b458c231bf3555c0e3".to_owned(),
        "sha1$salt$3f86d0d3d465b7b458c231bf3555c0e3".to_owned(),
    ];
    for column in malformed {
        let hash = read(&column);
        assert!(matches!(hash, PasswordHash::Malformed), "{column}: {hash:?}");
        assert_eq!(hash.check(Bounds::default()), Err(Uncomputed::Malformed));
    }
}

#[test]
fn a_hash_that_would_stop_the_gateway_is_not_computed() {
    let mebibytes = |max: u64| Bounds { max_memory: max * 1024 * 1024, legacy_md5: false };
    let checks = [
        (format!("pbkdf2_sha256$10000000$seasalt${DIGEST}"), 1, Ok(())),
        (format!("pbkdf2_sha256$10000001$seasalt${DIGEST}"), 1, Err(Uncomputed::Work)),
        (format!("pbkdf2_sha256$4294967295$seasalt${DIGEST}"), 1, Err(Uncomputed::Work)),
        ("pbkdf2_sha1$10000001$salt$6mwBTcctb4zNHtkqzh1B8NjeiVc=".to_owned(), 1, Err(Uncomputed::Work)),
        (argon2("argon2id$v=19", "m=102400,t=2,p=8"), 100, Ok(())),
        (argon2("argon2id$v=19", "m=102400,t=2,p=8"), 99, Err(Uncomputed::Memory)),
        (argon2("argon2id$v=19", "m=102400,t=20,p=8"), 100, Ok(())),
        (argon2("argon2id$v=19", "m=102400,t=21,p=8"), 100, Err(Uncomputed::Work)),
        (argon2("argon2id$v=19", "m=4294967295,t=4294967295,p=8"), u64::MAX >> 20, Err(Uncomputed::Work)),
        (format!("bcrypt_sha256$$2b$15${BCRYPT}"), 1, Ok(())),
        (format!("bcrypt_sha256$$2b$16${BCRYPT}"), 1, Err(Uncomputed::Work)),
        (format!("bcrypt$$2b$31${BCRYPT}"), 1, Err(Uncomputed::Work)),
        (scrypt(["16384", "8", "5"]), 17, Ok(())),
        (scrypt(["16384", "8", "5"]), 16, Err(Uncomputed::Memory)),
        (scrypt(["16384", "8", "50"]), 17, Ok(())),
        (scrypt(["16384", "8", "51"]), 17, Err(Uncomputed::Work)),
        (scrypt(["2147483648", "4294967295", "4294967295"]), u64::MAX >> 20, Err(Uncomputed::Work)),
        ("!".to_owned(), 0, Ok(())),
    ];
    for (column, max, expected) in checks {
        assert_eq!(read(&column).check(mebibytes(max)), expected, "{column} {max}");
    }
}

#[test]
fn md5_is_a_hash_where_it_is_switched_on() {
    for (column, password) in [
        ("md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "lètmein"),
        ("md5$$88a434c88cca4e900f7874cd98123f43", "lètmein"),
        ("88a434c88cca4e900f7874cd98123f43", "lètmein"),
    ] {
        let hash = read(column);
        assert!(hash.matches(password) && !hash.matches("letmein"), "{column}");
        assert_eq!(hash.check(Bounds::default()), Err(Uncomputed::Md5));
        assert_eq!(hash.check(Bounds { legacy_md5: true, ..Bounds::default() }), Ok(()));
    }
}

/// bcrypt sees 72 bytes. The vectors are of Openwall's crypt_blowfish, for the prefix `2a`, and of Django's own tests.
#[test]
fn bcrypt_is_what_others_make_of_it() {
    for (column, password) in [
        ("bcrypt$$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ("bcrypt$$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
        ("bcrypt$$2y$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""),
        (
            "bcrypt$$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        ),
    ] {
        let hash = read(column);
        assert!(hash.matches(password), "{column}");
        assert!(!hash.matches(&format!("x{password}")), "{column}");
    }
}
