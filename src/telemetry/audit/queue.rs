//! The way of events to a place that may be out of reach for a while, as a server is.
//!
//! Events are written in order, each until it is there; those behind it wait, and beyond [`QUEUE`](super::QUEUE) none are
//! taken. An event whose answer was lost may be there twice. Once no more events come, what is left has [`FAREWELL`] where
//! the place can't be reached, and anew after each event that was taken. Whoever writes to the same place next writes nothing
//! before ([`Ended`]).

use std::{error::Error, time::Duration};

use tokio::{
    sync::{
        mpsc::{self, Receiver, Sender},
        watch,
    },
    time::Instant,
};

use crate::telemetry::lines::Ledger;

/// How long a place that can't be reached is tried for what is left, when other places have been named for what comes.
const FAREWELL: Duration = Duration::from_secs(60);
/// How long a place that can't be reached is left alone.
const RETRY: Duration = Duration::from_millis(500);

/// Where events wait. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    events: Sender<String>,
    ledger: Ledger,
}

/// Takes them from there, to where they are kept.
#[derive(Debug)]
pub struct Pump {
    events: Receiver<String>,
    /// Taken, and not written yet.
    in_hand: bool,
    /// Since when it is known that no more come, and the place is out of reach.
    left: Option<Instant>,
    /// Those that go first.
    former: Vec<Ended>,
    ledger: Ledger,
    end: watch::Sender<()>,
}

/// The end of a pump. The clones are the same.
#[derive(Clone, Debug)]
pub struct Ended(watch::Receiver<()>);

/// A queue of so many places, and what empties it, after the end of those `former` ones that write to the same place.
#[must_use]
pub fn queue(most: usize, ledger: &Ledger, former: Vec<Ended>) -> (Queue, Pump) {
    let (events, waiting) = mpsc::channel(most);
    let (end, _) = watch::channel(());
    let pump = Pump { events: waiting, in_hand: false, left: None, former, ledger: ledger.clone(), end };
    (Queue { events, ledger: ledger.clone() }, pump)
}

impl Queue {
    pub(super) fn push(&self, event: String) {
        if self.events.try_send(event).is_err() {
            self.ledger.counts().add_dropped(1);
        }
    }
}

/// Where events are kept.
pub trait Keeper: Send + Sync + 'static {
    /// Why an event was not taken; it may be there all the same.
    type Error: Error + Send + 'static;

    /// Takes an event.
    fn keep(&self, event: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl Ended {
    /// Whether it has come.
    #[must_use]
    pub fn has_come(&self) -> bool {
        self.0.has_changed().is_err()
    }

    async fn come(mut self) {
        // Nothing is ever sent: it is an error once the pump is gone.
        while self.0.changed().await.is_ok() {}
    }
}

impl Pump {
    /// Its end, which others may wait for.
    #[must_use]
    pub fn ended(&self) -> Ended {
        Ended(self.end.subscribe())
    }

    /// Has what comes kept, until the queue is gone and empty. Ended before that, what is left counts as lost.
    pub async fn run(mut self, keeper: impl Keeper) {
        while let Some(event) = self.events.recv().await {
            self.in_hand = true;
            for former in self.former.drain(..) {
                former.come().await;
            }
            if !self.persist(&event, &keeper).await {
                return;
            }
            (self.in_hand, self.left) = (false, None);
            self.ledger.counts().add_written(1);
            self.ledger.tell(None);
        }
    }

    /// `false`: it is given up, with all that waits.
    async fn persist(&mut self, event: &str, keeper: &impl Keeper) -> bool {
        let mut has_failed = false;
        while let Err(error) = keeper.keep(event).await {
            self.complain(&error, has_failed);
            has_failed = true;
            if self.has_had_its_farewell() {
                return false;
            }
            tokio::time::sleep(RETRY).await;
        }
        if has_failed {
            tracing::info!("the audit stream is written to again");
        }
        true
    }

    fn has_had_its_farewell(&mut self) -> bool {
        self.events.is_closed() && self.left.get_or_insert_with(Instant::now).elapsed() >= FAREWELL
    }

    fn complain(&mut self, error: &(dyn Error + 'static), is_known: bool) {
        if !is_known {
            tracing::warn!(error, "the audit stream can't be written to: events wait");
        }
        self.ledger.tell(Some(error));
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.events.close();
        let mut left = u64::from(self.in_hand);
        while let Ok(_event) = self.events.try_recv() {
            left += 1;
        }
        self.ledger.counts().add_failed(left);
        self.ledger.tell_at_the_end();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use tokio::time::{Instant, timeout};

    use super::{FAREWELL, Keeper, queue};
    use crate::telemetry::lines::Ledger;

    /// Takes an event when it is asked for so often; never, if that is 0.
    struct Reluctant {
        every: usize,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Keeper for Reluctant {
        type Error = io::Error;

        async fn keep(&self, event: &str) -> io::Result<()> {
            let mut asked = self.asked.lock().unwrap();
            asked.push(event.to_owned());
            if asked.len().checked_rem(self.every) == Some(0) { Ok(()) } else { Err(io::Error::other("not now")) }
        }
    }

    fn ledger() -> Ledger {
        Ledger::of_lines("audit stream")
    }

    fn numbers(ledger: &Ledger) -> [u64; 3] {
        let counts = ledger.counts();
        [counts.written(), counts.dropped(), counts.failed()]
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn what_is_not_taken_is_offered_again_and_nothing_overtakes_it() {
        let ledger = ledger();
        let (events, pump) = queue(4, &ledger, Vec::new());
        (1..=2).for_each(|number| events.push(number.to_string()));
        drop(events);
        let asked = Arc::new(Mutex::new(Vec::new()));
        runtime().block_on(pump.run(Reluctant { every: 2, asked: Arc::clone(&asked) }));
        assert_eq!(*asked.lock().unwrap(), ["1", "1", "2", "2"]);
        assert_eq!(numbers(&ledger), [2, 0, 0]);
    }

    #[test]
    fn what_finds_no_place_is_dropped_and_what_is_left_at_the_end_is_lost() {
        let ledger = ledger();
        let (events, pump) = queue(2, &ledger, Vec::new());
        (1..=5).for_each(|number| events.push(number.to_string()));
        assert_eq!(numbers(&ledger), [0, 3, 0]);
        let never = pump.run(Reluctant { every: 0, asked: Arc::default() });
        runtime().block_on(async {
            let _elapsed = timeout(Duration::from_millis(50), never).await;
        });
        assert_eq!(numbers(&ledger), [0, 3, 2]);
        events.push("6".to_owned());
        assert_eq!(numbers(&ledger), [0, 4, 2], "nobody is left to take it");
    }

    #[test]
    fn a_place_out_of_reach_is_given_up_only_once_nothing_more_comes() {
        for (is_replaced, expected) in [(false, [0, 0, 0]), (true, [0, 0, 2])] {
            let ledger = ledger();
            let (events, mut pump) = queue(2, &ledger, Vec::new());
            (1..=2).for_each(|number| events.push(number.to_string()));
            let _events = (!is_replaced).then_some(events);
            pump.left = Instant::now().checked_sub(FAREWELL);
            let mut run = Box::pin(pump.run(Reluctant { every: 0, asked: Arc::default() }));
            let ended = runtime().block_on(async { timeout(Duration::from_millis(50), &mut run).await.is_ok() });
            assert_eq!((ended, numbers(&ledger)), (is_replaced, expected));
        }
    }

    #[test]
    fn what_is_taken_gives_the_rest_as_long_again() {
        let ledger = ledger();
        let (events, mut pump) = queue(2, &ledger, Vec::new());
        (1..=2).for_each(|number| events.push(number.to_string()));
        drop(events);
        pump.left = Instant::now().checked_sub(FAREWELL);
        // The first is taken at once, the second at its second try.
        let asked = Arc::new(Mutex::new(vec!["0".to_owned()]));
        runtime().block_on(pump.run(Reluctant { every: 2, asked: Arc::clone(&asked) }));
        assert_eq!(*asked.lock().unwrap(), ["0", "1", "2", "2"]);
        assert_eq!(numbers(&ledger), [2, 0, 0]);
    }

    #[test]
    fn the_next_one_at_a_place_waits_for_the_former_if_there_is_anything_to_wait_with() {
        let ledger = ledger();
        let (first, former) = queue(2, &ledger, Vec::new());
        let ended = former.ended();
        let [(second, next), (third, idle)] = [(); 2].map(|()| queue(2, &ledger, vec![ended.clone()]));
        (1..=2).for_each(|number| first.push(number.to_string()));
        second.push("3".to_owned());
        drop((first, second, third));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let keeper = |every| Reluctant { every, asked: Arc::clone(&asked) };
        runtime().block_on(async {
            idle.run(keeper(1)).await;
            assert!(!ended.has_come());
            tokio::join!(next.run(keeper(1)), former.run(keeper(2)));
        });
        assert!(ended.has_come());
        assert_eq!(*asked.lock().unwrap(), ["1", "1", "2", "2", "3"]);
        assert_eq!(numbers(&ledger), [3, 0, 0]);
    }
}
