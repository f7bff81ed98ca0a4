//! Sockets on other paths than GraphQL's: bytes go to and fro, and nobody looks into them.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::life::Life;
use crate::http::access::Counts;

/// Relays until both sides are done, one of them breaks off, or the socket may not last any longer. That is then no more than
/// a connection that breaks off: a Close frame could land within another one.
pub(super) async fn relay(client: OnUpgrade, backend: OnUpgrade, counts: Counts, life: &mut Life) {
    let (client, backend) = match tokio::try_join!(client, backend) {
        Ok(both) => both,
        Err(error) => return broke_off(&error),
    };
    let (mut client, mut backend) = (counts.of(TokioIo::new(client)), TokioIo::new(backend));
    tokio::select! {
        biased;
        end = life.over(std::future::pending(), |_nobody_looks| {}) => tracing::debug!(?end, "a socket was ended"),
        done = copy_bidirectional(&mut client, &mut backend) => {
            if let Err(error) = done {
                broke_off(&error);
            }
        }
    }
}

fn broke_off(error: &(dyn std::error::Error + 'static)) {
    tracing::debug!(error, "a socket broke off");
}
