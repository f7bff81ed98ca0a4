//! Time-based codes (RFC 6238): six digits of an HMAC-SHA-1, another every 30 seconds.
//!
//! A code counts in its own step and in the ones before and after (§5.2), for clocks that differ and people who type: one whose
//! clock is off by 30 s gets in, by 60 s not. That it counts once is for the directory to see to.
//!
//! Secrets are read as authenticators and Python's `pyotp` read them: base32 in either case, with or without padding, and
//! with the blanks that people put in. They are to have 80 bits at least, which is what older versions of Rail Django
//! gave out; RFC 4226 §4 asks for 128. An empty one would make codes that anybody can work out.

use totp_rs::{Builder, Totp, TotpError};
use zeroize::Zeroizing;

use crate::model::{Entropy, NoEntropy, Secret, Timestamp};

/// Seconds.
const STEP: i64 = 30;

/// How many steps a code may be early or late.
const WINDOW: u16 = 1;

/// Bytes.
const SHORTEST_SECRET: usize = 10;

/// Bytes of a new secret: RFC 4226 §4 recommends 160 bits.
const NEW_SECRET: usize = 20;

/// Characters of a user's name on the label that authenticators show. One that is longer makes a picture that cameras
/// can't read.
const LABEL: usize = 64;

/// What an authenticator is told.
#[derive(Debug)]
pub(in crate::auth) struct Enrolment {
    /// Base32.
    pub(in crate::auth) secret: Secret,
    /// `otpauth://totp/Issuer:account?secret=…&issuer=Issuer`.
    pub(in crate::auth) uri: Secret,
    /// The URI as a QR code: a PNG in base64.
    pub(in crate::auth) picture: Secret,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(in crate::auth) enum NoEnrolment {
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    #[error("its URI or picture can't be made")]
    Uri(#[from] TotpError),
}

/// A new secret for the authenticator of this account.
pub(in crate::auth) fn enrol(issuer: &str, account: &str, entropy: &dyn Entropy) -> Result<Enrolment, NoEnrolment> {
    let bytes = Zeroizing::new(entropy.bytes::<NEW_SECRET>()?);
    let label: String = account.replace(':', "_").chars().take(LABEL).collect();
    let totp = Builder::new()
        .with_secret(totp_rs::Secret::from(&bytes[..]))
        .with_skew(WINDOW)
        .with_issuer(Some(issuer))
        .with_account_name(label)
        .build()?;
    Ok(Enrolment {
        secret: Secret::new(totp.secret().to_base32()),
        uri: Secret::new(totp.to_url()?),
        picture: Secret::new(totp.to_qr_base64()?),
    })
}

/// Whether the two are one secret, however they are written.
pub(in crate::auth) fn is_same(secret: &Secret, other: &Secret) -> bool {
    use subtle::ConstantTimeEq as _;
    plain(secret).expose().as_bytes().ct_eq(plain(other).expose().as_bytes()).into()
}

/// A secret that no code can be checked by. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::auth) enum BadSecret {
    /// Other characters.
    #[error("its secret is not base32")]
    NotBase32,
    /// Too few of them.
    #[error("its secret has less than 80 bits")]
    Short,
}

/// When the step begins whose code this is; `None` when it is of none that counts at `now`.
///
/// Codes are compared in constant time. Blanks in the code are left out, since authenticators show it in two halves.
pub(in crate::auth) fn step_of(secret: &Secret, code: &str, now: Timestamp) -> Result<Option<Timestamp>, BadSecret> {
    let totp = authenticator(secret)?;
    let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
    let step = u64::try_from(now.as_secs()).ok().and_then(|now| totp.check(&digits, now));
    let begins = |step: u64| Some(Timestamp::from_secs(i64::try_from(step).ok()?.checked_mul(STEP)?));
    Ok(step.and_then(begins))
}

fn authenticator(secret: &Secret) -> Result<Totp, BadSecret> {
    let secret = totp_rs::Secret::try_from_base32(plain(secret).expose()).map_err(|_| BadSecret::NotBase32)?;
    if secret.as_bytes().len() < SHORTEST_SECRET {
        return Err(BadSecret::Short);
    }
    // SHA-1, six digits, 30 s are what it begins with; the check that is left out is for 128 bits.
    Ok(Builder::new().with_secret(secret).with_skew(WINDOW).build_noncompliant())
}

/// Without what people and programs put round and between the characters.
fn plain(secret: &Secret) -> Secret {
    let is_written = |character: &char| !character.is_whitespace() && *character != '=';
    Secret::new(secret.expose().chars().filter(is_written).collect::<String>().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{BadSecret, enrol, is_same, step_of};
    use crate::model::{Secret, SystemEntropy, Timestamp};

    /// `12345678901234567890`, the secret of RFC 6238 appendix B.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn step(secret: &str, code: &str, now: i64) -> Result<Option<i64>, BadSecret> {
        let step = step_of(&Secret::new(secret), code, Timestamp::from_secs(now))?;
        Ok(step.map(Timestamp::as_secs))
    }

    /// Of their eight digits the last six.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (now, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(step(RFC, &code[2..], now), Ok(Some(now - now % 30)), "{now}");
            assert_eq!(step(RFC, code, now), Ok(None), "{now}: eight digits");
        }
    }

    #[test]
    fn a_code_counts_one_step_early_and_one_late() {
        // Of the step from 1,111,111,080 on.
        let counts = |now| step(RFC, "081804", now).unwrap().is_some();
        for now in [1_111_111_050, 1_111_111_080, 1_111_111_109, 1_111_111_139] {
            assert!(counts(now), "{now}");
        }
        for now in [1_111_111_020, 1_111_111_049, 1_111_111_140, 1_111_111_169, 0, -1] {
            assert!(!counts(now), "{now}");
        }
        assert_eq!(
            step(RFC, "081804", 1_111_111_139),
            Ok(Some(1_111_111_080)),
            "the code's own step, not the present one"
        );
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for code in ["", "81804", "0081804", "+81804", "o81804", "081804x", "٠٨١٨٠٤", "081 80", "\0"] {
            assert_eq!(step(RFC, code, 1_111_111_109), Ok(None), "{code:?}");
        }
        assert!(step(RFC, " 081 804\n", 1_111_111_109).unwrap().is_some());
    }

    /// The codes are those of `oathtool --totp -b SECRET --now '1970-01-01 00:00:59 UTC'`.
    #[test]
    fn secrets_are_read_as_people_and_backends_write_them() {
        for secret in [RFC, &RFC.to_lowercase(), "GEZD GNBV GY3T QOJQ gezd gnbv gy3t qojq\n", &format!("{RFC}======")] {
            assert!(step(secret, "287082", 59).unwrap().is_some(), "{secret}");
        }
        assert!(step("JBSWY3DPEHPK3PXP", "996554", 59).unwrap().is_some(), "80 bits");
        let padded = "JBSWY3DPEHPK3PXPJBSWY3DPEE======";
        for secret in [padded, padded.trim_end_matches('=')] {
            assert!(step(secret, "744635", 59).unwrap().is_some(), "{secret}: 128 bits");
        }
    }

    #[test]
    fn a_new_secret_has_160_bits_and_is_in_the_uri() {
        let [one, other] = [(); 2].map(|()| enrol("Newsroom & Co", "élodie:a", &SystemEntropy).unwrap());
        assert_ne!(one.secret.expose(), other.secret.expose());
        assert_eq!(one.secret.expose().len(), 32, "of 5 bits each");
        let uri = url::Url::parse(one.uri.expose()).unwrap();
        assert_eq!((uri.scheme(), uri.host_str()), ("otpauth", Some("totp")));
        assert_eq!(uri.path(), "/Newsroom%20%26%20Co:%C3%A9lodie_a");
        let pairs: Vec<(String, String)> = uri.query_pairs().into_owned().collect();
        assert_eq!(pairs[0], ("secret".to_owned(), one.secret.expose().to_owned()));
        assert_eq!(pairs[1], ("issuer".to_owned(), "Newsroom & Co".to_owned()));
        assert_eq!(pairs.len(), 2, "SHA-1, 6 digits and 30 s are what authenticators begin with");
    }

    #[test]
    fn the_longest_of_names_fits_a_picture() {
        for name in ["😀".repeat(255), "x".repeat(255), "a".to_owned()] {
            let picture = enrol("Newsroom", &name, &SystemEntropy).unwrap().picture;
            assert!(picture.expose().starts_with("iVBORw0KGgo"), "{name}: a PNG");
        }
    }

    #[test]
    fn a_secret_is_the_same_however_it_is_written() {
        let is_same = |text: &str| is_same(&Secret::new(RFC), &Secret::new(text));
        assert!(is_same(RFC) && is_same("gezd gnbv gy3t qojq gezd gnbv gy3t qojq") && is_same(&format!("{RFC}==")));
        assert!(!is_same("") && !is_same(&RFC[..16]) && !is_same("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJR"));
    }

    #[test]
    fn a_secret_that_protects_nothing_takes_no_code() {
        for secret in ["", " ", "========", "JBSWY3DPEHPK3PX", "AAAA"] {
            assert_eq!(step(secret, "000000", 59), Err(BadSecret::Short), "{secret:?}");
        }
        for secret in ["JBSWY3DPEHPK3PX1", "JBSW-3DPEHPK3PXP", "é".repeat(16).as_str()] {
            assert_eq!(step(secret, "000000", 59), Err(BadSecret::NotBase32), "{secret:?}");
        }
    }
}
