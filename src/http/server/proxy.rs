//! The PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt, §2.2): a proxy that passes on bytes and not requests says
//! first whom it was asked by.
//!
//! ```text
//! 12 bytes  signature
//!  1 byte   version 2, and LOCAL (the proxy itself asks, to see whether anybody is there) or PROXY
//!  1 byte   kind of addresses
//!  2 bytes  length of what follows
//!           addresses, ports, and further facts, which are not looked at
//! ```
//!
//! Only what `[server] trusted_proxies` names may say so, and has to: a header that is left out would give another client's
//! address. Version 1, which is text, is refused.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What every header begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Longest part behind the first sixteen bytes that is read: addresses, and as much as proxies add to them.
const LONGEST: u16 = 4096;
/// How long a proxy may take to say it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a connection does not begin as it has to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("the header of the PROXY protocol took too long")]
    Late,
    #[error("the connection broke off in the header of the PROXY protocol")]
    Broken(#[from] io::Error),
    #[error("not the PROXY protocol, version 2")]
    Foreign,
    #[error("a header of the PROXY protocol of {0} bytes")]
    TooLong(u16),
    #[error("a header of the PROXY protocol that says nothing of a TCP connection")]
    Unknown,
}

impl From<ProxyError> for io::Error {
    fn from(error: ProxyError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads the header, and nothing behind it. `None`: the proxy speaks for itself.
pub(super) async fn client(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, ProxyError> {
    tokio::time::timeout(PATIENCE, read(stream)).await.map_err(|_elapsed| ProxyError::Late)?
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, ProxyError> {
    let mut signature = [0; SIGNATURE.len()];
    stream.read_exact(&mut signature).await?;
    if signature != SIGNATURE {
        return Err(ProxyError::Foreign);
    }
    let (command, family, length) = (stream.read_u8().await?, stream.read_u8().await?, stream.read_u16().await?);
    if length > LONGEST {
        return Err(ProxyError::TooLong(length));
    }
    let mut rest = vec![0; usize::from(length)];
    stream.read_exact(&mut rest).await?;
    match (command, family) {
        // LOCAL, or PROXY of a kind that the proxy doesn't know either: the connection is what it looks like.
        (0x20, _) | (0x21, 0x00) => Ok(None),
        (0x21, 0x11) => {
            let source = rest.get(..12).and_then(<[u8]>::first_chunk::<4>).ok_or(ProxyError::Unknown)?;
            Ok(Some(Ipv4Addr::from(*source).into()))
        }
        (0x21, 0x21) => {
            let source = rest.get(..36).and_then(<[u8]>::first_chunk::<16>).ok_or(ProxyError::Unknown)?;
            Ok(Some(Ipv6Addr::from(*source).into()))
        }
        (0x21, _) => Err(ProxyError::Unknown),
        _ => Err(ProxyError::Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, ProxyError, SIGNATURE, client};

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE, [command, family].as_slice(), &length, rest].concat()
    }

    /// The client, and what is left for whoever reads next.
    fn read(bytes: &[u8]) -> Result<(String, Vec<u8>), ProxyError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut rest = bytes;
        let found = runtime.block_on(client(&mut rest))?;
        Ok((found.map_or_else(|| "itself".to_owned(), |address| address.to_string()), rest.to_vec()))
    }

    const V4: [u8; 12] = [203, 0, 113, 9, 127, 0, 0, 1, 0x12, 0x34, 0, 80];

    #[test]
    fn the_source_is_the_client() {
        let next = b"GET / HTTP/1.1\r\n";
        let with_more = [V4.as_slice(), &[0x04, 0, 3, 1, 2, 3]].concat();
        for rest in [V4.as_slice(), &with_more] {
            let bytes = [&header(0x21, 0x11, rest), next.as_slice()].concat();
            assert_eq!(read(&bytes).unwrap(), ("203.0.113.9".to_owned(), next.to_vec()));
        }
        let mut v6 = [0; 36];
        (v6[0], v6[1], v6[15]) = (0x20, 0x01, 0x09);
        assert_eq!(read(&header(0x21, 0x21, &v6)).unwrap().0, "2001::9");
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        for bytes in [header(0x20, 0x00, b""), header(0x20, 0x11, &V4), header(0x21, 0x00, b"xyz")] {
            assert_eq!(read(&bytes).unwrap(), ("itself".to_owned(), Vec::new()));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(matches!(read(b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n"), Err(ProxyError::Foreign)), "version 1");
        assert!(matches!(read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Err(ProxyError::Foreign)));
        for command in [0x00, 0x11, 0x22, 0x31] {
            assert!(matches!(read(&header(command, 0x11, &V4)), Err(ProxyError::Foreign)), "{command:x}");
        }
        for family in [0x12, 0x22, 0x31, 0xff] {
            assert!(matches!(read(&header(0x21, family, &[0; 216])), Err(ProxyError::Unknown)), "{family:x}");
        }
        assert!(matches!(read(&header(0x21, 0x11, &V4[..11])), Err(ProxyError::Unknown)), "cut short");
        assert!(matches!(read(&header(0x21, 0x21, &[0; 35])), Err(ProxyError::Unknown)), "cut short");
        let whole = header(0x21, 0x11, &V4);
        assert!(matches!(read(&whole[..whole.len() - 1]), Err(ProxyError::Broken(_))));
        let long = header(0x21, 0x11, &vec![0; usize::from(LONGEST) + 1]);
        assert!(matches!(read(&long), Err(ProxyError::TooLong(_))));
        assert!(read(&header(0x21, 0x11, &vec![1; usize::from(LONGEST)])).is_ok());
    }
}
