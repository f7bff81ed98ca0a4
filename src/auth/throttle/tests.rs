//! Who is slowed down by whose attempts, on a real store.

use tempfile::TempDir;

use super::*;
use crate::{
    auth::{
        fakes::{Breakable, HandClock, OneUser},
        tokens::{Key, KnownDevices},
    },
    model::{Account, Clock as _, EncodedPassword, SystemEntropy, Timestamp},
    store::embedded::EmbeddedStore,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const HERE: &str = "192.0.2.7";
const LIMITS: ThrottleLimits = ThrottleLimits {
    account_attempts: 8,
    client_attempts: 3,
    address_attempts: 12,
    address_regain: Duration::from_secs(600),
    device_attempts: 4,
    first_delay: Duration::from_secs(30),
    longest_delay: Duration::from_secs(120),
};

struct Stage {
    throttle: Throttle,
    store: Arc<Breakable>,
    clock: Arc<HandClock>,
    keys: KeyRing,
    _folder: TempDir,
}

async fn stage() -> Stage {
    let clock = Arc::new(HandClock::at(NOW));
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&folder.path().join("sessions.db"), clock.clone()).await.unwrap();
    let store = Arc::new(Breakable::new(store));
    let keys = KeyRing::parse([&Key::generate(&SystemEntropy).unwrap()]).unwrap();
    Stage { throttle: Throttle::new(store.clone(), &keys, LIMITS), store, clock, keys, _folder: folder }
}

fn from(address: &str) -> ClientInfo {
    ClientInfo { ip: Some(address.parse().unwrap()), ..ClientInfo::default() }
}

/// The `number`th of many addresses.
fn away(number: usize) -> String {
    format!("198.51.100.{number}")
}

impl Stage {
    /// A login, by its name, to the account with this id; its ticket, if it is admitted.
    async fn admit(&self, name: &str, id: Option<&str>, address: &str) -> Result<Ticket<'_>, Refusal> {
        let ticket = self.throttle.admit(Attempt::Login { name }, &from(address)).await?;
        ticket.at(id.map(UserId::new).as_ref(), name).await
    }

    /// Logins with a wrong password, at most `most`: how many were admitted.
    async fn guess(&self, name: &str, id: Option<&str>, address: &str, most: usize) -> usize {
        for number in 0..most {
            match self.admit(name, id, address).await {
                Ok(ticket) => ticket.failed(),
                Err(_) => return number,
            }
        }
        most
    }

    fn advance(&self, span: Duration) {
        self.clock.set(self.clock.now().after(span));
    }
}

#[tokio::test]
async fn one_address_uses_up_its_own_budget_and_not_the_accounts() {
    let stage = stage().await;
    assert_eq!(stage.guess("john", Some("1"), HERE, 100).await, 3);
    assert_eq!(stage.guess("john", Some("1"), &away(1), 100).await, 3, "from elsewhere");
    assert_eq!(stage.guess("jane", Some("2"), HERE, 100).await, 3, "at another account");
    assert_eq!(stage.guess("john", Some("1"), &away(2), 100).await, 2, "as much as is left of the account's eight");
    assert_eq!(stage.guess("john", Some("1"), &away(3), 100).await, 0);
}

#[tokio::test]
async fn a_delay_doubles_up_to_the_longest_and_says_how_long_it_is() {
    let stage = stage().await;
    stage.guess("john", Some("1"), HERE, 100).await;
    for seconds in [30, 60, 120, 120] {
        let refusal = stage.admit("john", Some("1"), HERE).await.unwrap_err();
        assert_eq!(refusal, Refusal::RateLimited(Duration::from_secs(seconds)));
        stage.advance(Duration::from_secs(seconds));
        assert_eq!(stage.guess("john", Some("1"), HERE, 1).await, 1);
    }
}

#[tokio::test]
async fn spellings_of_a_name_share_one_budget() {
    for (name, id) in [("john", Some("1")), ("nobody", None)] {
        let stage = stage().await;
        let spellings = [name.to_owned(), name.to_uppercase(), format!("{name} "), name.replace('o', "ö")];
        let mut guesses = 0;
        for (number, spelling) in spellings.iter().enumerate() {
            guesses += stage.guess(spelling, id, &away(number), 100).await;
        }
        assert_eq!(guesses, 8, "{name}");
    }
}

#[tokio::test]
async fn names_that_the_directory_takes_for_one_share_the_accounts_budget() {
    let stage = stage().await;
    let mut guesses = 0;
    for (number, name) in ["john", "jo\u{200b}hn", "john@example.com", "johann"].into_iter().enumerate() {
        guesses += stage.guess(name, Some("1"), &away(number), 100).await;
    }
    assert_eq!(guesses, 8);
}

#[tokio::test]
async fn a_known_and_an_unknown_name_are_refused_alike() {
    let stage = stage().await;
    for (name, id) in [("john", Some("1")), ("nobody", None)] {
        let mut guesses = Vec::new();
        for number in 0..5 {
            guesses.push(stage.guess(name, id, &away(number), 100).await);
        }
        assert_eq!(guesses, [3, 3, 2, 0, 0], "{name}");
        let refusal = stage.admit(name, id, &away(9)).await.unwrap_err();
        assert_eq!(refusal, Refusal::RateLimited(Duration::from_secs(30)), "{name}");
    }
}

#[tokio::test]
async fn one_address_tries_few_passwords_however_many_accounts_there_are() {
    let stage = stage().await;
    let mut guesses = 0;
    for number in 0..100 {
        guesses += stage.guess(&format!("user{number}"), Some(&number.to_string()), HERE, 1).await;
    }
    assert_eq!(guesses, 12);
    assert_eq!(stage.guess("user99", Some("99"), &away(1), 100).await, 3, "what was refused is counted nowhere");
    // In time it gets attempts back, one by one.
    stage.advance(LIMITS.address_regain * 5);
    let mut guesses = 0;
    for number in 100..200 {
        guesses += stage.guess(&format!("user{number}"), Some(&number.to_string()), HERE, 1).await;
    }
    assert_eq!(guesses, 5);
}

#[tokio::test]
async fn a_success_clears_the_account_and_never_the_address() {
    let stage = stage().await;
    for round in 0..6 {
        assert_eq!(stage.guess("john", Some("1"), HERE, 2).await, 2, "{round}");
        if round < 5 {
            stage.admit("john", Some("1"), HERE).await.unwrap().succeeded().await;
        }
    }
    // Twelve failures, and the right ones between them took off themselves.
    assert_eq!(stage.guess("jane", Some("2"), HERE, 1).await, 0);
    assert_eq!(stage.guess("john", Some("1"), &away(1), 100).await, 3);
    assert_eq!(stage.guess("john", Some("1"), &away(2), 100).await, 3, "two, three, three: the account's eight");
    assert_eq!(stage.guess("john", Some("1"), &away(3), 100).await, 0);
}

#[tokio::test]
async fn many_who_log_in_from_one_address_are_not_slowed_down() {
    let stage = stage().await;
    for number in 0..50 {
        let (name, id) = (format!("user{number}"), number.to_string());
        stage.admit(&name, Some(&id), HERE).await.unwrap().succeeded().await;
    }
}

#[tokio::test]
async fn what_is_refused_uses_up_nothing() {
    let stage = stage().await;
    stage.guess("john", Some("1"), HERE, 100).await;
    stage.guess("john", Some("1"), HERE, 100).await;
    for number in 0..9 {
        assert_eq!(stage.guess(&format!("user{number}"), None, HERE, 1).await, 1, "the address had nine left");
    }
    assert_eq!(stage.guess("jane", None, HERE, 1).await, 0);
    // The account is locked from elsewhere; tries from a new address leave that as it is.
    let stage = self::stage().await;
    for number in 0..3 {
        stage.guess("john", Some("1"), &away(number), 100).await;
    }
    stage.advance(LIMITS.first_delay / 2);
    for _ in 0..5 {
        assert_eq!(stage.guess("john", Some("1"), HERE, 1).await, 0);
    }
    stage.advance(LIMITS.first_delay / 2);
    assert_eq!(stage.guess("john", Some("1"), HERE, 1).await, 1, "no delay of its own began");
}

#[tokio::test]
async fn an_attempt_that_was_not_made_is_none() {
    let stage = stage().await;
    for _ in 0..20 {
        let ticket = stage.admit("john", Some("1"), HERE).await.unwrap();
        let busy = Refusal::Busy(Duration::from_secs(1));
        assert_eq!(ticket.after(Err::<(), _>(busy)).await.unwrap_err(), busy);
    }
    let ticket = stage.admit("john", Some("1"), HERE).await.unwrap();
    let (_dropped, ()) = ticket.after(Ok(())).await.unwrap();
    assert_eq!(stage.guess("john", Some("1"), HERE, 100).await, 2, "one that is dropped stays counted");
}

#[tokio::test]
async fn nothing_is_tried_that_can_not_be_counted() {
    let stage = stage().await;
    stage.store.count_none(true);
    assert_eq!(stage.admit("john", Some("1"), HERE).await.unwrap_err(), Refusal::Unavailable);
    stage.store.count_none(false);
    assert_eq!(stage.guess("john", Some("1"), HERE, 100).await, 3);
}

#[tokio::test]
async fn a_known_device_comes_in_whatever_others_did() {
    let stage = stage().await;
    let devices = KnownDevices::new(&stage.keys);
    let john = Account { user: OneUser::john_himself(), password: EncodedPassword::new("hash") };
    let [ours, another] = [(); 2].map(|()| {
        let token = devices.mint(&john.user.id, &john.password, "john", NOW.after(FORGET), &SystemEntropy).unwrap();
        devices.read(&token, NOW).unwrap()
    });
    let known = async |device| stage.throttle.admit(Attempt::Known(device), &from(HERE)).await;
    for number in 0..10 {
        stage.guess("john", Some("1"), &away(number), 100).await;
    }
    stage.guess("jane", Some("2"), HERE, 100).await;
    for _ in 0..3 {
        known(&ours).await.unwrap().failed();
    }
    known(&ours).await.unwrap().succeeded().await;
    assert_eq!(stage.guess("john", Some("1"), &away(99), 100).await, 0, "nor is anybody else let in by that");
    for _ in 0..4 {
        known(&ours).await.unwrap().failed();
    }
    assert!(matches!(known(&ours).await.unwrap_err(), Refusal::RateLimited(_)));
    known(&another).await.unwrap().failed();
}

#[tokio::test]
async fn codes_and_passwords_asked_for_once_more_count_by_themselves_and_at_the_address() {
    let stage = stage().await;
    let (user, password) = (UserId::new("1"), PasswordMark::from_bytes([1; 20]));
    let code = Attempt::Code { user: &user, password };
    let once_more = Attempt::Password { user: &user, password };
    for _ in 0..10 {
        stage.throttle.admit(code, &from(HERE)).await.unwrap().failed();
    }
    for (attempt, address) in [(code, HERE), (code, "192.0.2.8")] {
        let refusal = stage.throttle.admit(attempt, &from(address)).await.unwrap_err();
        assert_eq!(refusal, Refusal::RateLimited(Duration::from_secs(30)), "at the account");
    }
    assert_eq!(stage.guess("john", Some("1"), &away(1), 100).await, 3, "its logins go on");
    for _ in 0..2 {
        stage.throttle.admit(once_more, &from(HERE)).await.unwrap().failed();
    }
    assert_eq!(stage.guess("jane", Some("2"), HERE, 1).await, 0, "the address has made twelve attempts");
    for _ in 0..3 {
        stage.throttle.admit(once_more, &from(HERE)).await.unwrap().failed();
    }
    let refusal = stage.throttle.admit(once_more, &from("192.0.2.8")).await.unwrap_err();
    assert_eq!(refusal, Refusal::RateLimited(Duration::from_secs(30)), "with three logins, the account's eight");
    let another = Attempt::Code { user: &user, password: PasswordMark::from_bytes([2; 20]) };
    stage.throttle.admit(another, &from("192.0.2.8")).await.unwrap().succeeded().await;
}

#[tokio::test]
async fn who_has_shown_a_password_is_not_kept_out_by_others_at_the_same_address() {
    let stage = stage().await;
    for number in 0..20 {
        stage.guess(&format!("user{number}"), None, HERE, 1).await;
    }
    assert_eq!(stage.guess("jane", None, HERE, 1).await, 0);
    let (user, password) = (UserId::new("1"), PasswordMark::from_bytes([1; 20]));
    let code = Attempt::Code { user: &user, password };
    stage.throttle.admit(code, &from(HERE)).await.unwrap().succeeded().await;
    assert_eq!(stage.guess("jane", None, HERE, 1).await, 0, "nor does that help the others");
}

#[tokio::test]
async fn a_hundred_codes_in_a_row_are_too_many_whatever_the_password() {
    let stage = stage().await;
    let user = UserId::new("1");
    let mut looked_at = 0;
    for round in 0..30 {
        let code = Attempt::Code { user: &user, password: PasswordMark::from_bytes([round; 20]) };
        for _ in 0..9 {
            if let Ok(ticket) = stage.throttle.admit(code, &from(HERE)).await {
                ticket.failed();
                looked_at += 1;
            }
        }
    }
    assert_eq!(looked_at, 100);
}

#[tokio::test]
async fn dead_refresh_tokens_keep_nobody_from_logging_in() {
    let stage = stage().await;
    for _ in 0..12 {
        stage.throttle.admit(Attempt::Refresh, &from(HERE)).await.unwrap().failed();
    }
    stage.throttle.admit(Attempt::Refresh, &from(HERE)).await.unwrap_err();
    stage.throttle.admit(Attempt::Refresh, &from(&away(1))).await.unwrap().failed();
    assert_eq!(stage.guess("john", Some("1"), HERE, 1).await, 1);
}

#[tokio::test]
async fn the_hundredth_in_a_row_locks_the_account_until_it_is_unlocked() {
    let stage = stage().await;
    let mut guesses = 0;
    for number in 0..200 {
        guesses += stage.guess("john", Some("1"), &away(number % 250), 1).await;
        stage.advance(LIMITS.longest_delay);
    }
    assert_eq!(guesses, 100);
    stage.throttle.unlock("jane", Some(&UserId::new("2"))).await.unwrap();
    assert_eq!(stage.guess("john", Some("1"), HERE, 1).await, 0);
    stage.throttle.unlock("John", Some(&UserId::new("1"))).await.unwrap();
    assert_eq!(stage.guess("john", Some("1"), HERE, 100).await, 3);
}
