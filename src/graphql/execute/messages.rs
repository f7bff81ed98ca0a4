//! What people read: the catalogue of messages, two functions a language, for what is refused and for what is done.
//!
//! People read `errors` and `message` of a payload; applications show them as they are. Programs read the code beside them, which is
//! the same in every language: `errorCode: "INVALID_CREDENTIALS"` stands with "Invalid username or password." and with
//! "Nom d'utilisateur ou mot de passe incorrect". Everything else that the gateway says is English: an error at the top
//! of an answer (a document that is not valid, a body too large, a missing credential, a backend that is not there) is
//! for developers and operators, and its `extensions.code` for programs, which have words of their own for their users.
//!
//! The language is the deployment's, not the client's. A new [`Refusal`] or [`Notice`] needs a message in every language, a
//! new [`Language`] a message for every one of them: all are matched without a fallback. None says whether an account exists.

use crate::{auth::Refusal, model::Language};

/// The message for people.
pub(super) const fn message(refusal: Refusal, language: Language) -> &'static str {
    match language {
        Language::English => english(refusal),
        Language::French => french(refusal),
    }
}

const fn english(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidCredentials => "Invalid username or password.",
        Refusal::UnsupportedFactor => "This account has a second factor of a kind that can't be checked here.",
        Refusal::InvalidCode => "The code is wrong, too old or was used before. Enter the next one.",
        Refusal::RateLimited(_) => "Too many attempts. Wait before you try again.",
        Refusal::WrongPassword => "The password is wrong.",
        Refusal::StaleLogin => "Log in again first: second factors are changed only shortly after a login.",
        Refusal::StepUpRequired => "Log in with your second factor first.",
        Refusal::FactorExists => "A second factor is set up already. Complete the login with its code.",
        Refusal::TooManyFactors => "No further authenticator can be added.",
        Refusal::NoFactor => "Set an authenticator up first.",
        Refusal::UnknownDevice => "This device is not one of yours. List your devices, or begin the setup again.",
        Refusal::UnsupportedMethod => "This method can't be set up. Use \"totp\".",
        Refusal::FactorsOff => "Second factors are switched off here.",
        Refusal::NoPlaceForFactors => "Second factors can't be set up here.",
        Refusal::SetupAtBackend => "Set up a second factor on the site itself, then log in again.",
        Refusal::InvalidChallenge => "This login can't be completed any more. Log in again.",
        Refusal::MissingRefreshToken => "A refresh token is required.",
        Refusal::InvalidRefreshToken => "The refresh token is invalid or has expired. Log in again.",
        Refusal::DjangoSession => "You are logged in by a session of the site itself. Log out on its own page.",
        Refusal::Unauthenticated => "Log in first.",
        Refusal::UnknownSession => "This is none of your sessions, or it has ended already.",
        Refusal::RegistrationDisabled => "Accounts can't be made here.",
        Refusal::Busy(_) => "Too many logins at once. Try again in a moment.",
        Refusal::Unavailable => "The service is unavailable. Try again later.",
    }
}

/// Those without a full stop are Rail Django's own (1.1, `extensions/auth`), to the letter: applications compare them.
const fn french(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidCredentials => "Nom d'utilisateur ou mot de passe incorrect",
        Refusal::UnsupportedFactor => "Ce compte a un second facteur d'un type qui ne peut pas être vérifié ici.",
        Refusal::InvalidCode => "Le code est faux, trop ancien ou a déjà servi. Saisissez le suivant.",
        Refusal::RateLimited(_) => "Trop de tentatives. Attendez avant de réessayer.",
        Refusal::WrongPassword => "Le mot de passe est faux.",
        Refusal::StaleLogin => {
            "Reconnectez-vous d'abord : les seconds facteurs ne se modifient que peu après une connexion."
        }
        Refusal::StepUpRequired => "Connectez-vous d'abord avec votre second facteur.",
        Refusal::FactorExists => "Un second facteur est déjà en place. Terminez la connexion avec son code.",
        Refusal::TooManyFactors => "Aucune autre application d'authentification ne peut être ajoutée.",
        Refusal::NoFactor => "Configurez d'abord une application d'authentification.",
        Refusal::UnknownDevice => "Cet appareil n'est pas l'un des vôtres. Affichez vos appareils ou recommencez.",
        Refusal::UnsupportedMethod => "Cette méthode ne peut pas être configurée. Utilisez \"totp\".",
        Refusal::FactorsOff => "Les seconds facteurs ne sont pas utilisés ici.",
        Refusal::NoPlaceForFactors => "Les seconds facteurs ne peuvent pas être configurés ici.",
        Refusal::SetupAtBackend => "Configurez un second facteur sur le site lui-même, puis reconnectez-vous.",
        Refusal::InvalidChallenge => "Cette connexion ne peut plus être terminée. Reconnectez-vous.",
        Refusal::MissingRefreshToken => "Token de rafraîchissement manquant",
        Refusal::InvalidRefreshToken => "Token de rafraîchissement invalide ou expiré",
        Refusal::DjangoSession => {
            "Vous êtes connecté par une session du site lui-même. Déconnectez-vous sur sa propre page."
        }
        Refusal::Unauthenticated => "Connectez-vous d'abord.",
        Refusal::UnknownSession => "Cette session n'est pas la vôtre, ou elle est déjà fermée.",
        Refusal::RegistrationDisabled => "Il n'est pas possible de créer un compte ici.",
        Refusal::Busy(_) => "Trop de connexions à la fois. Réessayez dans un instant.",
        Refusal::Unavailable => "Le service est indisponible. Réessayez plus tard.",
    }
}

/// What people are told when a command has come to something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    /// An authenticator waits for its first code.
    ScanPicture,
    /// New backup codes stand beside this.
    KeepCodes,
    /// So few backup codes are left.
    FewCodesLeft(usize),
}

/// The notice for people.
pub(super) fn notice(notice: Notice, language: Language) -> String {
    match language {
        Language::English => english_notice(notice),
        Language::French => french_notice(notice),
    }
}

fn english_notice(notice: Notice) -> String {
    match notice {
        Notice::ScanPicture => {
            "Scan the picture with your authenticator, then enter the code that it shows.".to_owned()
        }
        Notice::KeepCodes => {
            "Keep the backup codes in a safe place: each is good for one login. Earlier ones are void.".to_owned()
        }
        Notice::FewCodesLeft(left) => {
            format!("Few backup codes are left: {left}. New ones are given by regenerateBackupCodes.")
        }
    }
}

fn french_notice(notice: Notice) -> String {
    match notice {
        Notice::ScanPicture => {
            "Scannez l'image avec votre application d'authentification, puis saisissez le code qu'elle affiche.".to_owned()
        }
        Notice::KeepCodes => {
            "Gardez les codes de secours en lieu sûr : chacun sert à une seule connexion. Les précédents ne sont plus valables."
                .to_owned()
        }
        Notice::FewCodesLeft(left) => {
            format!("Il reste peu de codes de secours : {left}. regenerateBackupCodes en donne de nouveaux.")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, iter::successors};

    use super::{Language, Notice, Refusal, message, notice};

    /// Every refusal. One that is new does not compile without its place here.
    fn refusals() -> impl Iterator<Item = Refusal> {
        successors(Some(Refusal::InvalidCredentials), |refusal| match refusal {
            Refusal::InvalidCredentials => Some(Refusal::UnsupportedFactor),
            Refusal::UnsupportedFactor => Some(Refusal::InvalidCode),
            Refusal::InvalidCode => Some(Refusal::RateLimited(std::time::Duration::ZERO)),
            Refusal::RateLimited(_) => Some(Refusal::WrongPassword),
            Refusal::WrongPassword => Some(Refusal::StaleLogin),
            Refusal::StaleLogin => Some(Refusal::StepUpRequired),
            Refusal::StepUpRequired => Some(Refusal::FactorExists),
            Refusal::FactorExists => Some(Refusal::TooManyFactors),
            Refusal::TooManyFactors => Some(Refusal::NoFactor),
            Refusal::NoFactor => Some(Refusal::UnknownDevice),
            Refusal::UnknownDevice => Some(Refusal::UnsupportedMethod),
            Refusal::UnsupportedMethod => Some(Refusal::FactorsOff),
            Refusal::FactorsOff => Some(Refusal::NoPlaceForFactors),
            Refusal::NoPlaceForFactors => Some(Refusal::SetupAtBackend),
            Refusal::SetupAtBackend => Some(Refusal::InvalidChallenge),
            Refusal::InvalidChallenge => Some(Refusal::MissingRefreshToken),
            Refusal::MissingRefreshToken => Some(Refusal::InvalidRefreshToken),
            Refusal::InvalidRefreshToken => Some(Refusal::DjangoSession),
            Refusal::DjangoSession => Some(Refusal::Unauthenticated),
            Refusal::Unauthenticated => Some(Refusal::UnknownSession),
            Refusal::UnknownSession => Some(Refusal::RegistrationDisabled),
            Refusal::RegistrationDisabled => Some(Refusal::Busy(std::time::Duration::ZERO)),
            Refusal::Busy(_) => Some(Refusal::Unavailable),
            Refusal::Unavailable => None,
        })
    }

    #[test]
    fn each_refusal_has_a_message_of_its_own_in_each_language() {
        let mut seen = HashSet::new();
        for refusal in refusals() {
            for language in [Language::English, Language::French] {
                let text = message(refusal, language);
                assert!(seen.insert(text), "{refusal:?} in {language:?}: another says so, too: {text}");
                assert!(!text.contains(refusal.code()), "{text}: codes are for programs");
            }
        }
    }

    #[test]
    fn messages_are_sentences_and_rail_djangos_are_its_own() {
        let unended = |language| {
            let texts = refusals().map(move |refusal| message(refusal, language));
            texts
                .inspect(|text| {
                    assert!(text.starts_with(char::is_uppercase) && text.trim() == *text, "{text}");
                })
                .filter(|text| !text.ends_with('.'))
                .collect::<Vec<_>>()
        };
        assert!(unended(Language::English).is_empty());
        assert_eq!(
            unended(Language::French),
            [
                "Nom d'utilisateur ou mot de passe incorrect",
                "Token de rafraîchissement manquant",
                "Token de rafraîchissement invalide ou expiré"
            ]
        );
    }

    #[test]
    fn none_says_whether_an_account_exists() {
        let telling =
            ["unknown", "exist", "inactive", "disabled", "no such", "inconnu", "désactivé", "inactif", "aucun compte"];
        for text in refusals().flat_map(|refusal| [Language::English, Language::French].map(|l| message(refusal, l))) {
            let lower = text.to_lowercase();
            assert!(!telling.iter().any(|word| lower.contains(word)), "{text}");
        }
    }

    #[test]
    fn each_notice_is_a_sentence_of_its_own_in_each_language() {
        let mut seen = HashSet::new();
        for told in [Notice::ScanPicture, Notice::KeepCodes, Notice::FewCodesLeft(2), Notice::FewCodesLeft(1)] {
            for language in [Language::English, Language::French] {
                let text = notice(told, language);
                assert!(text.starts_with(char::is_uppercase) && text.ends_with('.') && text.trim() == text, "{text}");
                assert!(seen.insert(text), "{told:?} in {language:?}");
            }
        }
    }
}
