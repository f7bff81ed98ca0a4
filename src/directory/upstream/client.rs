//! The gateway's own requests to the backend: HTTP/1.1, in clear or by TLS, a connection each, so that none is met that is being closed.
//!
//! They carry no cookie, and of the client nothing but its address. All of one has a single deadline, the wait for a free
//! connection included, and what is read of an answer is bounded. Credentials have connections of their own, which looking
//! after sessions can't use up.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::error::Failure;
use crate::model::{Meter, PlainToken};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a question is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// A password or a code.
    Credentials,
    /// A user who has logged in.
    Session,
}

/// What is asked, and as whom.
pub(crate) struct Question<'a> {
    pub(crate) about: About,
    /// JSON.
    pub(crate) body: Vec<u8>,
    pub(crate) bearer: Option<&'a PlainToken>,
    pub(crate) client: Option<IpAddr>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// Asks one endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    name: String,
    port: u16,
    tls: Option<Tls>,
    path: String,
    headers: HeaderMap,
    answer_limit: usize,
    timeout: Duration,
    for_credentials: Semaphore,
    for_sessions: Semaphore,
    pub(super) meter: Arc<Meter>,
}

/// How TLS is spoken with the backend.
#[derive(Clone, Debug)]
pub struct Tls {
    /// By which keys and authorities, as time goes by; for HTTP/1.1.
    pub current: watch::Receiver<Arc<ClientConfig>>,
    /// What the backend's certificate has to be for.
    pub name: ServerName<'static>,
}

/// Where the endpoint is.
pub(crate) struct Endpoint<'a> {
    pub(crate) url: &'a Uri,
    /// `None`: in clear.
    pub(crate) tls: Option<Tls>,
    pub(crate) path: &'a str,
    /// What stands in `Host`.
    pub(crate) host: HeaderValue,
    /// Largest answer, in bytes.
    pub(crate) answer_limit: usize,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint<'_>, timeout: Duration, max_connections: usize) -> Self {
        let url = endpoint.url;
        let json = HeaderValue::from_static("application/json");
        let headers = [
            (HOST, endpoint.host),
            (USER_AGENT, HeaderValue::from_static(concat!("railgate/", env!("CARGO_PKG_VERSION")))),
            (ACCEPT, json.clone()),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (CONTENT_TYPE, json),
            (CONNECTION, HeaderValue::from_static("close")),
        ];
        Self {
            name: url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(if endpoint.tls.is_some() { 443 } else { 80 }),
            tls: endpoint.tls,
            path: endpoint.path.to_owned(),
            headers: headers.into_iter().collect(),
            answer_limit: endpoint.answer_limit,
            timeout,
            for_credentials: Semaphore::new(max_connections.div_ceil(2)),
            for_sessions: Semaphore::new(max_connections.div_ceil(2)),
            meter: Arc::default(),
        }
    }

    /// How long a question may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Result<Answer, Failure> {
        self.meter.time(self.ask_in_time(question)).await
    }

    async fn ask_in_time(&self, question: Question<'_>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.timeout;
        let connections = match question.about {
            About::Credentials => &self.for_credentials,
            About::Session => &self.for_sessions,
        };
        // Nobody closes the semaphore.
        let Ok(Ok(_connection)) = timeout_at(deadline, connections.acquire()).await else {
            return Err(Failure::Queue(self.timeout));
        };
        let connecting = TcpStream::connect((self.name.as_str(), self.port));
        let connected = timeout_at(deadline, connecting).await.unwrap_or_else(|late| Err(late.into()));
        let stream = connected.map_err(Failure::Connect)?;
        let asked = timeout_at(deadline, self.ask_over(stream, question));
        asked.await.map_err(|_late| Failure::Late(self.timeout))?
    }

    async fn ask_over(&self, stream: TcpStream, question: Question<'_>) -> Result<Answer, Failure> {
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        let Some(tls) = &self.tls else { return self.exchange(stream, question).await };
        let connector = TlsConnector::from(Arc::clone(&tls.current.borrow()));
        let stream = connector.connect(tls.name.clone(), stream).await.map_err(Failure::Connect)?;
        self.exchange(stream, question).await
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        question: Question<'_>,
    ) -> Result<Answer, Failure> {
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.map_err(Failure::Broken)?;
        // Dropped with the exchange, whatever ends it.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(self.request(question)).await.map_err(Failure::Broken)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.answer_limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Failure::TooLarge(self.answer_limit) } else { Failure::Body(error) }
        })?;
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: parts.status,
            content_type: content_type.unwrap_or("no Content-Type").chars().take(80).collect(),
            body: body.to_bytes(),
        })
    }

    fn request(&self, question: Question<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(question.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        if let Some(Ok(address)) = question.client.map(|client| HeaderValue::try_from(client.to_string())) {
            headers.insert(FORWARDED_FOR, address);
        }
        let bearer = question.bearer.map(|token| HeaderValue::try_from(format!("Bearer {}", token.expose())));
        if let Some(Ok(mut bearer)) = bearer {
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        request
    }
}
