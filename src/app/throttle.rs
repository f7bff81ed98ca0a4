//! How often credentials may be tried, as it is configured.

use crate::{auth::throttle::ThrottleLimits, config::ThrottleSettings};

pub(super) const fn limits(settings: &ThrottleSettings) -> ThrottleLimits {
    let ThrottleSettings {
        account_attempts,
        client_attempts,
        address_attempts,
        address_regain,
        device_attempts,
        first_delay,
        longest_delay,
    } = *settings;
    ThrottleLimits {
        account_attempts,
        client_attempts,
        address_attempts,
        address_regain,
        device_attempts,
        first_delay,
        longest_delay,
    }
}
