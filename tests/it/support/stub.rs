//! A backend that records the bytes it received, and answers as a test says. For what a real backend would hide.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request as it came, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request line and headers, lines ended by CR LF.
    pub(crate) head: String,
    /// The body, its chunks joined.
    pub(crate) body: Vec<u8>,
    /// The lines behind the last chunk, each ended by CR LF.
    pub(crate) trailers: String,
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Received {
    /// Every value of this header, spelt in this way or in capitals.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub(crate) fn request_line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The document of a GraphQL request in JSON.
    pub(crate) fn document(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).expect("JSON");
        body["query"].as_str().expect("a document").to_owned()
    }
}

type Handler = dyn Fn(&Received, &mut TcpStream) -> io::Result<()> + Send + Sync;

/// Listens until the test ends; its threads end with the process.
pub(crate) struct Stub {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

/// What a stub answers unless told otherwise.
pub(crate) const ANSWER: &str = r#"{"data":{"stub":true}}"#;

/// A whole answer with these further header lines, each ended by CR LF.
pub(crate) fn answer(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

impl Stub {
    /// Answers everything with [`ANSWER`].
    pub(crate) fn start() -> Self {
        Self::with(|_, stream| stream.write_all(answer("", ANSWER).as_bytes()))
    }

    /// Answers by this handler. A handler that fails closes the connection.
    pub(crate) fn with(handler: impl Fn(&Received, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (Arc::clone(&received), Arc::new(handler));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                thread::spawn(move || serve(connection, stream, &log, &*handler));
            }
        });
        Self { port, received }
    }

    /// What came so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.received.lock().expect("no handler panics").clone()
    }

    /// The one request that came; the log is empty afterwards.
    pub(crate) fn take_one(&self) -> Received {
        let mut received = self.received.lock().expect("no handler panics");
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }
}

fn serve(connection: usize, mut stream: TcpStream, log: &Mutex<Vec<Received>>, handler: &Handler) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut buffer = Vec::new();
    loop {
        let Some((head, body, trailers)) = read_request(&mut stream, &mut buffer)? else { return Ok(()) };
        let received = Received { head, body, trailers, connection };
        log.lock().expect("no handler panics").push(received.clone());
        handler(&received, &mut stream)?;
    }
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut piece = [0; 64 * 1024];
    let count = stream.read(&mut piece)?;
    buffer.extend_from_slice(&piece[..count]);
    Ok(count > 0)
}

fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<(String, Vec<u8>, String)>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if !fill(stream, buffer)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let value = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    if value("transfer-encoding").is_some() {
        let (body, trailers) = read_chunks(stream, buffer)?;
        return Ok(Some((head, body, trailers)));
    }
    let length = value("content-length").map_or(0, |length| length.parse().expect("a length"));
    Ok(Some((head, read_exactly(stream, buffer, length)?, String::new())))
}

fn read_exactly(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while buffer.len() < length {
        if !fill(stream, buffer)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.drain(..length).collect())
}

fn read_line(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<String> {
    let end = loop {
        if let Some(end) = buffer.windows(2).position(|window| window == b"\r\n") {
            break end;
        }
        if !fill(stream, buffer)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let line = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 2);
    Ok(line)
}

/// The chunks, joined, and the trailers behind them.
fn read_chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(Vec<u8>, String)> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream, buffer)?;
        let size = usize::from_str_radix(&line, 16).map_err(|_| io::Error::other("not a chunk"))?;
        if size == 0 {
            break;
        }
        body.extend(read_exactly(stream, buffer, size)?);
        read_exactly(stream, buffer, 2)?;
    }
    let mut trailers = String::new();
    loop {
        let line = read_line(stream, buffer)?;
        if line.is_empty() {
            return Ok((body, trailers));
        }
        trailers = trailers + &line + "\r\n";
    }
}
