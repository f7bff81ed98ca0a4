//! A client's connection, in clear or by TLS. It ends when the client takes nothing of an answer for too long.
//!
//! That is seen where bytes go into the socket, below TLS: what TLS has taken from above may lie there, and it is taken as a
//! whole only when all of it is sent, however steadily that goes on.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// What a client sends and gets is read and written here: in clear, or by TLS, whose state is large.
pub(super) type ClientStream = Either<Watched<TcpStream>, Box<TlsStream<Watched<TcpStream>>>>;

/// A socket, and how long it has taken nothing.
#[derive(Debug)]
pub(super) struct Watched<S> {
    socket: S,
    /// How long it may take nothing of what there is for it.
    patience: Duration,
    /// Runs while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) const fn new(socket: S, patience: Duration) -> Self {
        Self { socket, patience, stalled: None }
    }

    /// Passes on what became of a write; an error once nothing has become of any for too long.
    fn watched<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.watched(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.watched(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// A socket has nothing to flush, so this tells nothing of what it takes.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, sync::Arc, time::Duration};

    use rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        time::sleep,
    };
    use tokio_rustls::{TlsAcceptor, TlsConnector, server::TlsStream};

    use super::Watched;

    /// Of gateway.example.com, for a hundred years, by itself.
    const CERTIFICATE: &[u8] = b"\
-----BEGIN CERTIFICATE-----
MIIBrzCCAVagAwIBAgIUKHVt/9McKmN2hy2j+LvmuiXMOKMwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTZ2F0ZXdheS5leGFtcGxlLmNvbTAgFw0yNjExMjkwMjQxMjBa
GA8yMTI2MTEwNTAyNDEyMFowHjEcMBoGA1UEAwwTZ2F0ZXdheS5leGFtcGxlLmNv
bTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGw9wr0YNfNGCXjMvvAGApR4xruH
wVu9A9Dr1m5N+9xFQ2z/IlzaeTSSF6KqRReWKF+Aui2cPGN9zc+oPDNoB8+jcDBu
MB0GA1UdDgQWBBQlUdHA3lvwo8ZwvQ+QWZshvOOo7zAfBgNVHSMEGDAWgBQlUdHA
3lvwo8ZwvQ+QWZshvOOo7zAeBgNVHREEFzAVghNnYXRld2F5LmV4YW1wbGUuY29t
MAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDRwAwRAIgUX/fBTCLw+vdIxH4JPe2
CL+mjTnC11vtNW5H7mcIrEkCIFuDn/XBaBLDXUVUiKdqMtyZtlmee1f445+7ZooR
GVmd
-----END CERTIFICATE-----
";
    /// Its key, known to everybody.
    const KEY: &[u8] = b"\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDXWznd92hIZy7AeN
q4YLd5v9fWIM8gnxiM/8OIUUqBihRANCAARsPcK9GDXzRgl4zL7wBgKUeMa7h8Fb
vQPQ69ZuTfvcRUNs/yJc2nk0kheiqkUXlihfgLotnDxjfc3PqDwzaAfP
-----END PRIVATE KEY-----
";

    const PATIENCE: Duration = Duration::from_millis(400);
    /// What TLS takes at once, nearly.
    const SIZE: usize = 60_000;

    /// A connection by TLS, and the client's end of what lies below, which holds next to nothing.
    async fn connected() -> (TlsStream<Watched<DuplexStream>>, DuplexStream) {
        let (certificate, key) =
            (CertificateDer::from_pem_slice(CERTIFICATE).unwrap(), PrivateKeyDer::from_pem_slice(KEY).unwrap());
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(trusted).with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let server = server.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let (ours, theirs) = duplex(1024);
        let name = ServerName::try_from("gateway.example.com").unwrap();
        let (acceptor, connector) = (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)));
        let (ours, theirs) =
            tokio::join!(acceptor.accept(Watched::new(ours, PATIENCE)), connector.connect(name, theirs));
        (ours.unwrap(), theirs.unwrap().into_inner().0)
    }

    #[tokio::test]
    async fn by_tls_it_counts_that_something_is_taken_and_not_that_all_is() {
        let (mut ours, mut theirs) = connected().await;
        let slowly = async {
            let (mut piece, mut seen) = ([0; 1024], 0);
            while seen < SIZE {
                sleep(PATIENCE / 8).await;
                match theirs.read(&mut piece).await.unwrap() {
                    0 => break,
                    count => seen += count,
                }
            }
            // What TLS adds to it has room in between.
            theirs
        };
        let written = async move {
            ours.write_all(&[0; SIZE]).await?;
            ours.flush().await
        };
        let (written, _theirs) = tokio::join!(written, slowly);
        written.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (mut ours, _theirs) = connected().await;
        let written = async {
            ours.write_all(&[0; SIZE]).await?;
            ours.flush().await
        };
        assert_eq!(written.await.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
