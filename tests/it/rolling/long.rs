//! What takes long when its gateway is told to stop: it ends as it would have, and what can't is begun anew at the other one.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;

use super::{PATIENCE, World};
use crate::{
    sockets::talk::{CURRENT, Listener, Order, Talk},
    support::{
        client::read_answer,
        gateway::{GQL, Gateway},
        stub::{Received, answer},
    },
};

/// Bytes of an upload, of which half are sent before the gateway is told to stop.
const UPLOAD: usize = 4 << 20;
const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n\
    {\"query\":\"mutation($f: Upload!) { attach(file: $f) }\",\"variables\":{\"f\":null}}\r\n\
    --b\r\nContent-Disposition: form-data; name=\"map\"\r\n\r\n{\"0\":[\"variables.f\"]}\r\n\
    --b\r\nContent-Disposition: form-data; name=\"0\"; filename=\"a\"\r\n\r\n";
const FORM_END: &str = "\r\n--b--\r\n";

/// How far the backend is, which ends what it has begun only when it may.
#[derive(Default)]
struct Backend {
    may_end: AtomicBool,
    /// Pieces that were sent of streams, the last of them by this number.
    sent: AtomicUsize,
}

impl Backend {
    fn serve(&self, received: &Received, stream: &mut TcpStream) -> std::io::Result<()> {
        let line = received.request_line();
        if line.contains("/slow") {
            while !self.may_end.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            return stream.write_all(answer("", "slow").as_bytes());
        }
        if line.contains("/events") {
            return self.tick(stream);
        }
        let bytes = received.body.iter().filter(|byte| **byte == b'#').count();
        stream.write_all(answer("", &format!("{{\"data\":{{\"bytes\":{bytes}}}}}")).as_bytes())
    }

    fn tick(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        while !self.may_end.load(Ordering::SeqCst) {
            let event = format!("data: {}\n\n", self.sent.load(Ordering::SeqCst) + 1);
            stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
            self.sent.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(b"0\r\n\r\n")
    }
}

/// What is under way at a gateway, by way of the proxy before it.
struct UnderWay {
    slow: TcpStream,
    events: Stream,
    upload: TcpStream,
    form: TcpStream,
    /// Sockets: one on which nothing runs, and one with an operation.
    idle: Talk,
    busy: Talk,
}

/// An answer that goes on.
struct Stream(TcpStream, String);

impl Stream {
    fn read_until(&mut self, end: &str) {
        let mut piece = [0; 4096];
        while !self.1.contains(end) {
            let count = self.0.read(&mut piece).unwrap_or_else(|error| panic!("{error}: {}", self.1));
            assert!(count > 0, "it was cut: {}", self.1);
            self.1.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
    }
}

fn send(port: u16, line: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    stream
}

impl UnderWay {
    fn begin(port: u16, gateway: usize, token: &str) -> Self {
        let headers = format!("X-Prefer: g{gateway}\r\nAuthorization: Bearer {token}\r\n");
        let socket = || {
            let mut talk = Talk::open(port, GQL, CURRENT, &headers);
            talk.init(json!({ "token": token }));
            talk
        };
        let of_length = |length: usize| format!("{headers}Content-Length: {length}\r\n");
        let half = vec![b'#'; UPLOAD / 2];
        let kind = format!(
            "{}Content-Type: multipart/form-data; boundary=b\r\n",
            of_length(FORM.len() + UPLOAD + FORM_END.len())
        );
        let mut events = Stream(send(port, "GET /events", &headers, b""), String::new());
        events.read_until("data: ");
        let mut busy = socket();
        busy.subscribe("x", "subscription { order }");
        let mut form = send(port, &format!("POST {GQL}"), &kind, FORM.as_bytes());
        form.write_all(&half).unwrap();
        Self {
            slow: send(port, "GET /slow", &headers, b""),
            events,
            upload: send(port, "POST /upload", &of_length(UPLOAD), &half),
            form,
            idle: socket(),
            busy,
        }
    }

    /// The gateway has been told to stop and takes no clients any more.
    fn ends_well(mut self, backend: &Backend, sockets: &Listener, port: u16, token: &str) {
        assert_eq!(self.idle.closed_because(), (1012, "Service restart".into()));
        Talk::begun(port, GQL, json!({ "token": token })).is_alive();
        let next = json!({ "id": "x", "type": "next", "payload": { "data": { "late": true } } });
        sockets.order(Order::Say(next.clone()));
        assert_eq!(self.busy.hear(), next);
        self.busy.say(json!({ "id": "x", "type": "complete" }));
        assert_eq!(self.busy.closed(), 1012);

        let rest = vec![b'#'; UPLOAD / 2];
        for (mut upload, end) in [(self.upload, ""), (self.form, FORM_END)] {
            upload.write_all(&rest).unwrap();
            upload.write_all(end.as_bytes()).unwrap();
            let answer = read_answer(&mut upload).unwrap().expect("an answer");
            assert_eq!((answer.status, answer.json()), (200, json!({ "data": { "bytes": UPLOAD } })), "{answer:?}");
        }
        // Pieces of the stream that were made long after the listeners were closed.
        let late = backend.sent.load(Ordering::SeqCst) + 5;
        self.events.read_until(&format!("data: {late}\n"));
        backend.may_end.store(true, Ordering::SeqCst);
        self.events.read_until("\r\n0\r\n\r\n");
        let answer = read_answer(&mut self.slow).unwrap().expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, "slow"));
    }
}

/// The access log's lines of this gateway say that it was here, and how it ended.
fn was_served_by(gateway: &Gateway) {
    let output = gateway.process.output();
    for path in ["/slow", "/events", "/upload", GQL] {
        let method = if path == "/upload" || path == GQL { "POST" } else { "GET" };
        let told = format!("method={method} path=\"{path}\"");
        let line =
            output.lines().find(|line| line.contains("access: request outcome=ok status=200") && line.contains(&told));
        assert!(line.is_some(), "{told}: {output}");
    }
    assert!(!output.contains("still in flight"), "{output}");
}

#[test]
fn what_is_under_way_ends_well_while_each_gateway_is_replaced() {
    let backend = Arc::<Backend>::default();
    let sockets = Listener::beside({
        let backend = Arc::clone(&backend);
        move |received, stream| backend.serve(received, stream)
    });
    let world = World::before(&sockets);
    let (port, token) = (world.front.port, world.token.clone());
    world.with_steady_clients(|gateways, setups| {
        for (number, (gateway, setup)) in gateways.iter_mut().zip(setups).enumerate() {
            backend.may_end.store(false, Ordering::SeqCst);
            super::is_used(gateway);
            let under_way = UnderWay::begin(port, number, &token);
            gateway.process.signal(libc::SIGTERM);
            gateway.process.wait_for_line("stopping: requests in flight may finish");
            under_way.ends_well(&backend, &sockets, port, &token);
            let status = gateway.process.wait(PATIENCE);
            assert!(status.success(), "{status}: {}", gateway.process.output());
            was_served_by(gateway);
            *gateway = setup.start();
            super::is_used(gateway);
        }
    });
}
