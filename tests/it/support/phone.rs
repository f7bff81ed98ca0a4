//! An authenticator app: `zbarimg` is its camera, `oathtool` shows its codes.

use std::{
    io::Write as _,
    path::Path,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Seconds for which a code is shown.
pub(crate) const STEP: u64 = 30;

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "an authenticator goes by the real time")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// One account in it.
#[derive(Clone, Debug)]
pub(crate) struct Phone {
    secret: String,
}

impl Phone {
    /// That was told this secret, in base32.
    pub(crate) fn told(secret: &str) -> Self {
        Self { secret: secret.to_owned() }
    }

    /// What it is told by a picture: the URI, and an account for the secret in it.
    pub(crate) fn scan(data_url: &str) -> (String, Self) {
        let uri = read_picture(data_url);
        let phone = Self::of_uri(&uri);
        (uri, phone)
    }

    /// What it is told by `otpauth://…`.
    pub(crate) fn of_uri(uri: &str) -> Self {
        let uri = url::Url::parse(uri).expect("a URI");
        let secret = uri.query_pairs().find(|(name, _)| name == "secret").expect("a secret").1.into_owned();
        Self { secret }
    }

    /// What it was told.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// What it shows then, in seconds since 1970.
    pub(crate) fn code_at(&self, then: u64) -> String {
        let shown = Command::new("oathtool")
            .args(["--totp", "--base32", &self.secret, "--now", &format!("1970-01-01 00:00:00 UTC + {then} seconds")])
            .output()
            .expect("oathtool");
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        String::from_utf8(shown.stdout).unwrap().trim().to_owned()
    }

    /// Three codes that count now, each later than the one before. Waits where the step is about to end, so that the test is
    /// over before the next one.
    pub(crate) fn codes(&self) -> [String; 3] {
        let left = STEP - now() % STEP;
        if left < 12 {
            thread::sleep(Duration::from_secs(left));
        }
        let now = now();
        [now - STEP, now, now + STEP].map(|then| self.code_at(then))
    }
}

/// The text of a QR code in a `data:image/png;base64` URL.
pub(crate) fn read_picture(data_url: &str) -> String {
    let png = data_url.strip_prefix("data:image/png;base64,").unwrap_or_else(|| panic!("no PNG: {data_url:.40}"));
    let mut file = tempfile::Builder::new().suffix(".png").tempfile().expect("a file");
    file.write_all(&STANDARD.decode(png).expect("base64")).expect("a file");
    read_file(file.path()).expect("a QR code")
}

/// The text of a QR code in this file, if there is one.
pub(crate) fn read_file(picture: &Path) -> Option<String> {
    let read = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(picture).output().expect("zbarimg");
    let text = String::from_utf8(read.stdout).unwrap().trim_end_matches('\n').to_owned();
    (read.status.success() && !text.is_empty()).then_some(text)
}
