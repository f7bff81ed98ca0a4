//! The thread that writes to one place.

use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use super::{Batch, Output};

/// Starts it. It ends when nobody is left who could give it something; then there is nobody behind the other end, either. The
/// first line waits for the end of the `former` one that writes to the same place, if one does.
pub(super) fn start(mut to: Output, former: Option<Receiver<()>>) -> io::Result<(Sender<Batch>, Receiver<()>)> {
    let (batches, given) = mpsc::channel::<Batch>();
    let (end, ended) = mpsc::channel();
    thread::Builder::new().name("log-writer".to_owned()).spawn(move || {
        if let Some(former) = former {
            // Nothing ever comes: it is an error once that one has ended.
            let _ = former.recv();
        }
        for batch in given {
            let (written, outcome) = to.write(&batch.text);
            batch.done(written, &outcome);
        }
        drop(to);
        drop(end);
    })?;
    Ok((batches, ended))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        sync::{
            Arc,
            mpsc::{RecvError, RecvTimeoutError},
        },
        time::Duration,
    };

    use super::start;
    use crate::telemetry::lines::{Destination, Lane, Ledger, Output, tests::pipe};

    fn to(path: &std::path::Path) -> Output {
        Output::open(&Destination::File { path: path.to_owned(), mode: 0o600 }).unwrap()
    }

    #[test]
    fn it_ends_with_the_last_who_could_give_it_something() {
        let (batches, ended) = start(to("/dev/null".as_ref()), None).unwrap();
        let (batches, ledger) = (Arc::new(batches), Ledger::of_lines("test"));
        let (one, other) = (Lane::new(Arc::clone(&batches), 1, &ledger), Lane::new(batches, 1, &ledger));
        drop(one);
        assert_eq!(ended.recv_timeout(Duration::from_millis(50)), Err(RecvTimeoutError::Timeout));
        drop(other);
        assert_eq!(ended.recv(), Err(RecvError));
    }

    #[test]
    fn each_log_has_room_of_its_own_and_what_finds_none_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut reader) = pipe(folder.path());
        let (batches, ended) = start(to(&path), None).unwrap();
        let (batches, ledgers) = (Arc::new(batches), ["flood", "quiet"].map(Ledger::of_lines));
        let (flood, quiet) = (Lane::new(Arc::clone(&batches), 0, &ledgers[0]), Lane::new(batches, 1, &ledgers[1]));
        flood.send(b"flood\nflood\n".to_vec(), 2);
        quiet.send(b"quiet\n".to_vec(), 1);
        let [lost, kept] = ledgers.each_ref().map(Ledger::counts);
        drop((flood, quiet));
        assert_eq!(ended.recv(), Err(RecvError));
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!([lost.written(), lost.dropped(), lost.failed()], [0, 2, 0]);
        assert_eq!([kept.written(), kept.dropped(), kept.failed()], [1, 0, 0]);
        assert_eq!(written, "quiet\n");
    }

    #[test]
    fn what_a_full_disk_did_not_take_is_counted() {
        let (batches, ended) = start(to("/dev/full".as_ref()), None).unwrap();
        let ledger = Ledger::of_lines("test");
        let lane = Lane::new(Arc::new(batches), 8, &ledger);
        lane.send(b"one\ntwo\n".to_vec(), 2);
        lane.send(b"three\n".to_vec(), 1);
        drop(lane);
        assert_eq!(ended.recv(), Err(RecvError));
        let counts = ledger.counts();
        assert_eq!([counts.written(), counts.dropped(), counts.failed()], [0, 0, 3]);
    }
}
