//! A way to a server on which replies are lost or late.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// A port that leads to another one.
#[derive(Debug)]
pub(crate) struct Way {
    /// Where it begins.
    pub(crate) port: u16,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    /// This many replies from now, one is swallowed and its connection closed; 0 for none.
    lose: AtomicU32,
    delay_ms: AtomicU64,
}

impl Way {
    /// To the server on this port of the loopback.
    pub(crate) fn to(server: u16) -> Self {
        let entrance = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = Self { port: entrance.local_addr().unwrap().port(), faults: Arc::default() };
        let faults = Arc::clone(&way.faults);
        thread::spawn(move || {
            for client in entrance.incoming() {
                relay(client.unwrap(), server, Arc::clone(&faults));
            }
        });
        way
    }

    /// Loses one of the replies that follow: the first, the second …
    pub(crate) fn lose(&self, which: u32) {
        self.faults.lose.store(which, Ordering::SeqCst);
    }

    /// That reply came, and was lost.
    #[track_caller]
    pub(crate) fn has_lost(&self) {
        assert_eq!(self.faults.lose.load(Ordering::SeqCst), 0, "no reply was lost");
    }

    /// Each reply takes this much longer.
    pub(crate) fn delay(&self, by: Duration) {
        self.faults.delay_ms.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

fn relay(client: TcpStream, server: u16, faults: Arc<Faults>) {
    let mut up = TcpStream::connect(("127.0.0.1", server)).unwrap();
    let (mut requests, mut to_server) = (client.try_clone().unwrap(), up.try_clone().unwrap());
    thread::spawn(move || io::copy(&mut requests, &mut to_server));
    thread::spawn(move || {
        let mut reply = [0; 4096];
        while let Ok(length @ 1..) = up.read(&mut reply) {
            thread::sleep(Duration::from_millis(faults.delay_ms.load(Ordering::SeqCst)));
            let left = faults.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if left == Ok(1) || (&client).write_all(&reply[..length]).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
    });
}
