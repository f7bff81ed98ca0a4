//! The language that people read.

/// The language of messages for people. One for a whole deployment: the operator knows who logs in, and what a client
/// says in `Accept-Language` is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// The default.
    #[default]
    English,
    /// In Rail Django's own words, where it has any.
    French,
}
