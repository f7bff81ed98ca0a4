//! How far a feed was read, and whether anything was missed on the way.
//!
//! Entries are numbered without a gap within an epoch, which begins whenever Redis has no record of one. Beside the
//! stream, Redis keeps the newest entry's place, and both are read at one instant: a reader that has read all there is
//! must have arrived at exactly that place. It hasn't if entries were removed, if Redis lost its data, or if a replica
//! took over that had not got the last ones and went on from there.

use super::record::{FORMAT, Fields};
use crate::{model::SessionId, store::News};

/// Before every entry of a stream.
const BEGINNING: &str = "0-0";

/// Epoch, number and id of the newest entry as Redis gives them, and entries, each its id and its fields.
pub(super) type Reply = ((Option<String>, Option<String>, Option<String>), Vec<(String, Fields)>);

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    epoch: String,
    number: u64,
    /// The entry's id in the stream. It tells two entries apart that got the same number, one on either side of a
    /// failover.
    entry: String,
}

#[derive(Debug)]
struct Entry {
    /// `None` for one that a newer release wrote, or nobody of ours.
    content: Option<(Place, Vec<SessionId>)>,
    id: String,
}

/// What was read at one instant.
#[derive(Debug)]
pub(super) struct Batch {
    newest: Option<Place>,
    entries: Vec<Entry>,
    /// There may be further entries.
    is_full: bool,
}

/// How far a feed was read.
#[derive(Debug)]
pub(super) struct Position {
    /// The last entry that was read.
    cursor: String,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// Reading what was there before. Nothing is remembered yet that could turn out wrong, so nothing is checked.
    Window,
    /// At this entry; `None` where there was never one.
    At(Option<Place>),
}

impl Batch {
    /// A reply to a request of `limit` entries.
    pub(super) fn new(((epoch, number, entry), entries): Reply, limit: usize) -> Self {
        let newest = || Some(Place { epoch: epoch?, number: number?.parse().ok()?, entry: entry? });
        let is_full = entries.len() >= limit;
        Self { newest: newest(), entries: entries.into_iter().map(Entry::new).collect(), is_full }
    }

    /// There may be further entries.
    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }
}

impl Entry {
    fn new((id, fields): (String, Fields)) -> Self {
        let text = |name| fields.get(name).and_then(|value| std::str::from_utf8(value).ok());
        let content = || {
            let number = text("number")?.parse().ok()?;
            let place = Place { epoch: text("epoch")?.to_owned(), number, entry: id.clone() };
            let sessions = text("sessions")?.split(' ').map(SessionId::parse).collect::<Option<_>>()?;
            (text("v")? == FORMAT).then_some((place, sessions))
        };
        Self { content: content(), id }
    }
}

impl Position {
    /// Before everything.
    pub(super) fn start() -> Self {
        Self { cursor: BEGINNING.to_owned(), progress: Progress::Window }
    }

    /// The entry after which to go on.
    pub(super) fn cursor(&self) -> &str {
        &self.cursor
    }

    /// Goes on by a new connection. One that is not through with the window begins again: what it has seen may have been
    /// another server's.
    pub(super) fn resume(&mut self) {
        if matches!(self.progress, Progress::Window) {
            *self = Self::start();
        }
    }

    /// Goes on to the end of this batch. After a [`News::Gap`] it is at the start again.
    pub(super) fn advance(&mut self, batch: Batch) -> News {
        let last = batch.entries.last().map(|entry| entry.id.clone());
        let (progress, ended) = match &self.progress {
            Progress::Window => {
                let ended = batch.entries.into_iter().filter_map(|entry| Some(entry.content?.1)).flatten().collect();
                (if batch.is_full { Progress::Window } else { Progress::At(batch.newest) }, ended)
            }
            Progress::At(place) => match follow(place.clone(), batch) {
                Some((place, ended)) => (Progress::At(place), ended),
                None => {
                    *self = Self::start();
                    return News::Gap;
                }
            },
        };
        self.progress = progress;
        self.cursor = last.unwrap_or_else(|| std::mem::take(&mut self.cursor));
        if ended.is_empty() { News::Quiet } else { News::Ended(ended) }
    }
}

/// The place at the end of the batch and what has ended, if the batch goes on right after `place` and reaches its end.
fn follow(mut place: Option<Place>, batch: Batch) -> Option<(Option<Place>, Vec<SessionId>)> {
    let mut ended = Vec::new();
    for entry in batch.entries {
        let (next, sessions) = entry.content?;
        let goes_on = match &place {
            Some(place) => next.epoch == place.epoch && Some(next.number) == place.number.checked_add(1),
            None => next.number == 1,
        };
        if !goes_on {
            return None;
        }
        place = Some(next);
        ended.extend(sessions);
    }
    (batch.is_full || place == batch.newest).then_some((place, ended))
}

#[cfg(test)]
mod tests;
