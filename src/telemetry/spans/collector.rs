//! A collector that is asked by HTTP (OTLP 1.11, "OTLP/HTTP"): HTTP/1.1, in clear or by TLS, a connection for each request.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode, Uri,
    header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::export::{Collector, Refused};

/// All of one request's time; OTLP's own default.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most that is read of an answer, which says little.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Where a collector takes traces, below its address.
const PATH: &str = "/v1/traces";

/// One collector.
#[derive(Debug)]
pub struct HttpCollector {
    name: String,
    port: u16,
    host: HeaderValue,
    path: Uri,
    tls: Option<Tls>,
}

/// How TLS is spoken with it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// By which authorities, as time goes by; for HTTP/1.1.
    pub current: watch::Receiver<Arc<ClientConfig>>,
    /// What its certificate has to be for.
    pub name: ServerName<'static>,
}

/// Why it did not take something.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// There is no connection.
    #[error("no connection to the collector")]
    Connect(#[source] io::Error),
    /// It broke off.
    #[error("the exchange with the collector failed")]
    Broken(#[source] hyper::Error),
    /// It took too long.
    #[error("the collector did not answer in time")]
    Silent,
    /// It said something else than that all is well.
    #[error("the collector answered {0}")]
    Status(StatusCode),
}

impl HttpCollector {
    /// The one at this address, of which nothing but scheme, host, port and path is looked at. Connects when there is something
    /// to send.
    ///
    /// # Errors
    /// When it names no host that HTTP could be spoken with.
    pub fn new(url: &Uri, tls: Option<Tls>) -> Result<Self, http::Error> {
        let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
        let authority = url.authority().map_or("", |authority| authority.as_str());
        Ok(Self {
            name: url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 }),
            host: HeaderValue::from_str(authority)?,
            path: Uri::try_from(path)?,
            tls,
        })
    }

    async fn exchange(&self, body: Bytes) -> Result<StatusCode, CollectorError> {
        let stream = TcpStream::connect((self.name.as_str(), self.port)).await.map_err(CollectorError::Connect)?;
        match &self.tls {
            None => self.ask(stream, body).await,
            Some(tls) => {
                let connector = TlsConnector::from(Arc::clone(&tls.current.borrow()));
                let stream = connector.connect(tls.name.clone(), stream).await.map_err(CollectorError::Connect)?;
                self.ask(stream, body).await
            }
        }
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        body: Bytes,
    ) -> Result<StatusCode, CollectorError> {
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(CollectorError::Broken)?;
        // Dropped with the exchange, whatever ends it.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(self.request(body)).await.map_err(CollectorError::Broken)?;
        let status = response.status();
        // Read, so that the collector is not cut off in the middle of it; the status says it all.
        let _ = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        Ok(status)
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("railgate/", env!("CARGO_PKG_VERSION"))));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        request
    }
}

impl Collector for HttpCollector {
    type Error = CollectorError;

    async fn send(&self, request: Bytes) -> Result<(), Refused<CollectorError>> {
        let exchanged = timeout(PATIENCE, self.exchange(request)).await;
        let status = exchanged.unwrap_or(Err(CollectorError::Silent)).map_err(Refused::ForNow)?;
        match status {
            status if status.is_success() => Ok(()),
            // What may be tried again ("Retryable Response Codes").
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Refused::ForNow(CollectorError::Status(status))),
            status => Err(Refused::ForGood(CollectorError::Status(status))),
        }
    }
}
