//! What people read when a command is refused. Programs read the code beside it; another language is another function
//! here.

use crate::auth::Refusal;

/// In English. None says whether an account exists.
pub(super) const fn english(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidCredentials => "Invalid username or password.",
        Refusal::MfaUnavailable => "This account has a second factor, which can't be checked here yet.",
        Refusal::MissingRefreshToken => "A refresh token is required.",
        Refusal::InvalidRefreshToken => "The refresh token is invalid or has expired. Log in again.",
        Refusal::SessionNotManaged => "This token belongs to no session that can be ended here.",
        Refusal::Busy => "Too many logins at once. Try again in a moment.",
        Refusal::Unavailable => "The service is unavailable. Try again later.",
    }
}
