//! `[messages]`: what people read.

use super::reader::Table;
use crate::model::Language;

/// What people read.
#[derive(Clone, Copy, Debug)]
pub struct MessageSettings {
    /// The language of messages for people; programs read codes, which have none.
    pub language: Language,
}

impl MessageSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let languages = [("en", Language::English), ("fr", Language::French)];
        Self { language: table.choice("language", Language::default(), &languages) }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        config::tests::{config, messages},
        model::Language,
    };

    #[test]
    fn people_read_english_unless_the_operator_says_french() {
        assert_eq!(config("").messages.language, Language::English);
        assert_eq!(config("[messages]\nlanguage = 'fr'").messages.language, Language::French);
        assert_eq!(
            messages("[messages]\nlanguage = 'fr-CH'"),
            ["`messages.language`: expected one of \"en\", \"fr\", found the text \"fr-CH\""]
        );
    }
}
