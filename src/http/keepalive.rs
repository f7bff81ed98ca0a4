//! Connections whose other side is gone without a word: the kernel asks for it when nothing comes (`SO_KEEPALIVE`).
//!
//! Most connections have limits of their own on how long nothing may come. A socket that nobody looks into has none, since
//! nobody knows what its silence means, nor has an answer that goes on for days and says little (`text/event-stream`); without
//! this they would stay for ever when a machine or a network fails. Which connection will be one of these is not known when it
//! begins, so all are asked for: three calls of the kernel, a few µs at most, where a connection takes dozens of them.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How long nothing comes until the other side is asked.
const IDLE: Duration = Duration::from_secs(60);
/// How often it is asked then; Linux gives up after the ninth time.
const INTERVAL: Duration = Duration::from_secs(15);

/// Has the kernel end this connection when the other side is gone.
pub(super) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(IDLE).with_interval(INTERVAL))
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::{TcpListener, TcpStream};

    use super::keep_alive;

    #[tokio::test]
    async fn the_kernel_asks_for_the_other_side() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!SockRef::from(&stream).keepalive().unwrap());
        keep_alive(&stream).unwrap();
        assert!(SockRef::from(&stream).keepalive().unwrap());
    }
}
