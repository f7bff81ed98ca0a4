//! Free ports.

use std::net::TcpListener;

/// A port that nobody listens on now. Only for programs that can't be given port 0.
pub(crate) fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}
