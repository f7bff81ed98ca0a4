//! The official vectors of v4.local, through the code that seals and opens access tokens.
//!
//! From `v4.json` of <https://github.com/paseto-standard/test-vectors>: tests 4-E-1 to 4-E-9 and 4-F-1 to 4-F-4.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{PasetoKey, PasetoSymmetricKey, Sealer};

/// Bytes 0x70 to 0x8f.
fn key() -> [u8; 32] {
    std::array::from_fn(|at| 0x70 + u8::try_from(at).unwrap())
}

fn sealer(footer: &str) -> Sealer {
    Sealer {
        key: PasetoSymmetricKey::from(PasetoKey::<32>::from(&key())),
        footer: footer.to_owned(),
        encoded_footer: URL_SAFE_NO_PAD.encode(footer),
    }
}

const ZERO: [u8; 32] = [0; 32];
const RANDOM: [u8; 32] = [
    0xdf, 0x65, 0x48, 0x12, 0xba, 0xc4, 0x92, 0x66, 0x38, 0x25, 0x52, 0x0b, 0xa2, 0xf6, 0xe6, 0x7c, 0xf5, 0xca, 0x5b,
    0xdc, 0x13, 0xd4, 0xe7, 0x50, 0x7a, 0x98, 0xcc, 0x4c, 0x2f, 0xcc, 0x3a, 0xd8,
];
const SECRET: &str = r#"{"data":"this is a secret message","exp":"2022-01-01T00:00:00+00:00"}"#;
const HIDDEN: &str = r#"{"data":"this is a hidden message","exp":"2022-01-01T00:00:00+00:00"}"#;
const KID: &str = r#"{"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"}"#;
const TEXT: &str = "arbitrary-string-that-isn't-json";

/// Name, nonce, payload, footer, token without header and footer. From 4-E-7 on, the implicit assertion names the test.
#[rustfmt::skip]
const GOOD: [(&str, [u8; 32], &str, &str, &str); 9] = [
    ("4-E-1", ZERO, SECRET, "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAr68PS4AXe7If_ZgesdkUMvSwscFlAl1pk5HC0e8kApeaqMfGo_7OpBnwJOAbY9V7WU6abu74MmcUE8YWAiaArVI8XJ5hOb_4v9RmDkneN0S92dx0OW4pgy7omxgf3S8c3LlQg"),
    ("4-E-2", ZERO, HIDDEN, "", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAr68PS4AXe7If_ZgesdkUMvS2csCgglvpk5HC0e8kApeaqMfGo_7OpBnwJOAbY9V7WU6abu74MmcUE8YWAiaArVI8XIemu9chy3WVKvRBfg6t8wwYHK0ArLxxfZP73W_vfwt5A"),
    ("4-E-3", RANDOM, SECRET, "", "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WkwMsYXw6FSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t6-tyebyWG6Ov7kKvBdkrrAJ837lKP3iDag2hzUPHuMKA"),
    ("4-E-4", RANDOM, HIDDEN, "", "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WiA8rd3wgFSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t4gt6TiLm55vIH8c_lGxxZpE3AWlH4WTR0v45nsWoU3gQ"),
    ("4-E-5", RANDOM, SECRET, KID, "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WkwMsYXw6FSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t4x-RMNXtQNbz7FvFZ_G-lFpk5RG3EOrwDL6CgDqcerSQ"),
    ("4-E-6", RANDOM, HIDDEN, KID, "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WiA8rd3wgFSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t6pWSA5HX2wjb3P-xLQg5K5feUCX4P2fpVK3ZLWFbMSxQ"),
    ("4-E-7", RANDOM, SECRET, KID, "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WkwMsYXw6FSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t40KCCWLA7GYL9KFHzKlwY9_RnIfRrMQpueydLEAZGGcA"),
    ("4-E-8", RANDOM, HIDDEN, KID, "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WiA8rd3wgFSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t5uvqQbMGlLLNYBc7A6_x7oqnpUK5WLvj24eE4DVPDZjw"),
    ("4-E-9", RANDOM, HIDDEN, TEXT, "32VIErrEkmY4JVILovbmfPXKW9wT1OdQepjMTC_MOtjA4kiqw7_tcaOM5GNEcnTxl60WiA8rd3wgFSNb_UdJPXjpzm0KW9ojM5f4O2mRvE2IcweP-PRdoHjd5-RHCiExR1IK6t6tybdlmnMwcDMw0YxA_gFSE_IUWl78aMtOepFYSWYfQA"),
];

/// Name, footer, header and body. Another purpose, another version, a last bit that stands for nothing.
#[rustfmt::skip]
const BAD: [(&str, &str, &str); 4] = [
    ("4-F-1", TEXT, "v4.local.vngXfCISbnKgiP6VWGuOSlYrFYU300fy9ijW33rznDYgxHNPwWluAY2Bgb0z54CUs6aYYkIJ-bOOOmJHPuX_34Agt_IPlNdGDpRdGNnBz2MpWJvB3cttheEc1uyCEYltj7wBQQYX"),
    ("4-F-2", KID, "v4.public.eyJpbnZhbGlkIjoidGhpcyBzaG91bGQgbmV2ZXIgZGVjb2RlIn22Sp4gjCaUw0c7EH84ZSm_jN_Qr41MrgLNu5LIBCzUr1pn3Z-Wukg9h3ceplWigpoHaTLcwxj0NsI1vjTh67YB"),
    ("4-F-3", TEXT, "v3.local.23e_2PiqpQBPvRFKzB0zHhjmxK3sKo2grFZRRLM-U7L0a8uHxuF9RlVz3Ic6WmdUUWTxCaYycwWV1yM8gKbZB2JhygDMKvHQ7eBf8GtF0r3K0Q_gF1PXOxcOgztak1eD1dPe9rLVMSgR0nHJXeIGYVuVrVoLWQ"),
    ("4-F-4", "", "v4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAr68PS4AXe7If_ZgesdkUMvSwscFlAl1pk5HC0e8kApeaqMfGo_7OpBnwJOAbY9V7WU6abu74MmcUE8YWAiaArVI8XJ5hOb_4v9RmDkneN0S92dx0OW4pgy7omxgf3S8c3LlQh"),
];

fn assertion(name: &str) -> String {
    let asserts = !matches!(name, "4-E-1" | "4-E-2" | "4-E-3" | "4-E-4" | "4-E-5" | "4-E-6" | "4-F-4");
    if asserts { format!(r#"{{"test-vector":"{name}"}}"#) } else { String::new() }
}

fn with_footer(token: &str, sealer: &Sealer) -> String {
    if sealer.footer.is_empty() { token.to_owned() } else { format!("{token}.{}", sealer.encoded_footer) }
}

#[test]
fn the_official_vectors_seal_and_open() {
    for (name, nonce, payload, footer, body) in GOOD {
        let (sealer, assertion) = (sealer(footer), assertion(name));
        let token = with_footer(&format!("v4.local.{body}"), &sealer);
        let sealed = sealer.seal(payload, &assertion, nonce).unwrap();
        // For an empty footer, which no token of the gateway's has, the library writes the dot before it.
        assert_eq!(sealed.trim_end_matches('.'), token, "{name}");
        assert_eq!(sealer.open(&token, &assertion).as_deref(), Some(payload), "{name}");
        assert_eq!(sealer.open(&token, "another assertion"), None, "{name}");
    }
}

#[test]
fn the_official_vectors_that_must_fail_do() {
    for (name, footer, token) in BAD {
        let sealer = sealer(footer);
        assert_eq!(sealer.open(&with_footer(token, &sealer), &assertion(name)), None, "{name}");
    }
}
