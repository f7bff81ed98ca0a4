//! Listening sockets: one per core for each address, shared out by the kernel (`SO_REUSEPORT`).

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// Binds `count` sockets to one address. Port 0 takes a free port, the same for all of them.
///
/// # Errors
/// When the address is not of this machine, not allowed, or taken. It counts as taken also when another process would be
/// willing to share it: two gateways that split one port's clients by accident are worse than one that doesn't start.
pub fn bind_each(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let mut address = address;
    if address.port() != 0 {
        drop(bind(address, false)?);
    }
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let listener = bind(address, true)?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::bind_each;

    #[test]
    fn one_free_port_for_all_cores() {
        let listeners = bind_each("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!(ports[0] != 0 && ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    }

    #[test]
    fn a_port_of_another_gateway_is_taken() {
        let first = bind_each("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let error = bind_each(first[0].local_addr().unwrap(), 2).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    }
}
