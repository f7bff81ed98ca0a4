//! `mode`: who answers.

use super::{admin::AdminSettings, forward_auth::ForwardAuthSettings, reader::Table};

/// Who answers auth operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The gateway.
    #[default]
    Gateway,
    /// The backend, as it did before; the gateway counts in what it would answer otherwise.
    Shadow,
}

impl Mode {
    /// Held against what can't be, or is of no use, beside it.
    pub(super) fn read(
        root: &Table<'_>,
        forward_auth: Option<&ForwardAuthSettings>,
        admin: Option<&AdminSettings>,
    ) -> Self {
        let mode = root.choice("mode", Self::default(), &[("gateway", Self::Gateway), ("shadow", Self::Shadow)]);
        if mode == Self::Shadow && forward_auth.is_some() {
            let why = "is \"shadow\": questions of other proxies can't be answered by who only looks on";
            root.reject("mode", why, "switch [forward_auth] off, or let the gateway answer");
        }
        if mode == Self::Shadow && admin.is_none() {
            let why = "is \"shadow\", and there is no admin listener, where differences are counted: the log tells of each once";
            root.warn("mode", why, "set `address` of [admin]");
        }
        mode
    }
}

#[cfg(test)]
mod tests {
    use super::Mode;
    use crate::config::tests::{MINIMAL, config, messages_of};

    const ADMIN: &str = "[admin]\naddress = '127.0.0.1:0'\n";

    #[test]
    fn the_gateway_answers_unless_it_is_to_look_on() {
        assert_eq!(config("").mode, Mode::Gateway);
    }

    #[test]
    fn who_looks_on_answers_no_questions_and_is_to_be_looked_at() {
        let of = |more: &str| messages_of(&format!("mode = 'shadow'\n{MINIMAL}\n{more}"));
        assert_eq!(of(ADMIN), [""; 0]);
        let [warned] = &of("")[..] else { panic!("one finding") };
        assert!(warned.contains("no admin listener"), "{warned}");
        let asked = of(&format!("{ADMIN}[server]\ntrusted_proxies = ['10.0.0.1']\n[forward_auth]\nenabled = true\n"));
        assert!(asked.len() == 1 && asked[0].contains("can't be answered"), "{asked:?}");
    }
}
