//! One client's connection, from the first byte to the last.
//!
//! Which version of HTTP it speaks is agreed on by TLS (ALPN, RFC 7301). In clear, one that begins with HTTP/2's preface
//! (RFC 9113 §3.3, prior knowledge) speaks that; `Upgrade: h2c`, which is obsolete, is ignored.

use std::{
    cell::RefCell,
    convert::Infallible,
    io,
    net::IpAddr,
    pin::{Pin, pin},
    rc::Rc,
    time::Duration,
};

use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_util::either::Either;
use tower::Service as _;

use super::{
    generation::{Core, Door},
    http2::{self, Streams},
    peer::{Peer, Told},
    proxy,
    resets::{Awaited, Resets},
    stream::{self, ClientStream},
    taken::Watched,
};
use crate::http::{
    access::{self, Access, Answered, Tracked},
    counts::{Kind, Open},
    drain::Drain,
    keepalive::keep_alive,
    tls,
};

/// What every connection of HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// So much of it is no beginning of HTTP/1.1: no method there is called so.
const TELLING: usize = b"PRI * HTTP/2".len();
/// For the rest of a preface that came in pieces: the first pause, each further one twice as long, and the longest.
const PREFACE_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// All of them together, about. What is still not one then is read as HTTP/1.1, which has a timer for it.
const PREFACE_PATIENCE: Duration = Duration::from_secs(2);
/// How long an idle client of HTTP/2 may take to go away once it was told to.
const FAREWELL: Duration = Duration::from_secs(3);

/// The versions of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// Serves one connection until either side ends it, or the gateway is told to stop and its requests are done.
pub(super) async fn serve(core: Rc<Core>, endpoint: usize, stream: TcpStream, peer: IpAddr, mut drain: Drain) {
    let Some(door) = core.current().door(endpoint) else { return };
    let _open = Open::now(Kind::Connection);
    let opened = tokio::select! {
        biased;
        opened = open(&core, &door, stream, peer.to_canonical()) => opened,
        () = drain.begun() => return,
    };
    let Opened { version, stream, peer } = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a client's connection ended at once");
            return;
        }
    };
    let Ok(forwarded_for) = HeaderValue::try_from(peer.to_string()) else { return };
    let client = Peer { address: peer, forwarded_for, endpoint, door, drain: drain.clone(), told: RefCell::default() };
    let ended = match version {
        Version::Http1 => converse_http1(&core, client, stream, drain).await,
        Version::Http2 => converse_http2(&core, client, stream, drain).await,
    };
    if let Err(error) = ended {
        tell_of_nonsense(&core.current().access, peer, &error);
        tracing::debug!(error = &error as &dyn std::error::Error, "a client's connection broke off");
    }
}

/// hyper answers by itself what it can't read. Of HTTP/2 there is nothing to answer.
fn tell_of_nonsense(access: &Access, client: IpAddr, error: &hyper::Error) {
    let (status, code) = match error {
        error if error.is_parse_too_large() => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HEAD_TOO_LARGE"),
        error if error.is_parse() => (StatusCode::BAD_REQUEST, "HEAD_MALFORMED"),
        _ => return,
    };
    access::rejected(access, client, status, code);
}

/// A connection that requests can come by.
struct Opened {
    version: Version,
    stream: ClientStream,
    /// Who has connected, to the gateway or to a proxy that says so.
    peer: IpAddr,
}

/// What stands before the first request.
async fn open(core: &Core, door: &Door, mut stream: TcpStream, peer: IpAddr) -> io::Result<Opened> {
    // Answers are written whole; waiting to fill a segment would only delay them.
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    let peer = if door.proxy_protocol { named_by_proxy(core, &mut stream, peer).await? } else { peer };
    let (patience, silence) = {
        let settings = &core.current().settings;
        (settings.write_timeout, settings.header_timeout)
    };
    if let Some(tls) = &door.tls {
        let stream = tls.accept(stream::Watched::new(stream, patience)).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2);
        let version = if is_http2 { Version::Http2 } else { Version::Http1 };
        return Ok(Opened { version, stream: Either::Right(Box::new(stream)), peer });
    }
    let version = tokio::time::timeout(silence, begun(&stream)).await??;
    Ok(Opened { version, stream: Either::Left(stream::Watched::new(stream, patience)), peer })
}

/// The client, as a proxy says it that may say so.
async fn named_by_proxy(core: &Core, stream: &mut TcpStream, proxy: IpAddr) -> io::Result<IpAddr> {
    if !core.current().trusted_proxies.trusts(proxy) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not one of `trusted_proxies`"));
    }
    Ok(proxy::client(stream).await?.map_or(proxy, |client| client.to_canonical()))
}

/// What the first bytes in clear are the beginning of. They stay where they are. The time until the first one comes is no part
/// of what hyper then gives the head.
async fn begun(stream: &TcpStream) -> io::Result<Version> {
    let mut first = [0; TELLING];
    let (mut pause, mut waited) = (PREFACE_PAUSE, Duration::ZERO);
    loop {
        let count = stream.peek(&mut first).await?;
        let (seen, expected) = (first.get(..count).unwrap_or_default(), PREFACE.get(..count).unwrap_or_default());
        if count == 0 || seen != expected {
            return Ok(Version::Http1);
        }
        if count == TELLING {
            return Ok(Version::Http2);
        }
        if waited >= PREFACE_PATIENCE {
            return Ok(Version::Http1);
        }
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn converse_http1(core: &Rc<Core>, client: Peer, stream: ClientStream, mut drain: Drain) -> hyper::Result<()> {
    let service = service(core, client);
    let mut served = core.current().http1.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut pinned = Pin::new(&mut served);
    let ended = tokio::select! {
        biased;
        ended = pinned.as_mut() => ended,
        () = drain.begun() => {
            pinned.as_mut().graceful_shutdown();
            pinned.await
        }
    };
    if let Err(error) = &ended
        && error.is_timeout()
        && let Some(parts) = served.into_parts()
        && !parts.read_buf.is_empty()
    {
        refuse_late(parts.io.into_inner()).await;
    }
    ended
}

/// Answers who has begun a head and doesn't end it in time; hyper would say nothing. One that has not begun any is only idle.
async fn refuse_late(mut stream: ClientStream) {
    let body =
        r#"{"errors":[{"message":"The head of the request took too long.","extensions":{"code":"HEAD_TIMEOUT"}}]}"#;
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    // Who is gone by now isn't told.
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

async fn converse_http2(core: &Rc<Core>, client: Peer, stream: ClientStream, mut drain: Drain) -> hyper::Result<()> {
    let settings = core.current().settings.clone();
    let (streams, resets) = (Streams::none(), Resets::beside(settings.max_concurrent_streams));
    let protocol = http2::protocol(&settings, &streams);
    let (service, counted) = (service(core, client), Rc::clone(&resets));
    let watched = hyper::service::service_fn(move |request| {
        let reply = counted.admit().map(|()| Awaited::new(hyper::service::Service::call(&service, request), &counted));
        async move {
            let Ok(response) = reply?.await;
            Ok::<_, h2::Error>(response.map(Watched))
        }
    });
    let mut served = pin!(protocol.serve_connection(TokioIo::new(stream), watched));
    tokio::select! {
        biased;
        ended = served.as_mut() => return ended,
        () = drain.begun() => {
            // What is on its way has all of the grace: also the last piece of an answer, which is no stream's any more.
            served.as_mut().graceful_shutdown();
            return served.await;
        }
        () = resets.exceeded() => {
            tracing::info!("a client of HTTP/2 takes back more requests than it may");
            resets.refuse_the_rest();
        }
        () = streams.idle(settings.header_timeout) => {}
    }
    served.as_mut().graceful_shutdown();
    // It has been told now, and not when its last stream ended.
    streams.count_anew();
    tokio::select! {
        biased;
        ended = served => ended,
        () = streams.idle(FAREWELL) => Ok(()),
        () = resets.exceeded() => Ok(()),
    }
}

fn service(
    core: &Rc<Core>,
    client: Peer,
) -> impl hyper::service::Service<
    http::Request<Incoming>,
    Response = http::Response<Answered>,
    Error = Infallible,
    Future = Tracked,
> {
    let core = Rc::clone(core);
    hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let current = core.current();
        let Told { connection, is_proxy, .. } = client.tell(&current);
        // Every stage is ready always: limits are kept where there is something to wait for.
        let serve = |inbound| current.stack.0.clone().call(inbound);
        Tracked::ask(&current.access, request, &connection, is_proxy, serve)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::{
        io::AsyncWriteExt as _,
        net::{TcpListener, TcpStream},
    };

    use super::{PREFACE, PREFACE_PATIENCE, Version, begun};

    /// What a connection is taken for that begins with these pieces, one every tenth of a second, and how long that takes.
    fn taken_for(pieces: &[&[u8]]) -> (Version, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let start = Instant::now();
            let sent = async {
                for piece in pieces {
                    client.write_all(piece).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let (version, ()) = tokio::join!(begun(&stream), sent);
            (version.unwrap(), start.elapsed())
        })
    }

    #[test]
    fn a_beginning_of_the_preface_is_not_waited_for_long() {
        assert_eq!(taken_for(&[PREFACE]).0, Version::Http2);
        assert_eq!(taken_for(&PREFACE.chunks(4).collect::<Vec<_>>()).0, Version::Http2);
        assert_eq!(taken_for(&[b"P", b"OST / HTTP/1.1\r\n"]).0, Version::Http1);
        let (version, time) = taken_for(&[b"P"]);
        assert_eq!(version, Version::Http1);
        assert!(time >= PREFACE_PATIENCE && time < PREFACE_PATIENCE * 4, "{time:?}");
    }
}
