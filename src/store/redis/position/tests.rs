//! What is noticed, on stores written down by hand.

use super::*;

/// The feed's state in Redis. Entry `n` of an epoch has the id `{time}-0`.
#[derive(Clone, Default)]
struct Store {
    newest: Option<(&'static str, u64, u64)>,
    entries: Vec<(&'static str, u64, u64)>,
}

const MANY: usize = 100;

impl Store {
    /// As after the announcements `from` to `to` in this epoch, each at ten times its number.
    fn with(epoch: &'static str, from: u64, to: u64) -> Self {
        let entries: Vec<_> = (from..=to).map(|number| (epoch, number, number * 10)).collect();
        Self { newest: Some((epoch, to, to * 10)), entries }
    }

    fn announce(&mut self, time: u64) {
        let (epoch, number, _) = self.newest.unwrap_or(("new", 0, 0));
        self.newest = Some((epoch, number + 1, time));
        self.entries.push((epoch, number + 1, time));
    }

    fn read(&self, position: &mut Position, limit: usize) -> News {
        let after: u64 = position.cursor().split('-').next().unwrap().parse().unwrap();
        let unread = self.entries.iter().filter(|(.., time)| *time > after).take(limit);
        let entries = unread.map(|(epoch, number, time)| {
            let session = SessionId::from_bytes([u8::try_from(*time).unwrap(); 16]);
            let fields = [
                ("v", FORMAT.to_owned()),
                ("epoch", (*epoch).to_owned()),
                ("number", number.to_string()),
                ("sessions", format!("{session} {session}")),
            ];
            (format!("{time}-0"), fields.map(|(name, value)| (name.to_owned(), value.into_bytes())).into())
        });
        let (epoch, number, entry) = match self.newest {
            Some((epoch, number, time)) => {
                (Some(epoch.to_owned()), Some(number.to_string()), Some(format!("{time}-0")))
            }
            None => (None, None, None),
        };
        position.advance(Batch::new(((epoch, number, entry), entries.collect()), limit))
    }
}

/// A position that has read this store to its end.
fn after(store: &Store) -> Position {
    let mut position = Position::start();
    assert_ne!(store.read(&mut position, MANY), News::Gap);
    assert_eq!(store.read(&mut position, MANY), News::Quiet);
    position
}

/// The gap is told, then the whole window again, and that is all.
#[track_caller]
fn is_gap(mut position: Position, store: &Store) {
    assert_eq!(store.read(&mut position, MANY), News::Gap);
    let told = if store.entries.is_empty() { 0 } else { ended(&store.read(&mut position, MANY)) };
    assert_eq!(told, store.entries.len());
    assert_eq!(store.read(&mut position, MANY), News::Quiet);
}

fn ended(news: &News) -> usize {
    match news {
        News::Ended(sessions) => sessions.len() / 2,
        other => panic!("{other:?}"),
    }
}

#[test]
fn entries_are_told_once_and_in_any_portions() {
    let mut store = Store::with("a", 3, 9);
    let mut position = Position::start();
    assert_eq!(ended(&store.read(&mut position, 3)), 3);
    assert_eq!(ended(&store.read(&mut position, 3)), 3);
    assert_eq!(ended(&store.read(&mut position, 3)), 1);
    assert_eq!(store.read(&mut position, 3), News::Quiet);
    for time in 100..=104 {
        store.announce(time);
    }
    assert_eq!(ended(&store.read(&mut position, 3)), 3);
    assert_eq!(ended(&store.read(&mut position, 3)), 2);
    assert_eq!(store.read(&mut position, 3), News::Quiet);
}

#[test]
fn a_feed_that_begins_while_it_is_followed_is_followed_from_its_first_entry() {
    let mut store = Store::default();
    let mut position = after(&store);
    store.announce(1);
    store.announce(2);
    assert_eq!(ended(&store.read(&mut position, MANY)), 2);
    // One that began without this listener.
    is_gap(after(&Store::default()), &Store::with("a", 2, 3));
}

#[test]
fn entries_that_go_by_age_are_no_gap() {
    let mut store = Store::with("a", 1, 5);
    let mut position = after(&store);
    store.entries.drain(..4);
    store.announce(60);
    assert_eq!(ended(&store.read(&mut position, MANY)), 1);
    store.entries.clear();
    assert_eq!(store.read(&mut position, MANY), News::Quiet);
    store.announce(70);
    assert_eq!(ended(&store.read(&mut position, MANY)), 1);
    assert_eq!(after(&Store { entries: Vec::new(), ..store }).cursor(), BEGINNING);
}

#[test]
fn entries_that_went_before_they_were_read_are_a_gap() {
    let before = Store::with("a", 1, 5);
    let mut middle = before.clone();
    middle.announce(60);
    middle.announce(70);
    let mut end = middle.clone();
    middle.entries.retain(|entry| entry.1 != 6);
    end.entries.retain(|entry| entry.1 != 7);
    is_gap(after(&before), &middle);
    is_gap(after(&before), &end);
    is_gap(after(&before), &Store { entries: Vec::new(), ..middle });
}

#[test]
fn a_store_that_lost_its_data_is_a_gap() {
    let before = Store::with("a", 1, 5);
    is_gap(after(&before), &Store::default());
    is_gap(after(&before), &Store { newest: None, ..before.clone() });
    let mut anew = Store::default();
    anew.announce(60);
    is_gap(after(&before), &anew);
    let mut mixed = Store { newest: None, ..before.clone() };
    mixed.announce(60);
    is_gap(after(&before), &mixed);
}

#[test]
fn a_replica_that_took_over_without_the_last_entries_is_a_gap() {
    let before = Store::with("a", 1, 5);
    let behind = Store::with("a", 1, 3);
    is_gap(after(&before), &behind);
    // However far it has gone on, and however its clock stands to the other's.
    for times in [[51, 52, 53], [31, 32, 33]] {
        let mut on = behind.clone();
        for time in times {
            on.announce(time);
            is_gap(after(&before), &on);
        }
    }
}

#[test]
fn a_number_set_by_hand_is_a_gap_and_no_endless_one() {
    let before = Store::with("a", 1, 5);
    for number in [2, 9] {
        is_gap(after(&before), &Store { newest: Some(("a", number, 50)), ..before.clone() });
    }
}

#[test]
fn an_entry_that_can_not_be_read_is_a_gap() {
    let store = Store::with("a", 1, 5);
    let damaged = |name: &str, value: &str| {
        let mut fields = [("v", "1"), ("epoch", "a"), ("number", "6"), ("sessions", "BwcHBwcHBwcHBwcHBwcHBw")]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .into_iter()
            .collect::<Fields>();
        fields.insert(name.to_owned(), value.as_bytes().to_vec());
        let newest = (Some("a".to_owned()), Some("6".to_owned()), Some("60-0".to_owned()));
        after(&store).advance(Batch::new((newest, vec![("60-0".to_owned(), fields)]), MANY))
    };
    assert!(matches!(damaged("more", "of it"), News::Ended(_)));
    for (name, value) in [("v", "2"), ("number", "x"), ("sessions", ""), ("sessions", "x"), ("epoch", "b")] {
        assert_eq!(damaged(name, value), News::Gap, "{name} {value}");
    }
}

#[test]
fn a_window_that_was_cut_off_is_read_from_its_beginning() {
    let store = Store::with("a", 1, 5);
    let mut position = Position::start();
    assert_eq!(ended(&store.read(&mut position, 3)), 3);
    position.resume();
    assert_eq!(ended(&store.read(&mut position, MANY)), 5);
    position.resume();
    assert_eq!(store.read(&mut position, MANY), News::Quiet);
}
